// What the answers to a charge mean for its sale (PROTOCOL.md §2, §3). PURE.
import { type ErrorCode } from '../protocol/errors.ts';
import { isOpen, isSettled } from '../protocol/verdict.ts';
import {
  attemptOpen,
  refusalAlert,
  stop,
  stopVerb,
  unchanged,
  type Decision,
  type Next,
} from './ledger-rules.ts';
import { type Charge, type ChargeOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

/** The QR of an accepted charge after `checkQris`; a charge with a picture only was decoded before. */
export type CheckedQr = { ok: true; qrString: string } | { ok: false; fault: ErrorCode };

export interface ChargeAnswer {
  outcome: ChargeOutcome;
  qr?: CheckedQr;
  /** Our own merchant id at Midtrans. */
  merchantId: string;
}

/** Whether a charge may be sent now; if so the attempt is written down first. */
export function attempt(row: SaleRow, nowMs: number, repeat: boolean): Decision {
  const mayCharge =
    row.verdict === 'creating' &&
    row.stop === null &&
    row.chargeKey !== null &&
    row.chargeId === null &&
    row.reason === null &&
    row.heldAtMs === null &&
    nowMs < row.deadlineAtMs;
  if (!mayCharge || (attemptOpen(row, nowMs) && !repeat)) return unchanged(row);
  row.silentAtMs = row.sentAtMs ?? row.silentAtMs;
  row.sentAtMs = nowMs;
  row.absentAtMs = null;
  return { row, moved: false, next: 'charge' };
}

/** What an answer of Midtrans to a charge means. `row` is the caller's own copy: it is changed. */
export function chargeAnswered(row: SaleRow, event: ChargeAnswer, nowMs: number): Decision {
  const { outcome } = event;
  if (isForeign(row, outcome)) {
    // It was answered, and what became of our own charge is not known: ask.
    row.sentAtMs = null;
    row.doubtAtMs ??= nowMs;
    return { row, moved: false, next: 'status', alert: 'status-foreign' };
  }
  if (outcome.kind !== 'accepted' && row.chargeId !== null) {
    // Another attempt has made the charge: what became of this one proves nothing about it.
    row.sentAtMs = null;
    return unchanged(row);
  }
  switch (outcome.kind) {
    case 'accepted':
      return accept(row, outcome.charge, event, nowMs);
    case 'refused':
      row.sentAtMs = null;
      if (!isOpen(row.verdict)) return unchanged(row);
      row.reason ??= outcome.reason;
      // An earlier attempt may have landed: only Midtrans' own "never had it" makes this a denial.
      if (row.doubtAtMs !== null) return { row, moved: false, next: 'status' };
      row.verdict = 'denied';
      return { row, moved: false, next: 'none', ...refusalAlert(outcome.reason) };
    case 'conflict':
      row.sentAtMs = null;
      row.doubtAtMs ??= nowMs;
      return { row, moved: false, next: 'status' };
    case 'absent':
      row.sentAtMs = null;
      if (!isOpen(row.verdict)) return unchanged(row);
      row.reason ??= 'charge-denied';
      row.absentAtMs ??= nowMs;
      return unchanged(row);
    case 'try-again':
    case 'unsent':
      // Nothing came of this attempt, for certain; an earlier one may still be silent.
      row.sentAtMs = null;
      return { row, moved: false, next: afterNoCharge(row) };
    case 'unknown':
      row.doubtAtMs ??= nowMs;
      // Without an answer the attempt stays open until its time is over: it may still land.
      if (outcome.answered) row.sentAtMs = null;
      return { row, moved: false, next: afterNoCharge(row) };
  }
}

/** Midtrans: a key that was used before answers with the charge that it was used for, whatever is asked now. */
function isForeign(row: SaleRow, outcome: ChargeOutcome): boolean {
  if (outcome.kind === 'accepted') return outcome.charge.saleId !== row.saleId;
  if (outcome.kind !== 'refused') return false;
  return outcome.saleId !== undefined && outcome.saleId !== row.saleId;
}

/** After an attempt without a charge: again, unless somebody has stopped the sale meanwhile. */
function afterNoCharge(row: SaleRow): Next {
  if (!isOpen(row.verdict)) return 'none';
  return row.stop === null ? 'charge' : 'status';
}

function accept(row: SaleRow, charge: Charge, event: ChargeAnswer, nowMs: number): Decision {
  const shown = row.verdict === 'pending' && row.stop === null;
  if (shown && row.chargeId !== null && row.chargeId !== charge.chargeId) {
    // The QR on show is the other one's, and so must be the charge that is asked about. This one's was never seen.
    row.sentAtMs = null;
    return { row, moved: false, next: 'none', alert: 'status-foreign' };
  }
  row.sentAtMs = null;
  row.silentAtMs = null;
  row.absentAtMs = null;
  row.chargeId = charge.chargeId;
  row.chargedAtMs = charge.chargedAtMs ?? nowMs;
  row.expiresAtMs = charge.expiresAtMs ?? row.expiresAtMs;
  row.imageUrl = charge.imageUrl ?? null;
  // An answer that arrives after `stop`, or after the sale ended, is stopped (again).
  if (!isOpen(row.verdict)) {
    return { row, moved: false, next: isSettled(row.verdict) ? 'none' : stopVerb(row) };
  }
  if (row.stop !== null) return { row, moved: false, next: stopVerb(row) };
  if (
    charge.amountIdr !== row.amountIdr ||
    (charge.currency ?? 'IDR') !== 'IDR' ||
    (charge.merchantId ?? event.merchantId) !== event.merchantId
  ) {
    return stopBadQr(row, charge.amountIdr !== row.amountIdr ? 'qr-amount' : 'qr-merchant', nowMs);
  }
  const qr = event.qr ?? { ok: false, fault: 'qr-missing' };
  if (!qr.ok) return stopBadQr(row, qr.fault, nowMs);
  if (row.verdict === 'creating') {
    row.verdict = 'pending';
    row.qrString = qr.qrString;
  }
  return { row, moved: false, next: 'none' };
}

function stopBadQr(row: SaleRow, fault: ErrorCode, nowMs: number): Decision {
  row.reason ??= fault;
  return stop(row, 'qr', nowMs);
}
