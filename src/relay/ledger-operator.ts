// What the operator may do about a claim, and when it is refused: money must not leave twice (PROTOCOL.md §7). PURE.
import {
  inState,
  ledgerNotes,
  lookAtMs,
  minuteMs,
  refuse,
  restIdr,
  take,
  type ClaimDecision,
  type ClaimRefusal,
  type SettledAs,
} from './ledger-claim-rules.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/**
 * A kiosk that was granted a dispense and is silent may be dispensing: so long nobody else decides. A board has 15 s and 10 s
 * a piece (docs/DESIGN.md), at most 99 pieces: 17 minutes.
 */
export const grantQuietMs = 20 * minuteMs;

/** Marks an open claim for a refund, which the running relay makes. `amountIdr`: at most what is owed. */
export function orderRefund(claim: ClaimRow, amountIdr: number, nowMs: number): ClaimDecision {
  switch (claim.state) {
    case 'open':
      if (claim.restored === 1) return refuse(claim, 'restored');
      if (!Number.isInteger(amountIdr) || amountIdr < 1 || amountIdr > claim.amountIdr) {
        return refuse(claim, 'amount');
      }
      return take({ ...claim, orderedIdr: amountIdr, askAtMs: nowMs });
    case 'redeeming':
      return refuse(claim, 'redeeming');
    case 'refunding':
      return refuse(claim, 'going-back');
    case 'honoured':
    case 'refunded':
      return refuse(claim, claim.state);
  }
}

/**
 * The operator gave the goods or the money by hand. Not while Midtrans has yet to say whether the ledger that was lost has
 * paid it back; who has looked there, releases it first.
 */
export function settleByHand(
  sale: SaleRow,
  claim: ClaimRow,
  { as, note: words }: { as: SettledAs; note: string },
  nowMs: number,
): ClaimDecision {
  const note = ledgerNotes.has(words) ? `"${words}"` : words;
  const refusal = claim.state === 'open' ? undefined : stillLocked(sale, claim, nowMs);
  if (refusal !== undefined) return refuse(claim, refusal);
  if (lookAtMs(claim) !== null) return refuse(claim, 'still-asking');
  const amountIdr = restIdr(sale);
  if (as === 'honoured') return take(inState(claim, 'honoured', nowMs, { amountIdr, note }));
  const byHand = { amountIdr, handIdr: amountIdr, note };
  return take(inState(claim, 'refunded', nowMs, byHand));
}

/**
 * Takes a lock off, after somebody has looked; or an order for a refund that was not begun. A claim of a ledger that was
 * restored stays the operator's: whether it was paid out meanwhile, the released lock says only to a person.
 */
export function release(sale: SaleRow, claim: ClaimRow, nowMs: number): ClaimDecision {
  const free = { orderedIdr: 0, restored: 0, note: 'released' };
  if (claim.state === 'open') {
    if (claim.restored === 1) return take({ ...claim, ...free, askAtMs: null });
    if (claim.orderedIdr === 0) return refuse(claim, 'not-locked');
    return take({ ...claim, orderedIdr: 0, askAtMs: claim.operatorOnly === 1 ? null : nowMs });
  }
  const refusal = stillLocked(sale, claim, nowMs);
  if (refusal !== undefined) return refuse(claim, refusal);
  const operatorOnly = sale.refundedIdr > 0 ? 1 : claim.operatorOnly;
  const askAtMs = operatorOnly === 1 ? null : nowMs;
  const more = { amountIdr: restIdr(sale), operatorOnly, askAtMs, ...free };
  return take(inState(claim, 'open', nowMs, more));
}

/** Why nobody may touch it yet; undefined when a person may. */
function stillLocked(sale: SaleRow, claim: ClaimRow, nowMs: number): ClaimRefusal | undefined {
  switch (claim.state) {
    case 'honoured':
    case 'refunded':
      return claim.state;
    case 'refunding':
      if (restIdr(sale) < claim.amountIdr) return 'going-back';
      return claim.askAtMs === null ? undefined : 'still-asking';
    case 'redeeming':
      if (restIdr(sale) === 0) return 'going-back';
      if (claim.note !== null || nowMs - claim.changedAtMs >= grantQuietMs) return undefined;
      return 'maybe-dispensing';
    case 'open':
      return 'not-locked';
  }
}
