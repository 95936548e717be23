// A claim at the kiosk: one grant at a time, one dispense for it, and what became of it (PROTOCOL.md §7). PURE.
import {
  disputeNote,
  forOperator,
  handedOutNote,
  inState,
  lookAtMs,
  isGoodsOut,
  minuteMs,
  refuse,
  restIdr,
  restoredNote,
  take,
  type ClaimAlert,
  type ClaimDecision,
  type RedeemResult,
} from './ledger-claim-rules.ts';
import { type ClaimRow, type ClaimState, type SaleRow } from './sale-row.ts';

/** Dispenses that fail one after the other are no accident any more. */
export const maxSpentIds = 20;

/** The grant for this dispense: the first, or the same again. Never for money that is going back. */
export function redeem(
  sale: SaleRow,
  claim: ClaimRow,
  dispenseId: string,
  nowMs: number,
): ClaimDecision {
  switch (claim.state) {
    case 'honoured':
    case 'refunded':
      return refuse(claim, claim.state);
    case 'refunding':
      return refuse(claim, 'going-back');
    case 'redeeming':
      if (claim.dispenseId !== dispenseId) return refuse(claim, 'redeeming');
      // Its result is known, or its money; or was, before the ledger was lost: there is nothing more to hand over.
      if (claim.note !== null || claim.restored === 1) return refuse(claim, 'redeeming');
      return take(claim);
    case 'open':
      if (claim.operatorOnly === 1) return refuse(claim, 'operator-only');
      if (claim.orderedIdr > 0 || sale.refundedIdr > 0) return refuse(claim, 'going-back');
      if (sale.fulfilment === 'done') return refuse(claim, 'goods-out');
      return grant(claim, dispenseId, nowMs);
  }
}

/** At most one dispense per dispense id, whatever became of it and of those after it. */
function grant(claim: ClaimRow, dispenseId: string, nowMs: number): ClaimDecision {
  const spent = JSON.parse(claim.spentIds) as string[];
  if (spent.includes(dispenseId)) return refuse(claim, 'spent-dispense-id');
  if (spent.length >= maxSpentIds) {
    const often = forOperator(claim, 'redeemed-often');
    return { ...refuse(often, 'operator-only'), alert: 'redeemed-often' };
  }
  const spentIds = JSON.stringify([...spent, dispenseId]);
  return take(inState(claim, 'redeeming', nowMs, { dispenseId, spentIds }));
}

interface RedeemReport {
  dispenseId: string;
  result: RedeemResult;
  unsigned?: boolean;
}

/** What the kiosk says of a grant. The first word wins; the same again is answered alike. */
export function redeemResult(
  sale: SaleRow,
  claim: ClaimRow,
  { dispenseId, result, unsigned = false }: RedeemReport,
  nowMs: number,
): ClaimDecision {
  if (claim.dispenseId !== dispenseId) {
    const byLostLedger = isOfLostLedger(claim) && result === 'done' && !unsigned;
    if (!byLostLedger) return dispute(claim, { result, unsigned }, 'other-dispense-id');
    const { claim: told, alert } = redeemedBefore(sale, claim, nowMs);
    if (told.state === 'refunding') return take(told, alert);
    return take({ ...told, dispenseId, note: alert ?? null }, alert);
  }
  switch (claim.state) {
    case 'redeeming':
      if (claim.note === 'redeem-unknown') {
        return result === 'unknown'
          ? take(claim)
          : dispute(claim, { result, unsigned }, 'other-result');
      }
      return firstResult(sale, claim, { result, unsigned }, nowMs);
    case 'open':
      if (claim.note === 'released') return resultAfterRelease(claim, { result, unsigned }, nowMs);
      return result === 'failed'
        ? take(claim)
        : dispute(claim, { result, unsigned }, 'other-result');
    case 'honoured': {
      if (result !== 'done') return refuse(claim, 'other-result');
      // By this one, then: another one is one too many.
      return take(claim.note === restoredNote ? { ...claim, note: null } : claim);
    }
    case 'refunding':
    case 'refunded':
      return result === 'failed'
        ? take(claim)
        : dispute(claim, { result, unsigned }, 'other-result');
  }
}

/**
 * The goods of this claim are out, by a grant that was given after the backup: nobody else's were then. Whoever calls has
 * seen that the kiosk has signed it.
 */
export function redeemedBefore(
  sale: SaleRow,
  claim: ClaimRow,
  nowMs: number,
): { claim: ClaimRow; alert?: ClaimAlert } {
  const lost: ClaimAlert = 'goods-and-refund';
  switch (claim.state) {
    case 'open':
    case 'redeeming': {
      const note = sale.refundedIdr > 0 ? lost : restoredNote;
      const more = { amountIdr: sale.settledIdr, note };
      const honoured = inState(claim, 'honoured', nowMs, more);
      return { claim: honoured, ...(note === lost ? { alert: lost } : {}) };
    }
    case 'refunding':
      // Midtrans will say whether that refund was ever made.
      if (sale.refundedIdr === 0) {
        return { claim: { ...claim, operatorOnly: 1, orderedIdr: 0, note: handedOutNote } };
      }
      return toldAsLost(claim);
    case 'refunded':
      return toldAsLost(claim);
    case 'honoured':
      return { claim };
  }
}

function toldAsLost(claim: ClaimRow): { claim: ClaimRow; alert?: ClaimAlert } {
  const lost = 'goods-and-refund';
  return claim.note === lost ? { claim } : { claim: { ...claim, note: lost }, alert: lost };
}

/** Locked by the restore; or closed since by the kiosk's word, which named no dispense id. */
function isOfLostLedger({ state, restored, note }: ClaimRow): boolean {
  if (state === 'honoured') return note === restoredNote;
  return restored === 1 && state !== 'refunded';
}

function firstResult(
  sale: SaleRow,
  claim: ClaimRow,
  { result, unsigned }: Required<Omit<RedeemReport, 'dispenseId'>>,
  nowMs: number,
): ClaimDecision {
  // Only untouched money is redeemed, so that this is what was owed when it was granted.
  const owed = { amountIdr: sale.settledIdr };
  switch (result) {
    case 'unknown':
      return take({ ...claim, note: 'redeem-unknown' }, 'redeem-unknown');
    case 'done': {
      if (unsigned) return take({ ...claim, operatorOnly: 1, note: 'unsigned' }, 'redeem-unknown');
      if (sale.refundedIdr === 0 && claim.note === 'redeem-disputed') {
        // Another dispense for it was reported as done, too.
        const twice = inState(claim, 'honoured', nowMs, { ...owed, note: 'goods-twice' });
        return take(twice, 'goods-twice');
      }
      if (sale.refundedIdr === 0) return take(inState(claim, 'honoured', nowMs, owed));
      const lost = inState(claim, 'honoured', nowMs, { ...owed, note: 'goods-and-refund' });
      return take(lost, 'goods-and-refund');
    }
    case 'failed': {
      if (isGoodsOut(sale, claim)) return take(inState(claim, 'honoured', nowMs, owed));
      if (sale.refundedIdr >= sale.settledIdr) {
        return take(inState(claim, 'refunding', nowMs, { ...owed, askAtMs: nowMs + minuteMs }));
      }
      const operatorOnly = sale.refundedIdr > 0 || unsigned ? 1 : claim.operatorOnly;
      const askAtMs = operatorOnly === 1 ? lookAtMs(claim) : nowMs;
      const note = unsigned ? 'unsigned' : 'redeem-failed';
      const more = { amountIdr: restIdr(sale), operatorOnly, note, askAtMs };
      return take(inState(claim, 'open', nowMs, more));
    }
  }
}

/** The operator took the lock off before the kiosk had said a word; this is its first one. */
function resultAfterRelease(
  claim: ClaimRow,
  { result, unsigned }: Required<Omit<RedeemReport, 'dispenseId'>>,
  nowMs: number,
): ClaimDecision {
  if (unsigned) return take(forOperator(claim, 'unsigned'), 'redeem-unknown');
  switch (result) {
    case 'done':
      return take(inState(claim, 'honoured', nowMs));
    case 'failed':
      return take({ ...claim, note: 'redeem-failed' });
    case 'unknown':
      return take(forOperator(claim, 'redeem-unknown'), 'redeem-unknown');
  }
}

/** It contradicts what is known. Goods that are said to be out lock what is still open, for a person to look. */
function dispute(
  claim: ClaimRow,
  { result, unsigned }: Required<Omit<RedeemReport, 'dispenseId'>>,
  refusal: 'other-dispense-id' | 'other-result',
): ClaimDecision {
  if (result !== 'done') return refuse(claim, refusal);
  const alert = disputeAlerts[claim.state];
  const note = unsigned ? disputeNote(unsigned) : alert;
  // What was sent is watched to its end; nothing is sent again.
  const held =
    claim.state === 'open'
      ? forOperator(claim, note)
      : claim.state === 'refunding'
        ? { ...claim, operatorOnly: 1, orderedIdr: 0, note }
        : { ...claim, note };
  return { claim: held, next: 'none', refusal, alert };
}

const disputeAlerts = {
  open: 'redeem-disputed',
  redeeming: 'redeem-disputed',
  honoured: 'goods-twice',
  refunding: 'goods-and-refund',
  refunded: 'goods-and-refund',
} as const satisfies Record<ClaimState, ClaimAlert>;
