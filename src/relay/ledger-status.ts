// What get-status means for a sale: the one place where money becomes `paid` (PROTOCOL.md §2, §3). PURE.
import { isDead, isOpen, isSettled } from '../protocol/verdict.ts';
import {
  absent,
  attemptOpen,
  openClaim,
  stop,
  stopVerb,
  unchanged,
  type Decision,
} from './ledger-rules.ts';
import { type ChargeStatus, type StatusOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

/** `row` is the caller's own copy: it is changed. */
export function applyStatus(
  row: SaleRow,
  event: { asked: string; outcome: StatusOutcome; merchantId: string; qrLost?: boolean },
  nowMs: number,
): Decision {
  const { outcome } = event;
  if (outcome.kind === 'absent') return absent(row, nowMs);
  if (outcome.kind !== 'found') return unchanged(row);
  const { status } = outcome;
  if (!isAnswer(row, event.asked, status)) return { ...unchanged(row), alert: 'status-foreign' };
  const ours = isOurs(row, status, event.merchantId);
  row.absentAtMs = null;
  row.expiresAtMs ??= status.expiresAtMs ?? null;
  switch (status.state) {
    case 'settled':
    case 'refunded':
      return settle(row, status, ours, nowMs);
    case 'pending':
      return stillPending(row, status, ours, event.qrLost === true, nowMs);
    case 'denied':
    case 'cancelled':
    case 'expired':
      return dead(row, status, nowMs);
    case 'other':
      return unchanged(row);
  }
}

/** It speaks of this sale and, where one was named, of the very charge that was asked about. */
function isAnswer(row: SaleRow, asked: string, status: ChargeStatus): boolean {
  return status.saleId === row.saleId && (asked === row.saleId || asked === status.chargeId);
}

/** Amount, currency and merchant are ours. A field that Midtrans leaves out (older answers do) is not against us. */
export function isOurs(row: SaleRow, status: ChargeStatus, merchantId: string): boolean {
  return (
    status.amountIdr === row.amountIdr &&
    (status.currency ?? 'IDR') === 'IDR' &&
    (status.merchantId ?? merchantId) === merchantId
  );
}

function settle(row: SaleRow, status: ChargeStatus, ours: boolean, nowMs: number): Decision {
  if (isSettled(row.verdict)) return afterSettlement(row, status);
  const open = isOpen(row.verdict);
  if (status.fraud !== undefined && status.fraud !== 'accept') {
    const first = row.heldAtMs === null;
    row.heldAtMs ??= nowMs;
    return { ...unchanged(row), ...(first ? { alert: 'settlement-held' } : {}) };
  }
  row.heldAtMs = null;
  row.sentAtMs = null;
  row.chargeId = status.chargeId;
  noteSettledAt(row, status, nowMs);
  row.issuer = status.issuer ?? null;
  row.refundedIdr = status.refundedIdr;
  row.settledIdr = status.amountIdr ?? row.amountIdr;
  // A refund in full is the next verdict, which the next answer brings.
  const next = row.refundedIdr >= row.settledIdr ? 'status' : 'none';
  if (!ours) {
    row.verdict = 'paid-late';
    const claim = openClaim(row, 'foreign', { byOperator: true });
    return { row, moved: false, next, ...claim, alert: 'settlement-foreign' };
  }
  // Money that has begun to go back is nobody's to vend for, whoever sent it back.
  if (status.state === 'refunded' || status.refundedIdr > 0) {
    row.verdict = 'paid-late';
    const kind = row.fulfilment ?? 'late';
    const claim = kind === 'done' ? {} : openClaim(row, kind, { byOperator: true });
    return { row, moved: false, next, ...claim, alert: 'settlement-refunded' };
  }
  // The goods are out and now the money is in: nothing is owed to anybody.
  if (row.fulfilment === 'done' || (open && row.fulfilment === null)) {
    row.verdict = 'paid';
    return unchanged(row);
  }
  row.verdict = 'paid-late';
  return { row, moved: false, next: 'none', ...openClaim(row, row.fulfilment ?? 'late') };
}

/** The books need a day for all money; where Midtrans names none it is the day on which we learnt of it, and marked so. */
export function noteSettledAt(row: SaleRow, status: ChargeStatus, nowMs: number): void {
  if (status.settledAtMs !== undefined) {
    row.settledAtMs = status.settledAtMs;
    row.settledLearnt = 0;
  } else if (row.settledAtMs === null) {
    row.settledAtMs = nowMs;
    row.settledLearnt = 1;
  }
}

function afterSettlement(row: SaleRow, status: ChargeStatus): Decision {
  // The sale has been paid twice: what becomes of the other charge's money says nothing of this one's.
  if (row.chargeId !== null && row.chargeId !== status.chargeId) {
    return { ...unchanged(row), alert: 'status-foreign' };
  }
  if (status.state !== 'refunded' && status.refundedIdr === 0) return unchanged(row);
  const more = status.refundedIdr > row.refundedIdr;
  row.refundedIdr = Math.max(row.refundedIdr, status.refundedIdr);
  // The goods are out as well: a refund by hand at Midtrans, or one that a late report has overtaken.
  const loss = more && row.fulfilment === 'done' ? ({ alert: 'goods-and-refund' } as const) : {};
  if (row.refundedIdr >= row.settledIdr) {
    row.verdict = 'refunded';
    const as = status.refundConfirmed ? 'refunded' : 'refunding';
    return { row, moved: false, next: 'none', claim: { do: 'close', as }, ...loss };
  }
  if (row.verdict === 'refunded') return unchanged(row);
  const amountIdr = row.settledIdr - row.refundedIdr;
  const { refunds } = status;
  const listed = refunds === undefined ? {} : { refunds };
  const claim = { do: 'rest', amountIdr, ...listed } as const;
  return { row, moved: false, next: 'none', claim, ...loss };
}

function stillPending(
  row: SaleRow,
  status: ChargeStatus,
  ours: boolean,
  qrLost: boolean,
  nowMs: number,
): Decision {
  if (isSettled(row.verdict)) return unchanged(row);
  // It landed after it had been given up: stopped again.
  if (isDead(row.verdict)) {
    row.chargeId = status.chargeId;
    return { row, moved: false, next: stopVerb(row) };
  }
  if (row.stop !== null) {
    if (!attemptOpen(row, nowMs)) row.chargeId ??= status.chargeId;
    return { row, moved: false, next: stopVerb(row) };
  }
  if (row.verdict === 'pending') return ours ? unchanged(row) : stop(row, 'qr', nowMs);
  // Its answer, with the QR, may still come.
  if (attemptOpen(row, nowMs) && !qrLost) return unchanged(row);
  row.chargeId = status.chargeId;
  row.reason ??= ours ? 'qr-missing' : 'qr-amount';
  return stop(row, 'qr', nowMs);
}

function dead(row: SaleRow, status: ChargeStatus, nowMs: number): Decision {
  if (!isOpen(row.verdict)) return unchanged(row);
  // A slow attempt may still land and be payable: Midtrans lets the same id be used again after a cancel.
  if (attemptOpen(row, nowMs)) return unchanged(row);
  if (row.chargeId !== null && row.chargeId !== status.chargeId) return unchanged(row);
  row.chargeId = status.chargeId;
  row.verdict =
    status.state === 'denied' ? 'denied' : status.state === 'cancelled' ? 'cancelled' : 'expired';
  if (row.verdict === 'denied') row.reason ??= 'charge-denied';
  return unchanged(row);
}
