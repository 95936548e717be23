// The ledger's rules that more than one event needs: stopping, "never had it", claims, when to ask again. PURE.
import { type ErrorCode } from '../protocol/errors.ts';
import { isDead, isOpen, isSettled, type Verdict } from '../protocol/verdict.ts';
import { type ClaimAlert } from './ledger-claim-rules.ts';
import { type Refund, type StopVerb } from './midtrans/gateway.ts';
import { type ClaimKind, type ClaimState, type SaleRow, type StopReason } from './sale-row.ts';

export type ClaimChange =
  /** `note`: why it is the operator's, where that is not plain from its kind. `restored`: as in the row. */
  | {
      do: 'open';
      kind: ClaimKind;
      amountIdr: number;
      operatorOnly: boolean;
      restored?: true;
      note?: string;
      /** The kiosk has handed out its goods already, by a grant of the ledger that was lost. */
      honoured?: true;
    }
  /** Part of the money went back: so much is owed now. `refunds`: what the gateway lists. */
  | { do: 'rest'; amountIdr: number; refunds?: readonly Refund[] }
  /** The goods are out, or all of the money went back. */
  | { do: 'close'; as: 'honoured' | 'refunding' | 'refunded' }
  /** The kiosk has handed out the goods of this claim, by a grant of the ledger that was lost. */
  | { do: 'redeemed' }
  /** The goods are said to be out, and were said not to be: a person must look. `unsigned`: the kiosk has not signed that. */
  | { do: 'dispute'; unsigned?: true };

/** What must happen at Midtrans now. */
export type Next = 'none' | 'charge' | 'status' | StopVerb;

/** Why an event was not taken. */
export type Refusal = 'sale-mismatch' | 'fulfilment-mismatch';

/**
 * `status-foreign`: an answer about another charge. `fulfilment-disputed`: goods are said to be out, and not to be.
 * `goods-without-money`: the kiosk says that it gave goods for which nothing came. `recovery-contradicted`: Midtrans says
 * otherwise of a sale whose settlement we have signed once.
 */
export type Alert =
  | 'charge-refused'
  | 'settlement-held'
  | 'settlement-foreign'
  | 'settlement-refunded'
  | 'status-foreign'
  | 'fulfilment-disputed'
  | 'goods-without-money'
  | 'recovery-contradicted'
  | ClaimAlert;

export interface Decision {
  row: SaleRow;
  /** The verdict moved: the kiosk must hear of it. */
  moved: boolean;
  claim?: ClaimChange;
  /** Where the claim stands after this, if that is new; the store says it. */
  claimState?: ClaimState;
  next: Next;
  /** An operator should look: the word for the log. */
  alert?: Alert;
  refusal?: Refusal;
}

/** PROTOCOL.md §3: an attempt ends with its answer, or this long after it was sent. */
export const attemptMs = 60_000;
/** PROTOCOL.md §3: two 404 must be this far apart to mean "never had it". Also the pace of a stop that is not through. */
export const retryAskMs = 5_000;
/** PROTOCOL.md §4: the floor of unprompted polling. */
export const pollMs = 10_000;
/** How long a settlement notice that get-status does not confirm may hold back the deadline. */
export const noticeHoldMs = 600_000;
/** Added to the polls of each sale, by its id: those that began together shall not be asked about together for ever. */
const spreadMs = { steps: 8, stepMs: 250 } as const;
/** PROTOCOL.md §6: money in hand for so long becomes a claim. */
export const inHandMs = 24 * 3_600_000;
const slowestStopMs = 60_000;
const heldAskMs = 60_000;
const deadAskMs = { first: 60_000, slowest: 3_600_000 } as const;
/** PROTOCOL.md §3: dead charges are asked about until their expiry and this long after it. */
const deadWatchMs = 24 * 3_600_000;
/** Midtrans' own default, where no expiry was told. */
const defaultExpiryMs = 900_000;

/** Paid, and the kiosk has not said what it did for it. */
export function isInHand(row: SaleRow): boolean {
  return row.verdict === 'paid' && row.fulfilment === null;
}

/** An attempt ends with its answer, or a minute after it was sent. A later one's answer does not end it. */
export function attemptOpen(row: SaleRow, nowMs: number): boolean {
  return nowMs < attemptsEndAtMs(row);
}

/** From here on no attempt that was ever sent can still land. */
function attemptsEndAtMs(row: SaleRow): number {
  return Math.max(row.sentAtMs ?? -Infinity, row.silentAtMs ?? -Infinity) + attemptMs;
}

/** When `reconcile` shall look at this row next; null: never by itself. */
export function nextAskAtMs(row: SaleRow, nowMs: number): number | null {
  if (row.recovering === 1) return nowMs + (row.absentAtMs === null ? pollMs : retryAskMs);
  if (isInHand(row)) return row.movedAtMs + inHandMs;
  if (isSettled(row.verdict))
    return refundUntold(row) ? nowMs + slowing(nowMs - row.movedAtMs) : null;
  if (row.heldAtMs !== null) return nowMs + heldAskMs;
  if (isDead(row.verdict)) {
    const end = Math.max(row.expiresAtMs ?? 0, row.createdAtMs + defaultExpiryMs) + deadWatchMs;
    return nowMs >= end
      ? null
      : nowMs + spread(row) + between(deadAskMs.first, nowMs - row.movedAtMs, deadAskMs.slowest);
  }
  if (row.stop !== null) return nowMs + slowing(nowMs - (row.stoppedAtMs ?? nowMs));
  let at = nowMs + (row.reason === null ? pollMs + spread(row) : retryAskMs);
  if (attemptOpen(row, nowMs)) at = attemptsEndAtMs(row);
  return row.deadlineAtMs > nowMs ? Math.min(at, row.deadlineAtMs) : at;
}

/** All of the money went back, and the question whose answer says so as a verdict has not been answered. */
function refundUntold(row: SaleRow): boolean {
  return row.verdict !== 'refunded' && row.settledIdr > 0 && row.refundedIdr >= row.settledIdr;
}

/** The older it is, the more seldom it is asked about. */
function slowing(ageMs: number): number {
  return between(retryAskMs, ageMs, slowestStopMs);
}

/** The last character of the id is random, and always the same: so the wait needs no randomness of its own. */
function spread({ saleId }: SaleRow): number {
  return (saleId.charCodeAt(saleId.length - 1) % spreadMs.steps) * spreadMs.stepMs;
}

function between(low: number, value: number, high: number): number {
  return Math.min(Math.max(value, low), high);
}

/** Writes down that the charge must die; the first reason wins. The verdict waits for Midtrans. */
export function stop(row: SaleRow, reason: StopReason, nowMs: number): Decision {
  row.stop ??= reason;
  row.stoppedAtMs ??= nowMs;
  // A tombstone has nothing to cancel; its "never had it" must come from Midtrans all the same.
  return { row, moved: false, next: row.chargeKey === null ? 'status' : stopVerb(row) };
}

/** Midtrans: expire for "time ran out", cancel for everything else, so that its dashboard tells them apart. */
export function stopVerb(row: SaleRow): StopVerb {
  return row.stop === 'timeout' ? 'expire' : 'cancel';
}

/** Midtrans said 404. It means "never had it" only with no attempt open, and when said twice, far enough apart. */
export function absent(row: SaleRow, nowMs: number): Decision {
  // A charge that we were told of cannot be untold: that 404 is Midtrans' own confusion.
  if (!isOpen(row.verdict) || row.chargeId !== null) return unchanged(row);
  if (attemptOpen(row, nowMs)) {
    row.absentAtMs = null;
    return unchanged(row);
  }
  row.absentAtMs ??= nowMs;
  if (nowMs - row.absentAtMs < retryAskMs) return unchanged(row);
  // Nobody has given it up yet: the kiosk may still repeat its PUT.
  if (row.stop === null && row.reason === null) return unchanged(row);
  row.verdict = neverHad(row);
  return {
    row,
    moved: false,
    next: 'none',
    ...(row.reason === null ? {} : refusalAlert(row.reason)),
  };
}

function neverHad(row: SaleRow): Verdict {
  if (row.reason !== null && row.stop !== 'qr') return 'denied';
  return row.stop === 'timeout' ? 'expired' : 'cancelled';
}

/**
 * Money of this sale needs a person or a redemption: what came less what went back. Nothing left, no claim.
 * `byOperator`: never honoured or refunded by itself. After a refund that is always so: the goods would be too much; and
 * where nobody knows whether they are out, they or the money may be.
 */
export function openClaim(
  row: SaleRow,
  kind: ClaimKind,
  {
    byOperator = kind === 'unreported' || kind === 'unknown',
    note,
  }: { byOperator?: boolean; note?: string } = {},
): Pick<Decision, 'claim'> {
  const amountIdr = row.settledIdr - row.refundedIdr;
  if (amountIdr <= 0 || row.verdict === 'refunded') return {};
  const operatorOnly = byOperator || row.refundedIdr > 0;
  const noted = note === undefined ? {} : { note };
  return { claim: { do: 'open', kind, amountIdr, operatorOnly, ...noted } };
}

/** How far Midtrans' clock and ours may be apart. */
const clockSkewMs = 60_000;

/**
 * The ledger was restored from a backup at `restoredAtMs`, and this money may be older: in the ledger that was lost it may
 * have been paid out already. Only a time that Midtrans has named says that it is not.
 */
export function mayBePaidOut(
  row: Pick<SaleRow, 'settledAtMs' | 'settledLearnt'>,
  restoredAtMs: number,
): boolean {
  const { settledAtMs, settledLearnt } = row;
  return settledAtMs === null || settledLearnt === 1 || settledAtMs <= restoredAtMs + clockSkewMs;
}

/** 401 and 402 are the operator's to mend: every sale fails until then. */
export function refusalAlert(reason: ErrorCode): Pick<Decision, 'alert'> {
  const ours = reason === 'charge-unauthorised' || reason === 'channel-inactive';
  return ours ? { alert: 'charge-refused' } : {};
}

export function unchanged(row: SaleRow): Decision {
  return { row, moved: false, next: 'none' };
}
