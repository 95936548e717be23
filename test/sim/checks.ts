// The rules that hold at every step of a run, and those that hold once everything has healed.
import type { State } from '../../src/kiosk/state.ts';
import { parseQris } from '../../src/protocol/qris.ts';
import { isDead, isOpen } from '../../src/protocol/verdict.ts';
import type { ClaimRow, SaleRow } from '../../src/relay/sale-row.ts';
import type { Books } from '../../src/twin/books.ts';
import type { Transaction } from '../../src/twin/transaction.ts';
import type { MemoryStore } from './memory-store.ts';
import type { World } from './world.ts';

/** PROTOCOL.md §6 "Served", and what a pulse may take after the verdict. */
const servedAfterBootMs = 120_000;
const servedAfterDeadlineMs = 60_000;
const slackMs = 30_000;

function chargesOf(books: Books, saleId: string): Transaction[] {
  return [...books.all()].filter((each) => each.orderId === saleId);
}

/** "Never had it" and "stopped" are said only of what can no longer be paid (PROTOCOL.md §3). */
export function checkMoved(world: World, books: Books, row: SaleRow): void {
  if (!isDead(row.verdict)) return;
  if (chargesOf(books, row.saleId).some((each) => each.status === 'pending')) {
    world.broke(`${row.saleId} was said to be ${row.verdict} while its charge could be paid`);
  }
}

/** A charge that lands now was still being waited for. */
export function checkLanded(world: World, row: SaleRow | undefined): void {
  if (row === undefined) world.broke('a charge landed for a sale that the relay does not have');
  else if (isDead(row.verdict)) {
    world.broke(`the charge of ${row.saleId} landed after the verdict ${row.verdict}`);
  }
}

/** Rules 2, 3: at most one pulse, and only for money that is in and a customer who is being served. */
export function checkPulse(
  world: World,
  { sales, claims }: MemoryStore,
  books: Books,
  saleId: string,
  pulses: number,
): void {
  if (pulses > 1) world.broke(`${saleId} was dispensed ${pulses} times`);
  // A redemption has an id of its own, and moves a motor only while the relay holds its grant.
  const granted = [...claims.values()].find((claim) => claim.dispenseId === saleId);
  if (granted !== undefined) {
    if (granted.state === 'redeeming') return;
    world.broke(`${saleId} was dispensed while its claim was ${granted.state}`);
  }
  const row = sales.get(saleId);
  const paid = chargesOf(books, saleId).find((each) => each.status === 'settlement');
  if (paid === undefined) world.broke(`${saleId} was dispensed and is not settled`);
  if (row?.verdict !== 'paid') {
    world.broke(`${saleId} was dispensed on the verdict ${row?.verdict ?? 'none'}`);
    return;
  }
  const nowMs = world.clock.nowMs() - slackMs;
  const late = nowMs > (paid?.settledAtMs ?? 0) + servedAfterBootMs;
  if (late && nowMs > row.deadlineAtMs + servedAfterDeadlineMs) {
    world.broke(`${saleId} was dispensed when its customer was long gone`);
  }
}

/** Rule 5, and amount charged = amount shown. `earlier`: sales whose QR this kiosk has shown before. */
export function checkShown(
  world: World,
  { sales }: MemoryStore,
  books: Books,
  { phase }: State,
  earlier: ReadonlySet<string>,
): void {
  if (phase.at !== 'paying') return;
  const { saleId, amountIdr } = phase.sale;
  const charge = books.findByQr(phase.qrString);
  const read = parseQris(phase.qrString);
  if (charge?.orderId !== saleId) world.broke(`the QR of another charge is shown for ${saleId}`);
  if (charge?.amountIdr !== amountIdr || !read.ok || read.qris.amountIdr !== amountIdr) {
    world.broke(`the QR of ${saleId} asks for another amount than the screen`);
  }
  for (const other of earlier) {
    if (other === saleId || sales.get(other)?.fulfilment === 'abandoned') continue;
    if (chargesOf(books, other).some((each) => each.status === 'pending')) {
      world.broke(`${other} can still be paid while the QR of ${saleId} is shown`);
    }
  }
}

/** What is not in order yet; undefined when everything is. Rule 9 for every charge of the run. */
export function unsettled(
  { sales, claims, outbox }: MemoryStore,
  books: Books,
  pulses: ReadonlyMap<string, number>,
): string | undefined {
  for (const row of sales.values()) {
    if (isOpen(row.verdict)) return `${row.saleId} is still ${row.verdict}`;
  }
  for (const charge of books.all()) {
    const { orderId } = charge;
    const row = sales.get(orderId);
    const fault = wrongEnd(charge, row, claims.get(orderId), pulses);
    if (fault !== undefined) return `${orderId} ${fault}`;
  }
  if (outbox.size > 0) return 'a verdict is not acknowledged';
  return undefined;
}

function wrongEnd(
  charge: Transaction,
  row: SaleRow | undefined,
  claim: ClaimRow | undefined,
  allPulses: ReadonlyMap<string, number>,
): string | undefined {
  const pulses = allPulses.get(charge.orderId) ?? 0;
  switch (charge.status) {
    case 'pending':
      return 'can still be paid';
    case 'deny':
    case 'cancel':
    case 'expire':
      return undefined;
    case 'partial_refund':
    case 'refund':
      return row?.verdict === 'refunded' || claim !== undefined ? undefined : 'lost its refund';
    case 'settlement':
      break;
  }
  if (row?.verdict !== 'paid' && row?.verdict !== 'paid-late') {
    return `took money and is ${row?.verdict ?? 'unknown'}`;
  }
  if (row.chargeId !== charge.transactionId) return 'took money twice';
  const open = claim?.state === 'open';
  if (claim?.state === 'honoured' && claim.dispenseId !== null) {
    const redeemed = allPulses.get(claim.dispenseId) ?? 0;
    if (pulses > 0 && row.fulfilment !== 'unknown') return 'was dispensed for sale and claim';
    return redeemed === 1 ? undefined : `has an honoured claim with ${redeemed} pulses`;
  }
  // Nobody can say whether its goods came out: locked, for the operator.
  if (claim?.state === 'redeeming') {
    return claim.note === 'redeem-unknown' ? undefined : 'has a claim that is never redeemed';
  }
  if (row.fulfilment === 'done') {
    if (open) return 'is done and has an open claim';
    return pulses === 1 ? undefined : `is done with ${pulses} pulses`;
  }
  if (!open) return `took money, has no claim and is ${row.fulfilment ?? 'in hand'}`;
  if (pulses > 0 && row.fulfilment !== 'unknown') return 'was dispensed and has an open claim';
  return undefined;
}
