// Claims: money that was taken and not yet honoured. What a sale's own decisions do to its claim, and what a claim's own
// events do (PROTOCOL.md §6, §7). Whoever calls holds the sale's lock and stores both in one step. PURE.
import assert from 'node:assert';
import {
  disputeNote,
  forOperator,
  handedOutNote,
  haltedNote,
  inState,
  minuteMs,
  ownRefund,
  restIdr,
  restoredNote,
  type ClaimAlert,
  type ClaimDecision,
  type ClaimEvent,
} from './ledger-claim-rules.ts';
import { redeem, redeemedBefore, redeemResult } from './ledger-redeem.ts';
import { orderRefund, release, settleByHand } from './ledger-operator.ts';
import { looked, refundAnswered, refundDue } from './ledger-refund.ts';
import { type ClaimChange } from './ledger-rules.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/** Decides one event of a claim. `sale` is the row as it stands under the same lock. */
export function decideClaim(
  sale: SaleRow,
  claim: ClaimRow,
  event: ClaimEvent,
  nowMs: number,
): ClaimDecision {
  assert(sale.saleId === claim.saleId, 'a claim is decided with its own sale');
  switch (event.type) {
    case 'redeem':
      return redeem(sale, claim, event.dispenseId, nowMs);
    case 'redeem-result':
      return redeemResult(sale, claim, event, nowMs);
    case 'due':
      return refundDue(sale, claim, event, nowMs);
    case 'looked':
      return looked(sale, claim, event, nowMs);
    case 'refund-answered':
      return refundAnswered(claim, event, nowMs);
    case 'order-refund':
      return orderRefund(claim, event.amountIdr ?? claim.amountIdr, nowMs);
    case 'settle':
      return settleByHand(sale, claim, event, nowMs);
    case 'release':
      return release(sale, claim, nowMs);
  }
}

export interface ChangedClaim {
  /** Undefined: there is none, and none opens. */
  claim: ClaimRow | undefined;
  alert?: ClaimAlert;
}

/** What a decision about the sale does to its claim. `sale`: the row after that decision. */
export function changedClaim(
  sale: SaleRow,
  claim: ClaimRow | undefined,
  change: ClaimChange,
  nowMs: number,
): ChangedClaim {
  if (claim === undefined)
    return { claim: change.do === 'open' ? opened(sale, change, nowMs) : claim };
  switch (change.do) {
    case 'open':
      return { claim };
    case 'rest':
      return lessOwed(sale, claim, change, nowMs);
    case 'dispute':
      return { claim: disputed(claim, disputeNote(change.unsigned === true)) };
    case 'redeemed':
      return redeemedBefore(sale, claim, nowMs);
    case 'close':
      return change.as === 'honoured'
        ? goodsOut(claim, nowMs)
        : wentBack(sale, claim, change.as, nowMs);
  }
}

function opened(
  sale: SaleRow,
  change: Extract<ClaimChange, { do: 'open' }>,
  nowMs: number,
): ClaimRow {
  const opens = {
    saleId: sale.saleId,
    kioskId: sale.kioskId,
    kind: change.kind,
    amountIdr: change.amountIdr,
    operatorOnly: change.operatorOnly ? 1 : 0,
    state: 'open' as const,
    openedAtMs: nowMs,
    changedAtMs: nowMs,
    dispenseId: null,
    spentIds: '[]',
    refundN: 0,
    refundIdr: 0,
    refundAtMs: null,
    orderedIdr: 0,
    handIdr: 0,
    restored: change.restored === true ? 1 : 0,
    note: change.note ?? null,
    // One that is older than its ledger is asked about first: Midtrans may have paid it back meanwhile.
    askAtMs: change.operatorOnly && change.restored !== true ? null : nowMs,
  };
  return change.honoured === true
    ? inState(opens, 'honoured', nowMs, { note: restoredNote })
    : opens;
}

/** The kiosk contradicts itself: a person must look before anything more is given. */
function disputed(claim: ClaimRow, note: string): ClaimRow {
  switch (claim.state) {
    case 'open':
      return forOperator(claim, note);
    case 'refunding':
      // What was sent is watched to its end; nothing is sent again.
      return { ...claim, operatorOnly: 1, orderedIdr: 0, note };
    case 'redeeming':
      return { ...claim, operatorOnly: 1, note: claim.note ?? note };
    case 'honoured':
    case 'refunded':
      return { ...claim, note: claim.note ?? note };
  }
}

/** Part of the money went back, by our refund or by a hand at Midtrans. */
function lessOwed(
  sale: SaleRow,
  claim: ClaimRow,
  { amountIdr, refunds }: Extract<ClaimChange, { do: 'rest' }>,
  nowMs: number,
): ChangedClaim {
  switch (claim.state) {
    case 'open':
      if (claim.amountIdr === amountIdr) return { claim };
      return { claim: { ...forOperator(claim, 'refunded-in-part'), amountIdr } };
    case 'redeeming':
      if (claim.amountIdr === amountIdr) return { claim };
      return claim.restored === 1
        ? { claim: { ...claim, amountIdr } }
        : risk({ ...claim, amountIdr });
    case 'refunding': {
      const own = ownRefund(claim, refunds);
      if (own?.confirmed !== true) return { claim };
      if (claim.note === handedOutNote) return risk(inState(claim, 'honoured', nowMs));
      const rest = inState(claim, 'open', nowMs, { orderedIdr: 0, note: 'refunded-in-part' });
      return { claim: { ...rest, amountIdr, operatorOnly: 1 } };
    }
    case 'honoured':
    case 'refunded':
      return afterTheEnd(sale, claim);
  }
}

/** All of the money went back; `refunded` once the payer's bank has it. */
function wentBack(
  sale: SaleRow,
  claim: ClaimRow,
  as: 'refunding' | 'refunded',
  nowMs: number,
): ChangedClaim {
  switch (claim.state) {
    case 'open':
      if (as === 'refunded') return { claim: inState(claim, 'refunded', nowMs) };
      return {
        claim: inState(claim, 'refunding', nowMs, { orderedIdr: 0, askAtMs: nowMs + minuteMs }),
      };
    case 'refunding': {
      const isNew = claim.note === handedOutNote;
      const isOut = isNew || sale.fulfilment === 'done';
      const note = isOut ? 'goods-and-refund' : haltedNote(claim);
      const told = isNew ? { alert: 'goods-and-refund' as const } : {};
      if (as === 'refunded') return { claim: inState(claim, 'refunded', nowMs, { note }), ...told };
      return { claim: { ...claim, note }, ...told };
    }
    case 'redeeming':
      // Nobody pays back what is granted: that grant came to nothing in the ledger that was lost.
      if (claim.restored === 1) return wentBack(sale, { ...claim, state: 'open' }, as, nowMs);
      if (claim.amountIdr === restIdr(sale)) return { claim };
      return risk({ ...claim, amountIdr: restIdr(sale) });
    case 'honoured':
    case 'refunded':
      return afterTheEnd(sale, claim);
  }
}

/** More went back than this claim, or the sale, ever owed. Said once. */
function afterTheEnd(sale: SaleRow, claim: ClaimRow): ChangedClaim {
  const before = sale.settledIdr - claim.amountIdr;
  if (claim.state === 'honoured') {
    return sale.refundedIdr > before ? risk(claim) : { claim };
  }
  if (claim.handIdr === 0 || claim.note === 'refunded-twice') return { claim };
  if (sale.refundedIdr + claim.handIdr <= sale.settledIdr) return { claim };
  return { claim: { ...claim, note: 'refunded-twice' }, alert: 'refunded-twice' };
}

/** The kiosk reports that the sale's own goods are out. */
function goodsOut(claim: ClaimRow, nowMs: number): ChangedClaim {
  switch (claim.state) {
    case 'open':
      // Goods for another sum than theirs: who owes whom is for a person.
      if (claim.kind === 'foreign') return { claim: forOperator(claim, 'goods-out') };
      return { claim: inState(claim, 'honoured', nowMs) };
    case 'redeeming':
      return { claim: { ...claim, note: 'goods-out' }, alert: 'goods-twice' };
    case 'refunding':
    case 'refunded':
      return risk(claim);
    case 'honoured':
      if (claim.dispenseId === null) return { claim };
      return { claim: { ...claim, note: 'goods-twice' }, alert: 'goods-twice' };
  }
}

function risk(claim: ClaimRow): ChangedClaim {
  if (claim.note === 'goods-and-refund') return { claim };
  return { claim: { ...claim, note: 'goods-and-refund' }, alert: 'goods-and-refund' };
}
