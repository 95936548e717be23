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
  event: { outcome: StatusOutcome; merchantId: string; qrLost?: boolean },
  nowMs: number,
): Decision {
  const { outcome } = event;
  if (outcome.kind === 'absent') return absent(row, nowMs);
  if (outcome.kind !== 'found') return unchanged(row);
  const { status } = outcome;
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

/** Amount, currency and merchant are ours. A field that Midtrans leaves out (older answers do) is not against us. */
function isOurs(row: SaleRow, status: ChargeStatus, merchantId: string): boolean {
  return (
    status.amountIdr === row.amountIdr &&
    (status.currency ?? 'IDR') === 'IDR' &&
    (status.merchantId ?? merchantId) === merchantId
  );
}

function settle(row: SaleRow, status: ChargeStatus, ours: boolean, nowMs: number): Decision {
  if (isSettled(row.verdict)) return afterSettlement(row, status);
  if (status.fraud !== undefined && status.fraud !== 'accept') {
    const first = row.heldAtMs === null;
    row.heldAtMs ??= nowMs;
    return { ...unchanged(row), ...(first ? { alert: 'settlement-held' } : {}) };
  }
  row.heldAtMs = null;
  row.sentAtMs = null;
  row.chargeId = status.chargeId;
  row.settledAtMs = status.settledAtMs ?? nowMs;
  row.issuer = status.issuer ?? null;
  const open = isOpen(row.verdict);
  // A refund that we never saw coming: first the money, then (asked again) its return.
  const next = status.state === 'refunded' ? 'status' : 'none';
  if (!ours) {
    row.verdict = 'paid-late';
    const amountIdr = status.amountIdr ?? row.amountIdr;
    return {
      row,
      moved: false,
      next,
      claim: { do: 'open', kind: 'foreign', amountIdr, operatorOnly: true },
      alert: 'settlement-foreign',
    };
  }
  // The goods are out and now the money is in: nothing is owed to anybody.
  if (row.fulfilment === 'done' || (open && row.fulfilment === null)) {
    row.verdict = 'paid';
    return { row, moved: false, next };
  }
  row.verdict = 'paid-late';
  return { row, moved: false, next, claim: openClaim(row, row.fulfilment ?? 'late') };
}

function afterSettlement(row: SaleRow, status: ChargeStatus): Decision {
  row.refundedIdr = Math.max(row.refundedIdr, status.refundedIdr);
  if (status.state !== 'refunded' || row.refundedIdr < row.amountIdr) return unchanged(row);
  row.verdict = 'refunded';
  const as = status.refundConfirmed ? 'refunded' : 'refunding';
  return { row, moved: false, next: 'none', claim: { do: 'close', as } };
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
