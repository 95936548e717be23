// `kios demo --check`: four sales without hands, through keys, barcodes, pixels, paper and pulses alone.
import { createRenderer, type Renderer } from '../../drivers/display/render.ts';
import type { Frame, Key } from '../../drivers/device.ts';
import { sceneOf, type ScreenContext } from '../kiosk/screens.ts';
import { newState } from '../kiosk/new-state.ts';
import type { OpenSale, Outcome, Phase, State } from '../kiosk/state.ts';
import type { Clock } from '../lib/clock.ts';
import { formatRupiah } from '../protocol/money.ts';
import { CheckFailure, type CheckedSale, type Stage } from './check-table.ts';
import { panel, type VirtualDevices } from './devices.ts';
import { kioskId, merchant, products } from './options.ts';
import { pay, readBill } from './wallet.ts';
import { createWitness, type Witness } from './witness.ts';

export interface CheckOptions {
  devices: VirtualDevices;
  twinPort: number;
  clock: Clock;
  /** Told after each sale. */
  onSale: (sale: CheckedSale) => void;
}

/** Generous, and together below a minute with the sale that times out. */
const limits = { ready: 20_000, qr: 10_000, paid: 8_000, goods: 5_000, slip: 8_000, ended: 8_000 };
/** Midtrans' shortest life of a QR is 20 s; the kiosk hides it before. */
const expiryLimitMs = 26_000;

interface Check extends Omit<CheckOptions, 'onSale'> {
  witness: Witness;
  renderer: Renderer;
}

/** Runs all four. @throws CheckFailure for the first that is not as it must be */
export async function runCheck(options: CheckOptions): Promise<void> {
  const { devices, clock, onSale } = options;
  const witness = createWitness(devices, clock);
  const check: Check = { ...options, witness, renderer: createRenderer({ geometry: panel }) };
  const one = async (title: string, sale: (check: Check) => Promise<Stage[]>): Promise<void> => {
    try {
      onSale({ title, stages: await sale(check) });
    } catch (error) {
      if (!(error instanceof CheckFailure)) throw error;
      throw new CheckFailure(`${title}: ${error.message}`);
    }
  };
  try {
    await witness.screen(idleScreen(check), 'Selamat datang', limits.ready);
    await one('Rp 15.000, dari keypad / typed', typedSale);
    await one('Kopi susu, dari barcode / scanned', scannedSale);
    await one('dibatalkan pelanggan / cancelled by the customer', cancelledSale);
    await one('waktu habis / timed out', expiredSale);
    if (witness.pulses() !== 2) {
      throw new CheckFailure(`the dispenser moved ${witness.pulses()} times for 2 paid sales`);
    }
  } finally {
    witness.close();
  }
}

async function typedSale(check: Check): Promise<Stage[]> {
  type(check, '15000');
  return payAndCollect(check, 15_000, ['Rp 15.000']);
}

async function scannedSale(check: Check): Promise<Stage[]> {
  const { devices, witness, clock } = check;
  const [product] = products;
  if (product === undefined) throw new CheckFailure('there is nothing on the shelf');
  const { barcode, id, name, priceIdr } = product;
  const items = [{ id, name, priceIdr, quantity: 1 }];
  const basket = screenOf(check, { at: 'basket', items, untilMs: 0 });
  const scannedMs = clock.monotonicMs();
  if (!devices.scan(barcode)) throw new CheckFailure('the kiosk has not opened the scanner');
  const seenMs = await witness.screen(basket, 'Belanja Anda', limits.ended);
  const rest = await payAndCollect(check, priceIdr, [name, formatRupiah(priceIdr)]);
  return [{ name: 'barcode → basket on the screen', tookMs: seenMs - scannedMs }, ...rest];
}

/** From Enter to the receipt. */
async function payAndCollect(
  check: Check,
  amountIdr: number,
  onReceipt: readonly string[],
): Promise<Stage[]> {
  const { witness, clock, twinPort } = check;
  const paidScreen = screenOf(check, { at: 'dispensing', sale: openSale(amountIdr) });
  const doneScreen = resultScreen(check, 'done', amountIdr);
  const { stage, text } = await orderQr(check, amountIdr);
  const payMs = clock.monotonicMs();
  const [paidMs, pulseMs, doneMs, slipMs] = await all([
    witness.screen(paidScreen, 'Pembayaran diterima, barang dikeluarkan', limits.paid),
    witness.pulse(payMs, limits.paid),
    witness.screen(doneScreen, 'Pembayaran diterima', limits.paid + limits.goods),
    witness.slip(['STRUK', ...onReceipt], payMs, limits.paid + limits.goods + limits.slip),
    mustPay(twinPort, text),
  ]);
  await closeResult(check);
  return [
    stage,
    { name: 'paid at the wallet → "Pembayaran diterima"', tookMs: paidMs - payMs },
    { name: 'paid at the wallet → dispenser pulse', tookMs: pulseMs - payMs },
    { name: 'pulse → goods out, by the screen', tookMs: doneMs - pulseMs },
    { name: 'pulse → receipt on paper', tookMs: slipMs - pulseMs },
  ];
}

async function cancelledSale(check: Check): Promise<Stage[]> {
  const { witness, clock } = check;
  const cancelled = resultScreen(check, 'cancelled', 21_000);
  type(check, '21000');
  const { stage, text } = await orderQr(check, 21_000);
  const pressedMs = clock.monotonicMs();
  press(check, 'cancel');
  const seenMs = await witness.screen(cancelled, 'Dibatalkan', limits.ended);
  await mustNotPay(check, text, 'cancelled');
  await closeResult(check);
  return [
    stage,
    { name: 'cancel key → "Dibatalkan"', tookMs: seenMs - pressedMs },
    { name: 'its QR can no longer be paid' },
  ];
}

async function expiredSale(check: Check): Promise<Stage[]> {
  const { witness } = check;
  const expired = resultScreen(check, 'expired', 8_000);
  type(check, '8000');
  const { stage, text, atMs } = await orderQr(check, 8_000);
  const seenMs = await witness.screen(expired, 'Waktu habis', expiryLimitMs);
  await mustNotPay(check, text, 'expired');
  await closeResult(check);
  return [
    stage,
    { name: 'QR → "Waktu habis"', tookMs: seenMs - atMs },
    { name: 'its QR can no longer be paid' },
  ];
}

/** Presses Enter and reads the QR out of the pixels; the wallet must show who is paid, and how much. */
async function orderQr(
  check: Check,
  amountIdr: number,
): Promise<{ stage: Stage; text: string; atMs: number }> {
  const { witness, clock, twinPort } = check;
  const enterMs = clock.monotonicMs();
  press(check, 'enter');
  const { text, atMs } = await witness.freshQr(limits.qr);
  const bill = await readBill(twinPort, text);
  if (bill.amountIdr !== amountIdr || bill.merchant !== merchant.name || !bill.payable) {
    const { amountIdr: shownIdr, merchant: payee } = bill;
    throw new CheckFailure(`the wallet shows ${formatRupiah(shownIdr)} for ${payee}`);
  }
  return { stage: { name: 'Enter → QR read from the pixels', tookMs: atMs - enterMs }, text, atMs };
}

async function mustPay(twinPort: number, qrString: string): Promise<void> {
  const payment = await pay(twinPort, qrString);
  if (payment.kind === 'refused') throw new CheckFailure(`the wallet was refused: ${payment.code}`);
}

async function mustNotPay({ twinPort }: Check, qrString: string, why: string): Promise<void> {
  const payment = await pay(twinPort, qrString);
  if (payment.kind === 'paid') throw new CheckFailure('its QR could still be paid');
  if (payment.code !== why) throw new CheckFailure(`the wallet was refused for ${payment.code}`);
}

/** Waits for each, so that none is left behind when another fails. */
async function all<T extends readonly unknown[]>(work: {
  readonly [K in keyof T]: Promise<T[K]>;
}): Promise<T> {
  await Promise.allSettled(work);
  return Promise.all(work);
}

function type(check: Check, digits: string): void {
  for (const digit of digits) press(check, digit as Key);
}

function press({ devices }: Check, key: Key): void {
  if (!devices.press(key)) throw new CheckFailure('the kiosk has not opened the keypad');
}

async function closeResult(check: Check): Promise<void> {
  press(check, 'enter');
  await check.witness.screen(idleScreen(check), 'Selamat datang', limits.ended);
}

function idleScreen(check: Check): Frame {
  return screenOf(check, { at: 'idle' });
}

function resultScreen(check: Check, outcome: Outcome, amountIdr: number): Frame {
  return screenOf(check, { at: 'result', outcome, sale: openSale(amountIdr), untilMs: 0 });
}

/** Nothing of these screens depends on the sale's id. */
function openSale(amountIdr: number): OpenSale {
  const saleId = `${kioskId}-00000000000000000000000000`;
  return { saleId, amountIdr, items: [], pieces: 1, verdict: 'paid', bootId: '' };
}

/** The screen that a customer must see, drawn here, to be compared with what came over the display's line. */
function screenOf({ renderer }: Check, phase: Phase): Frame {
  const context: ScreenContext = {
    rules: {
      limits: { minIdr: 1000, maxIdr: 10_000_000 },
      payee: { nmid: merchant.nmid, pan: merchant.pan },
      catalogue: new Map(products.map((product) => [product.barcode, product])),
      required: [],
      qrOn: 'display',
      acceptBlindPrinter: false,
      receipts: true,
      maxPieces: 99,
    },
    merchant,
    sandbox: true,
    nowMs: 0,
    claimCode: () => '',
  };
  const state: State = { ...newState('', ''), ledger: { at: 'same' }, phase };
  return renderer.render(sceneOf(state, context));
}
