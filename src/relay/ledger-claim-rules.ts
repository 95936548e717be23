// What more than one step of a claim needs: its events, its words, how its state changes (PROTOCOL.md §7). PURE.
import { type Refund, type RefundOutcome, type StatusOutcome } from './midtrans/gateway.ts';
import { type ClaimRow, type ClaimState, type SaleRow } from './sale-row.ts';

/** How refunds begin by themselves; from the configuration. */
export interface RefundPolicy {
  automatic: boolean;
  /** So long after a claim opened the customer may still get the goods. */
  refundAfterMs: number;
}

export type ClaimEvent =
  /** The kiosk wants to hand over the goods after all. */
  | { type: 'redeem'; dispenseId: string }
  /** `unsigned`: without the kiosk's own signature over it. */
  | { type: 'redeem-result'; dispenseId: string; result: RedeemResult; unsigned?: true }
  /** `askAtMs` was reached. */
  | ({ type: 'due' } & Walk)
  /** Midtrans was asked. `sent`: right after a refund was sent, so that one which is not listed may still land. */
  | ({ type: 'looked'; outcome: StatusOutcome; sent: boolean } & Walk)
  | { type: 'refund-answered'; refundN: number; outcome: RefundOutcome; jitter: number }
  /** The operator's words. Without an amount: all that is owed. */
  | { type: 'order-refund'; amountIdr?: number }
  | { type: 'settle'; as: SettledAs; note: string }
  | { type: 'release' };

export type RedeemResult = 'done' | 'failed' | 'unknown';

/** What the operator did outside of kiosk and Midtrans: gave the goods, or the money in cash. */
export type SettledAs = 'honoured' | 'refunded-by-hand';

/** `jitter`: 0 to 1, drawn by whoever walks, so that many claims do not come back at once. */
export interface Walk {
  policy: RefundPolicy;
  jitter: number;
}

/** Why an event was not taken. The kiosk hears `claim-locked` for each; the operator the reason. */
export type ClaimRefusal =
  | 'operator-only'
  | 'going-back'
  | 'redeeming'
  | 'honoured'
  | 'refunded'
  | 'spent-dispense-id'
  | 'other-dispense-id'
  | 'other-result'
  | 'goods-out'
  | 'restored'
  | 'amount'
  | 'not-locked'
  | 'maybe-dispensing'
  | 'still-asking';

/** What a person should look at today. */
export type ClaimAlert =
  /** The money went back, or is on its way, and goods are out, or a grant is: a loss, or soon one. */
  | 'goods-and-refund'
  | 'goods-twice'
  | 'refunded-twice'
  | 'redeem-unknown'
  | 'redeem-disputed'
  /** Granted again and again, and nothing ever fell. */
  | 'redeemed-often'
  | 'refund-refused'
  | 'refund-unfunded'
  | 'refund-locked'
  | 'refund-window';

export interface ClaimDecision {
  claim: ClaimRow;
  /** What must happen at Midtrans now. */
  next: 'none' | 'look' | 'refund';
  refusal?: ClaimRefusal;
  alert?: ClaimAlert;
}

/** The note of a claim with the lock `restored`, until its next news. The lock itself stands in the row. */
export const restoredNote = 'restored';

/** Of a refund in flight at a restore, while Midtrans has not said that it was made: the kiosk has handed out the goods. */
export const handedOutNote = 'handed-out';

/** Goods are said to be out, against what was said before: by the kiosk, or by somebody without its key. */
export function disputeNote(unsigned: boolean): string {
  return unsigned ? 'disputed-unsigned' : 'disputed';
}

/** Notes by which the ledger itself knows what became of a claim. An operator's own words are none of them. */
export const ledgerNotes: ReadonlySet<string | null> = new Set([
  ...[restoredNote, handedOutNote, disputeNote(true), disputeNote(false), 'redeem-disputed'],
  ...['goods-and-refund', 'goods-twice', 'refunded-twice', 'goods-out'],
]);

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;

/** midtrans.md §8: the same `refund_key` may be tried again for seven days. Off-us QRIS can be refunded as long. */
export const refundWindowMs = 7 * dayMs;

/** What of the money has not gone back, in rupiah. */
export function restIdr(sale: SaleRow): number {
  return Math.max(0, sale.settledIdr - sale.refundedIdr);
}

/** PROTOCOL.md §7. */
export function refundKey(claim: Pick<ClaimRow, 'saleId' | 'refundN'>): string {
  return `${claim.saleId}-${claim.refundN}`;
}

/** The refund in flight, or the last one, among those that Midtrans lists. Some of its lists leave the key out. */
export function ownRefund(
  claim: ClaimRow,
  refunds: readonly Refund[] | undefined,
): Refund | undefined {
  if (claim.refundN === 0) return undefined;
  const key = refundKey(claim);
  return (
    refunds?.find((refund) => refund.key === key) ??
    refunds?.find((refund) => refund.key === undefined && refund.amountIdr === claim.refundIdr)
  );
}

/**
 * A refund in flight for which nobody stands any more: it is of a ledger that was lost, or it did not begin by an order
 * that still holds, and the claim is the operator's. What comes of it is taken in; nothing is sent again.
 */
export function isHalted({ state, restored, operatorOnly, orderedIdr }: ClaimRow): boolean {
  return state === 'refunding' && (restored === 1 || (operatorOnly === 1 && orderedIdr === 0));
}

/** Why it was halted, or that it is a loss, which no news of the refund overwrites. */
export function haltedNote(claim: ClaimRow): string | null {
  return isHalted(claim) || claim.note === 'goods-and-refund' ? claim.note : null;
}

/** The sale's own goods are out, rightly: the claim is over. Of late or foreign money a person says so. */
export function isGoodsOut(sale: SaleRow, claim: ClaimRow): boolean {
  return sale.fulfilment === 'done' && sale.verdict !== 'paid-late' && claim.kind !== 'foreign';
}

/** The claim in another state. What was waited for in the old one is waited for no more. */
export function inState(
  claim: ClaimRow,
  state: ClaimState,
  nowMs: number,
  more: Partial<ClaimRow> = {},
): ClaimRow {
  const settled = state === 'honoured' || state === 'refunded';
  const order = settled ? { orderedIdr: 0, restored: 0 } : {};
  return { ...claim, state, changedAtMs: nowMs, askAtMs: null, note: null, ...order, ...more };
}

/** The claim is for a person to look at; what was ordered is not done. */
export function forOperator(claim: ClaimRow, note: string): ClaimRow {
  return { ...claim, operatorOnly: 1, orderedIdr: 0, askAtMs: lookAtMs(claim), note };
}

/** When Midtrans is asked what became of a claim in the ledger that was lost. Null: it has said, or there is no such claim. */
export function lookAtMs({ restored, askAtMs }: ClaimRow): number | null {
  return restored === 1 ? askAtMs : null;
}

export function refuse(claim: ClaimRow, refusal: ClaimRefusal): ClaimDecision {
  return { claim, next: 'none', refusal };
}

export function take(claim: ClaimRow, alert?: ClaimAlert): ClaimDecision {
  return { claim, next: 'none', ...(alert === undefined ? {} : { alert }) };
}
