// One transaction at Midtrans and the only ways in which it may change. PURE. Source: Midtrans "Transaction Status Cycle".
import assert from 'node:assert';
import type { LegacyForm } from './legacy.ts';
import { isClosedForRefunds } from './refund-rules.ts';

export const channels = ['qris', 'gopay'] as const;
export type Channel = (typeof channels)[number];

export const acquirers = ['gopay', 'airpay shopee'] as const;
export type Acquirer = (typeof acquirers)[number];

export type TransactionStatus =
  'pending' | 'settlement' | 'deny' | 'cancel' | 'expire' | 'partial_refund' | 'refund';

export interface Refund {
  readonly key: string;
  readonly chargebackId: number;
  readonly amountIdr: number;
  readonly reason?: string;
  readonly createdAtMs: number;
  /** Set when the issuer has really given the money back; the second notification carries it. */
  readonly confirmedAtMs?: number;
}

/** Times are milliseconds since 1970 UTC; amounts are whole rupiah. */
export interface Transaction {
  readonly transactionId: string;
  readonly orderId: string;
  readonly channel: Channel;
  readonly acquirer: Acquirer;
  readonly amountIdr: number;
  readonly status: TransactionStatus;
  readonly createdAtMs: number;
  readonly expiresAtMs: number;
  /** What the QR says. A faulty charge shows `shownQrText` instead, in its answer and in its images. */
  readonly qrText: string;
  readonly shownQrText?: string;
  /** The UUID in tag 62.50, `merchant_cross_reference_id`. */
  readonly crossReference: string;
  /** `A1…ID`, the name of the framed image. */
  readonly imageId: string;
  readonly notifyUrls: readonly string[];
  /** `custom_field1`…`3` and `metadata`, given back as they came. */
  readonly echo: Readonly<Record<string, unknown>>;
  readonly settledAtMs?: number;
  readonly issuer?: string;
  readonly refunds: readonly Refund[];
  /** GoPay's own code, on a denied charge. */
  readonly channelCode?: string;
  /** What the wallet really sent, where that is not the amount that was asked for. */
  readonly paidIdr?: number;
  /** Shopee's name of the QR and its number of the payment; only where Shopee acquires. */
  readonly shopee?: { readonly referenceId: string; readonly paymentNumber: string };
  /** In which older forms its bodies are written. */
  readonly legacy?: readonly LegacyForm[];
}

export type TransactionEvent =
  /** `late`: the payer was faster than Midtrans' books; the money counts although the charge was already stopped. */
  | { kind: 'pay'; issuer: string; late: boolean; atMs: number; amountIdr?: number }
  /** The payment failed inside the payer's app. Midtrans never hears of it. */
  | { kind: 'decline' }
  | { kind: 'cancel' }
  | { kind: 'expire' }
  | {
      kind: 'refund';
      key: string;
      chargebackId: number;
      amountIdr?: number;
      reason?: string;
      atMs: number;
    }
  | { kind: 'confirm-refund'; key: string; atMs: number };

export type Refusal =
  | 'already-paid'
  | 'cancelled'
  | 'expired'
  | 'denied'
  /** Midtrans 412. */
  | 'not-modifiable'
  /** Midtrans 406. */
  | 'refund-repeated'
  /** Midtrans 414. */
  | 'refund-amount'
  /** Its window has passed, or the provider refunds nothing at this hour: Midtrans 412. */
  | 'refund-closed';

/** `notify`: Midtrans sends a notification for this step. */
export type Step =
  { ok: true; next: Transaction; notify: boolean } | { ok: false; refusal: Refusal };

/** Applies one event. Total over every status × event; what is not allowed is refused and changes nothing. */
export function step(transaction: Transaction, event: TransactionEvent): Step {
  switch (event.kind) {
    case 'pay':
      return pay(transaction, event);
    case 'decline': {
      const refusal = payRefusal(transaction.status);
      return refusal === undefined
        ? { ok: true, next: transaction, notify: false }
        : { ok: false, refusal };
    }
    case 'cancel':
    case 'expire':
      return transaction.status === 'pending'
        ? { ok: true, next: { ...transaction, status: event.kind }, notify: true }
        : { ok: false, refusal: 'not-modifiable' };
    case 'refund':
      return refund(transaction, event);
    case 'confirm-refund':
      return confirmRefund(transaction, event);
  }
}

/** Why a wallet cannot pay now; undefined when it can. */
export function payRefusal(status: TransactionStatus): Refusal | undefined {
  switch (status) {
    case 'pending':
      return undefined;
    case 'cancel':
      return 'cancelled';
    case 'expire':
      return 'expired';
    case 'deny':
      return 'denied';
    case 'settlement':
    case 'partial_refund':
    case 'refund':
      return 'already-paid';
  }
}

/** An order id may be used again only after its charge was cancelled or has expired. */
export function freesOrderId(status: TransactionStatus): boolean {
  return status === 'cancel' || status === 'expire';
}

/** What came in, or is asked for. */
export function grossIdr(transaction: Transaction): number {
  return transaction.paidIdr ?? transaction.amountIdr;
}

export function refundedIdr(transaction: Transaction): number {
  return transaction.refunds.reduce((sum, refund) => sum + refund.amountIdr, 0);
}

function pay(transaction: Transaction, event: TransactionEvent & { kind: 'pay' }): Step {
  const refusal = payRefusal(transaction.status);
  const forgiven = event.late && (refusal === 'cancelled' || refusal === 'expired');
  if (refusal !== undefined && !forgiven) return { ok: false, refusal };
  const next: Transaction = {
    ...transaction,
    status: 'settlement',
    settledAtMs: event.atMs,
    issuer: event.issuer,
    ...(event.amountIdr === undefined || event.amountIdr === transaction.amountIdr
      ? {}
      : { paidIdr: event.amountIdr }),
  };
  return { ok: true, next, notify: true };
}

function refund(transaction: Transaction, event: TransactionEvent & { kind: 'refund' }): Step {
  if (transaction.refunds.some((earlier) => earlier.key === event.key)) {
    return { ok: false, refusal: 'refund-repeated' };
  }
  if (transaction.status !== 'settlement' && transaction.status !== 'partial_refund') {
    return { ok: false, refusal: 'not-modifiable' };
  }
  if (isClosedForRefunds(transaction, event.atMs)) return { ok: false, refusal: 'refund-closed' };
  const left = grossIdr(transaction) - refundedIdr(transaction);
  const amountIdr = event.amountIdr ?? left;
  if (!Number.isInteger(amountIdr) || amountIdr < 1 || amountIdr > left) {
    return { ok: false, refusal: 'refund-amount' };
  }
  const made: Refund = {
    key: event.key,
    chargebackId: event.chargebackId,
    amountIdr,
    createdAtMs: event.atMs,
    ...(event.reason === undefined ? {} : { reason: event.reason }),
  };
  const next: Transaction = {
    ...transaction,
    status: amountIdr === left ? 'refund' : 'partial_refund',
    refunds: [...transaction.refunds, made],
  };
  assert(refundedIdr(next) <= grossIdr(next));
  return { ok: true, next, notify: true };
}

function confirmRefund(
  transaction: Transaction,
  event: TransactionEvent & { kind: 'confirm-refund' },
): Step {
  const waiting = transaction.refunds.some(
    (each) => each.key === event.key && each.confirmedAtMs === undefined,
  );
  if (!waiting) return { ok: false, refusal: 'not-modifiable' };
  const refunds = transaction.refunds.map((each) =>
    each.key === event.key ? { ...each, confirmedAtMs: event.atMs } : each,
  );
  return { ok: true, next: { ...transaction, refunds }, notify: true };
}
