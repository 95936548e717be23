// The ledger's rules that more than one event needs: stopping, "never had it", claims, when to ask again. PURE.
import { type ErrorCode } from '../protocol/errors.ts';
import { isDead, isOpen, isSettled, type Verdict } from '../protocol/verdict.ts';
import { type StopVerb } from './midtrans/gateway.ts';
import { type ClaimKind, type SaleRow, type StopReason } from './sale-row.ts';

export type ClaimChange =
  | { do: 'open'; kind: ClaimKind; amountIdr: number; operatorOnly: boolean }
  /** Part of the money went back another way: an open claim is for so much now. */
  | { do: 'rest'; amountIdr: number }
  /** A claim that is being paid out another way stays as it is. */
  | { do: 'close'; as: 'honoured' | 'refunding' | 'refunded' };

/** What must happen at Midtrans now. */
export type Next = 'none' | 'charge' | 'status' | StopVerb;

/** Why an event was not taken. */
export type Refusal = 'sale-mismatch' | 'fulfilment-mismatch';

/** `status-foreign`: an answer about another charge. `fulfilment-disputed`: goods are said to be out, a claim is open. */
export type Alert =
  | 'charge-refused'
  | 'settlement-held'
  | 'settlement-foreign'
  | 'settlement-refunded'
  | 'status-foreign'
  | 'fulfilment-disputed';

export interface Decision {
  row: SaleRow;
  /** The verdict moved: the kiosk must hear of it. */
  moved: boolean;
  claim?: ClaimChange;
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
const slowestStopMs = 60_000;
const heldAskMs = 60_000;
const deadAskMs = { first: 60_000, slowest: 3_600_000 } as const;
/** PROTOCOL.md §3: dead charges are asked about until their expiry and this long after it. */
const deadWatchMs = 24 * 3_600_000;
/** Midtrans' own default, where no expiry was told. */
const defaultExpiryMs = 900_000;

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
  if (isSettled(row.verdict)) return null;
  if (row.heldAtMs !== null) return nowMs + heldAskMs;
  if (isDead(row.verdict)) {
    const end = Math.max(row.expiresAtMs ?? 0, row.createdAtMs + defaultExpiryMs) + deadWatchMs;
    return nowMs >= end
      ? null
      : nowMs + between(deadAskMs.first, nowMs - row.movedAtMs, deadAskMs.slowest);
  }
  if (row.stop !== null) {
    return nowMs + between(retryAskMs, nowMs - (row.stoppedAtMs ?? nowMs), slowestStopMs);
  }
  let at = nowMs + (row.reason === null ? pollMs : retryAskMs);
  if (attemptOpen(row, nowMs)) at = attemptsEndAtMs(row);
  return row.deadlineAtMs > nowMs ? Math.min(at, row.deadlineAtMs) : at;
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
 * Money of this sale needs a person or a redemption: what came (`takenIdr`) less what went back. Nothing left, no claim.
 * `byOperator`: never honoured or refunded by itself. After a refund that is always so: the goods would be too much.
 */
export function openClaim(
  row: SaleRow,
  kind: ClaimKind,
  { takenIdr = row.amountIdr, byOperator = kind === 'unreported' } = {},
): Pick<Decision, 'claim'> {
  const amountIdr = takenIdr - row.refundedIdr;
  if (amountIdr <= 0 || row.verdict === 'refunded') return {};
  const operatorOnly = byOperator || row.refundedIdr > 0;
  return { claim: { do: 'open', kind, amountIdr, operatorOnly } };
}

/** 401 and 402 are the operator's to mend: every sale fails until then. */
export function refusalAlert(reason: ErrorCode): Pick<Decision, 'alert'> {
  const ours = reason === 'charge-unauthorised' || reason === 'channel-inactive';
  return ours ? { alert: 'charge-refused' } : {};
}

export function unchanged(row: SaleRow): Decision {
  return { row, moved: false, next: 'none' };
}
