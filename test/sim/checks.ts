// The rules that hold at every step of a run.
import type { State } from '../../src/kiosk/state.ts';
import { parseQris } from '../../src/protocol/qris.ts';
import { isDead, mayReach } from '../../src/protocol/verdict.ts';
import { balanceOf, isBalanced, type DifferenceKind } from '../../src/relay/balance.ts';
import type { SaleRow } from '../../src/relay/sale-row.ts';
import type { Books } from '../../src/twin/books.ts';
import type { Transaction } from '../../src/twin/transaction.ts';
import type { RelayFleet } from './relay-fleet.ts';
import type { World } from './world.ts';

/** PROTOCOL.md §6 "Served", and what a pulse may take after the verdict. */
const servedAfterBootMs = 120_000;
const servedAfterDeadlineMs = 60_000;
const slackMs = 30_000;
/** What the journal takes before a QR is gone; far less than a kiosk hides it before its charge expires. */
const hidingMs = 1_000;

/** A loss that people make, beside the relay; the others are never anybody's right. */
const namedLoss: DifferenceKind = 'goods-and-refund';

export function chargesOf(books: Books, saleId: string): Transaction[] {
  return [...books.all()].filter((each) => each.orderId === saleId);
}

/** After each commit: the table of verdicts (PROTOCOL.md §2), and the sums of rule 9. */
export function checkCommit(
  world: World,
  { store, midtrans }: RelayFleet,
  before: SaleRow | undefined,
  saleId: string,
): void {
  const sale = store.sales.get(saleId);
  if (sale === undefined) return;
  const claim = store.claims.get(saleId);
  if (claim?.state === 'redeeming' && claim.dispenseId !== null) {
    world.grants.set(claim.dispenseId, saleId);
  }
  if (before !== undefined && before.verdict !== sale.verdict) {
    world.say('ledger', `${saleId} ${before.verdict} → ${sale.verdict}`);
    if (!mayReach(before.verdict, sale.verdict)) {
      world.broke(`${saleId} went from ${before.verdict} to ${sale.verdict}`);
    }
    checkMoved(world, midtrans.books, sale);
  }
  const balance = balanceOf([{ sale, claim }]);
  if (!isBalanced(balance) && balance.differences.length === 0) {
    world.broke(`the sums of ${saleId} do not balance`);
  }
  for (const { kind } of balance.differences) {
    if (kind !== namedLoss || !world.oddMoney.has(saleId)) {
      world.broke(`${saleId} does not balance: ${kind}`);
    }
  }
}

/** Money is said to be there only when it is; "never had it" and "stopped" only of what can no longer be paid. */
function checkMoved(world: World, books: Books, { saleId, verdict, recovering }: SaleRow): void {
  const charges = chargesOf(books, saleId);
  if (isDead(verdict)) {
    // A proof of the ledger that was lost says so, and it was looked at when that one said it. A request of before that came
    // late may have charged anew since: nobody has its QR, and Midtrans is asked now.
    if (recovering === 1) return;
    if (!charges.some((each) => each.status === 'pending')) return;
    world.broke(`${saleId} was said to be ${verdict} while its charge could be paid`);
  } else if (verdict === 'paid' || verdict === 'paid-late') {
    if (charges.some((each) => each.settledAtMs !== undefined)) return;
    world.broke(`${saleId} was said to be ${verdict} and nobody has paid`);
  }
}

/** A charge that lands now was still being waited for. */
export function checkLanded(world: World, row: SaleRow | undefined): void {
  if (row === undefined) {
    if (!world.happened.has('restore')) {
      world.broke('a charge landed for a sale that the relay does not have');
    }
  } else if (isDead(row.verdict)) {
    world.broke(`the charge of ${row.saleId} landed after the verdict ${row.verdict}`);
  }
}

/** Rules 2, 3: at most one pulse, and only for money that is in and a customer who is being served. */
export function checkPulse(
  world: World,
  { store, midtrans }: RelayFleet,
  id: string,
  pulses: number,
): void {
  if (pulses > 1) world.broke(`${id} was dispensed ${pulses} times`);
  // A redemption has an id of its own, and moves a motor only while the relay holds its grant.
  const granted = world.grants.get(id);
  const saleId = granted ?? id;
  world.dispensed.set(saleId, (world.dispensed.get(saleId) ?? 0) + 1);
  if ((world.dispensed.get(saleId) ?? 0) > 1 && !world.copied.has(saleId)) {
    world.broke(`${saleId} was dispensed for sale and claim`);
  }
  if (granted !== undefined) {
    const claim = store.claims.get(granted);
    if (claim?.state === 'redeeming' && claim.dispenseId === id) return;
    if (world.happened.has('restore')) return;
    world.broke(`${id} was dispensed while its claim was ${claim?.state ?? 'none'}`);
    return;
  }
  if (world.cash.has(saleId)) world.broke(`${saleId} was paid back in cash and is dispensed`);
  const row = store.sales.get(id);
  const paid = chargesOf(midtrans.books, id).find((each) => each.settledAtMs !== undefined);
  if (paid === undefined) world.broke(`${id} was dispensed and is not settled`);
  const nowMs = world.clock.nowMs() - slackMs;
  const late = nowMs > (paid?.settledAtMs ?? 0) + servedAfterBootMs;
  if (late && nowMs > (row?.deadlineAtMs ?? Infinity) + servedAfterDeadlineMs) {
    world.broke(`${id} was dispensed when its customer was long gone`);
  }
  if (world.happened.has('restore') || row?.verdict === 'paid') return;
  world.broke(`${id} was dispensed on the verdict ${row?.verdict ?? 'none'}`);
}

/** Never goods without payment, nor payment without goods: so many pieces as were bought, whatever they cost by now. */
export function checkPieces(world: World, id: string, pieces: number): void {
  const saleId = world.grants.get(id) ?? id;
  const bought = world.bought.get(saleId);
  if (pieces === bought) return;
  world.broke(`${saleId} is for ${bought ?? 'no'} pieces, and ${pieces} were handed over`);
}

/** Rule 5, and amount charged = amount shown. `earlier`: sales whose QR this kiosk has shown before. */
export function checkShown(
  world: World,
  { store, midtrans }: RelayFleet,
  { phase }: State,
  earlier: ReadonlySet<string>,
): void {
  if (phase.at !== 'paying') return;
  const { books } = midtrans;
  const { saleId, amountIdr } = phase.sale;
  const charge = books.findByQr(phase.qrString);
  const read = parseQris(phase.qrString);
  if (charge?.orderId !== saleId) world.broke(`the QR of another charge is shown for ${saleId}`);
  if (charge?.amountIdr !== amountIdr || !read.ok || read.qris.amountIdr !== amountIdr) {
    world.broke(`the QR of ${saleId} asks for another amount than the screen`);
  }
  checkAlone(world, { store, midtrans }, saleId, earlier);
}

/** Of a QR that is on a screen, or came out of a printer: nobody else who got one can still pay by it. */
export function checkAlone(
  world: World,
  { store, midtrans }: Pick<RelayFleet, 'store' | 'midtrans'>,
  saleId: string,
  earlier: ReadonlySet<string>,
): void {
  const isPayable = (each: string): boolean =>
    chargesOf(midtrans.books, each).some(({ status }) => status === 'pending');
  if (!isPayable(saleId)) return;
  for (const other of earlier) {
    if (other === saleId || store.sales.get(other)?.fulfilment === 'abandoned') continue;
    if (isPayable(other)) {
      world.broke(`${other} can still be paid while there is the QR of ${saleId}`);
    }
  }
}

/** A QR that has just been shown is gone when its time is over. `isUp`: whether it still is. */
export function checkHidden(
  world: World,
  saleId: string,
  forMs: number,
  isUp: () => boolean,
): void {
  world.clock.after(forMs + hidingMs, () => {
    if (isUp()) world.broke(`the QR of ${saleId} is shown after its time`);
  });
}
