// A claim on its way back through Midtrans: one refund key at a time, written down before it is sent, and another one only
// when get-status shows that the one before it is not there or is through (PROTOCOL.md §7, midtrans.md §8). PURE.
import {
  dayMs,
  handedOutNote,
  haltedNote,
  hourMs,
  inState,
  isGoodsOut,
  isHalted,
  minuteMs,
  ownRefund,
  refundKey,
  refundWindowMs,
  restIdr,
  restoredNote,
  take,
  type ClaimDecision,
  type ClaimEvent,
  type Walk,
} from './ledger-claim-rules.ts';
import { type ChargeState, type Refund, type RefundOutcome } from './midtrans/gateway.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/** An answer to a refund comes within this, or not at all; only then it may be sent again. Longer than any call. */
const resendMs = minuteMs;
/** Without a clear answer for so long, a person must look. */
const giveUpMs = dayMs;
/** Banks take days; after this a person must ask them. */
const bankMs = 30 * dayMs;
const askMs = { first: minuteMs, slowest: hourMs } as const;
const bankAskMs = { first: minuteMs, slowest: 6 * hourMs } as const;
const fundsAskMs = { first: 15 * minuteMs, slowest: 6 * hourMs } as const;

const refusedNote = 'refund-refused-';

/** It was looked at because its time had come. */
export function refundDue(
  sale: SaleRow,
  claim: ClaimRow,
  { policy, jitter }: Walk,
  nowMs: number,
): ClaimDecision {
  switch (claim.state) {
    case 'honoured':
    case 'refunded':
      return take({ ...claim, askAtMs: null });
    case 'redeeming':
      return claim.restored === 1 ? look(claim, nowMs) : take({ ...claim, askAtMs: null });
    case 'refunding':
      return look(claim, nowMs);
    case 'open': {
      // What became of it in the ledger that was lost; nothing follows by itself.
      if (claim.restored === 1) return look(claim, nowMs);
      const at = beginAtMs(claim, policy);
      if (at === null || at > nowMs) return take({ ...claim, askAtMs: at });
      if (sale.recovering === 1) {
        return take({ ...claim, askAtMs: later(nowMs, askMs.first, jitter) });
      }
      if (claim.orderedIdr === 0 && windowIsOver(sale, nowMs)) {
        const late = { ...claim, operatorOnly: 1, askAtMs: null, note: 'refund-window' };
        return take(late, 'refund-window');
      }
      return look(claim, nowMs);
    }
  }
}

function look(claim: ClaimRow, nowMs: number): ClaimDecision {
  return { claim: { ...claim, askAtMs: nowMs + resendMs }, next: 'look' };
}

/** What get-status, which the sale's row has taken in already, means for its claim. */
export function looked(
  sale: SaleRow,
  claim: ClaimRow,
  event: Extract<ClaimEvent, { type: 'looked' }>,
  nowMs: number,
): ClaimDecision {
  const { outcome, jitter } = event;
  // A grant of before a restore is asked about as well; the kiosk ends it.
  const granted = claim.state === 'redeeming' && claim.restored === 1;
  if (claim.state !== 'refunding' && claim.state !== 'open' && !granted) return take(claim);
  const age = nowMs - claim.changedAtMs;
  // Midtrans does not answer, or contradicts what it said of this money: nothing is sent, nothing concluded.
  if (outcome.kind !== 'found' || !isPaid(outcome.status.state)) {
    if (claim.state === 'refunding' && age >= giveUpMs) {
      return locked(claim, claim.note === handedOutNote ? handedOutNote : 'refund-unknown');
    }
    // An operator waits for the answer.
    if (claim.state !== 'refunding' && claim.restored === 1) {
      return take({ ...claim, askAtMs: later(nowMs, askMs.first, jitter) });
    }
    return take({ ...claim, askAtMs: later(nowMs, between(askMs, age), jitter) });
  }
  const { refunds } = outcome.status;
  if (granted) return take({ ...claim, askAtMs: null });
  if (claim.state === 'refunding') {
    const own = ownRefund(claim, refunds);
    if (own !== undefined || claim.refundN === 0 || restIdr(sale) === 0) {
      return waitForBank(claim, jitter, nowMs);
    }
    return notThere(sale, claim, event, nowMs);
  }
  return begin(sale, claim, refunds, event.policy, nowMs);
}

/** What Midtrans answered to a refund. Whether it is refused for good says get-status, which is asked next. */
export function refundAnswered(
  claim: ClaimRow,
  event: { refundN: number; outcome: RefundOutcome; jitter: number },
  nowMs: number,
): ClaimDecision {
  if (claim.state !== 'refunding' || claim.refundN !== event.refundN) return take(claim);
  const { outcome, jitter } = event;
  const halted = isHalted(claim);
  switch (outcome.kind) {
    case 'accepted':
    case 'duplicate':
      return { claim: { ...claim, note: haltedNote(claim) }, next: 'look' };
    case 'refused':
      return {
        claim: halted ? claim : { ...claim, note: refusedNote + outcome.code },
        next: 'look',
      };
    case 'unknown':
      return { claim: halted ? claim : { ...claim, note: 'refund-unknown' }, next: 'look' };
    // Nothing happened: the same refund, later.
    case 'try-again':
    case 'unsent': {
      const age = nowMs - claim.changedAtMs;
      return take({ ...claim, askAtMs: later(nowMs, between(askMs, age), jitter) });
    }
  }
}

function isPaid(state: ChargeState): boolean {
  return state === 'settled' || state === 'refunded';
}

/** When an open claim shall go back; null: not by itself. */
function beginAtMs(claim: ClaimRow, policy: Walk['policy']): number | null {
  if (claim.restored === 1) return null;
  // An order waits for nothing but its turn.
  if (claim.orderedIdr > 0) return 0;
  if (!policy.automatic || claim.operatorOnly === 1) return null;
  return claim.changedAtMs + policy.refundAfterMs;
}

/** midtrans.md §8: off-us QRIS goes back for seven days. Where no issuer was named, it may have been one. */
function windowIsOver(sale: SaleRow, nowMs: number): boolean {
  if (sale.issuer?.toLowerCase() === 'gopay') return false;
  return nowMs - (sale.settledAtMs ?? sale.movedAtMs) >= refundWindowMs;
}

/** Writes the refund down, under its number, before it is in the world. */
function begin(
  sale: SaleRow,
  claim: ClaimRow,
  refunds: readonly Refund[] | undefined,
  policy: Walk['policy'],
  nowMs: number,
): ClaimDecision {
  const at = beginAtMs(claim, policy);
  if (at === null || at > nowMs) return take({ ...claim, askAtMs: at });
  const refundIdr = claim.orderedIdr > 0 ? claim.orderedIdr : claim.amountIdr;
  if (refundIdr > restIdr(sale)) return forOperator(claim, 'refund-amount');
  // The same key is the same refund for Midtrans, so one that is not there is tried under its own number again.
  const again =
    claim.refundN > 0 &&
    claim.refundIdr === refundIdr &&
    claim.refundAtMs !== null &&
    nowMs - claim.refundAtMs < refundWindowMs &&
    ownRefund(claim, refunds) === undefined;
  const number = again ? {} : { refundN: freeNumber(sale, claim, refunds), refundAtMs: nowMs };
  const more = { ...number, refundIdr, askAtMs: nowMs + resendMs, note: claim.note };
  return { claim: inState(claim, 'refunding', nowMs, more), next: 'refund' };
}

/**
 * The next number of a refund that Midtrans does not list: one that was begun after a backup is not known here, and its key
 * would be the same refund once more, which pays nothing. One that is listed without its key, or is not listed though its
 * money is counted, may have any of the first. As many numbers are tried as are listed, and one more.
 */
function freeNumber(
  { refundedIdr }: SaleRow,
  { saleId, refundN }: ClaimRow,
  refunds: readonly Refund[] = [],
): number {
  const keys = new Set(refunds.map(({ key }) => key));
  const listedIdr = refunds.reduce((sum, { amountIdr = 0 }) => sum + amountIdr, 0);
  const unlisted = refundedIdr > listedIdr ? 1 : 0;
  const nameless = refunds.filter(({ key }) => key === undefined).length + unlisted;
  let next = Math.max(refundN, nameless) + 1;
  while (keys.has(refundKey({ saleId, refundN: next }))) next++;
  return next;
}

function waitForBank(claim: ClaimRow, jitter: number, nowMs: number): ClaimDecision {
  const age = nowMs - claim.changedAtMs;
  if (age >= bankMs) return locked(claim, 'refund-unconfirmed');
  const askAtMs = later(nowMs, between(bankAskMs, age), jitter);
  return take({ ...claim, note: haltedNote(claim), askAtMs });
}

/** Midtrans lists no refund under this number. */
function notThere(
  sale: SaleRow,
  claim: ClaimRow,
  { sent, jitter }: { sent: boolean; jitter: number },
  nowMs: number,
): ClaimDecision {
  const age = nowMs - claim.changedAtMs;
  const code = claim.note?.startsWith(refusedNote) === true ? claim.note.slice(-3) : undefined;
  // 401 is our key's fault: the refund itself was not looked at.
  if (code !== undefined && code !== '401') return refused(sale, claim, code, jitter, nowMs);
  // What was sent just now may still land.
  if (sent) return take({ ...claim, askAtMs: later(nowMs, between(askMs, age), jitter) });
  if (restIdr(sale) < claim.refundIdr) return backToOperator(sale, claim, 'refund-amount', nowMs);
  if (isGoodsOut(sale, claim)) {
    return take(inState(claim, 'honoured', nowMs, { amountIdr: restIdr(sale) }));
  }
  if (isHalted(claim) && claim.note === handedOutNote) {
    const more = { amountIdr: restIdr(sale), note: restoredNote };
    return take(inState(claim, 'honoured', nowMs, more));
  }
  if (isHalted(claim)) return backToOperator(sale, claim, claim.note ?? restoredNote, nowMs);
  if (age >= giveUpMs) return locked(claim, 'refund-unknown');
  return { claim: { ...claim, askAtMs: nowMs + resendMs }, next: 'refund' };
}

/** Midtrans refused it, and does not have it. */
function refused(
  sale: SaleRow,
  claim: ClaimRow,
  code: string,
  jitter: number,
  nowMs: number,
): ClaimDecision {
  if (isGoodsOut(sale, claim)) {
    return take(inState(claim, 'honoured', nowMs, { amountIdr: restIdr(sale) }));
  }
  if (code !== '414') return backToOperator(sale, claim, refusedNote + code, nowMs);
  if (restIdr(sale) < claim.refundIdr) return backToOperator(sale, claim, 'refund-amount', nowMs);
  // 414 with the right amount: Midtrans holds too little of the merchant's money today.
  const age = nowMs - (claim.refundAtMs ?? nowMs);
  if (age >= refundWindowMs) return backToOperator(sale, claim, 'insufficient-balance', nowMs);
  const askAtMs = later(nowMs, between(fundsAskMs, age), jitter);
  const more = { amountIdr: restIdr(sale), note: 'insufficient-balance', askAtMs };
  return take(inState(claim, 'open', nowMs, more), 'refund-unfunded');
}

function backToOperator(
  sale: SaleRow,
  claim: ClaimRow,
  note: string,
  nowMs: number,
): ClaimDecision {
  const more = { amountIdr: restIdr(sale), operatorOnly: 1, orderedIdr: 0, note };
  return take(inState(claim, 'open', nowMs, more), 'refund-refused');
}

function forOperator(claim: ClaimRow, note: string): ClaimDecision {
  const still = { ...claim, operatorOnly: 1, orderedIdr: 0, askAtMs: null, note };
  return take(still, 'refund-refused');
}

function locked(claim: ClaimRow, note: string): ClaimDecision {
  return take({ ...claim, askAtMs: null, note }, 'refund-locked');
}

function between({ first, slowest }: { first: number; slowest: number }, ageMs: number): number {
  return Math.min(Math.max(first, ageMs), slowest);
}

/** Up to a quarter later, so that claims of one moment do not stay together. */
function later(nowMs: number, waitMs: number, jitter: number): number {
  return nowMs + Math.round(waitMs * (1 + jitter / 4));
}
