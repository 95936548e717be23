// The transaction's table: every status × every event, and what refunds add up to.
import { expect, test } from 'vitest';
import {
  step,
  type Transaction,
  type TransactionEvent,
  type TransactionStatus,
} from '../../src/twin/transaction.ts';

const atMs = 1000;
const base: Transaction = {
  transactionId: 't',
  orderId: 'o',
  channel: 'qris',
  acquirer: 'gopay',
  amountIdr: 15000,
  status: 'pending',
  createdAtMs: 0,
  expiresAtMs: 900_000,
  qrText: 'q',
  crossReference: 'c',
  imageId: 'i',
  notifyUrls: [],
  echo: {},
  refunds: [],
};

const events: Record<string, TransactionEvent> = {
  pay: { kind: 'pay', issuer: 'dana', late: false, atMs },
  late: { kind: 'pay', issuer: 'dana', late: true, atMs },
  decline: { kind: 'decline' },
  cancel: { kind: 'cancel' },
  expire: { kind: 'expire' },
  refund: { kind: 'refund', key: 'k1', chargebackId: 1, atMs },
  part: { kind: 'refund', key: 'k1', chargebackId: 1, amountIdr: 5000, atMs },
};

// `+` : Midtrans notifies. A word in brackets is a refusal that changes nothing.
const table: Record<TransactionStatus, string> = {
  pending:
    'pay settlement+ | late settlement+ | decline pending | cancel cancel+ | expire expire+ | refund (not-modifiable) | part (not-modifiable)',
  settlement:
    'pay (already-paid) | late (already-paid) | decline (already-paid) | cancel (not-modifiable) | expire (not-modifiable) | refund refund+ | part partial_refund+',
  deny: 'pay (denied) | late (denied) | decline (denied) | cancel (not-modifiable) | expire (not-modifiable) | refund (not-modifiable) | part (not-modifiable)',
  cancel:
    'pay (cancelled) | late settlement+ | decline (cancelled) | cancel (not-modifiable) | expire (not-modifiable) | refund (not-modifiable) | part (not-modifiable)',
  expire:
    'pay (expired) | late settlement+ | decline (expired) | cancel (not-modifiable) | expire (not-modifiable) | refund (not-modifiable) | part (not-modifiable)',
  partial_refund:
    'pay (already-paid) | late (already-paid) | decline (already-paid) | cancel (not-modifiable) | expire (not-modifiable) | refund refund+ | part partial_refund+',
  refund:
    'pay (already-paid) | late (already-paid) | decline (already-paid) | cancel (not-modifiable) | expire (not-modifiable) | refund (not-modifiable) | part (not-modifiable)',
};

test.each(Object.entries(table))('%s: every event', (status, wanted) => {
  const from = { ...base, status: status as TransactionStatus };
  const got = Object.entries(events).map(([name, event]) => {
    const taken = step(from, event);
    const outcome = taken.ok
      ? `${taken.next.status}${taken.notify ? '+' : ''}`
      : `(${taken.refusal})`;
    return `${name} ${outcome}`;
  });
  expect(got.join(' | ')).toBe(wanted);
});

test('a payment is remembered with its issuer and its time', () => {
  const taken = step(base, { kind: 'pay', issuer: 'dana', late: false, atMs });
  expect(taken).toMatchObject({ ok: true, next: { issuer: 'dana', settledAtMs: atMs } });
});

test('refunds never exceed the payment, and a key serves once', () => {
  const paid: Transaction = { ...base, status: 'settlement', settledAtMs: 0, issuer: 'gopay' };
  const refund = (from: Transaction, key: string, amountIdr: number): ReturnType<typeof step> =>
    step(from, { kind: 'refund', key, chargebackId: 1, amountIdr, atMs });
  const first = refund(paid, 'k1', 10000);
  if (!first.ok) throw new Error('refused');
  expect(refund(first.next, 'k1', 1000)).toEqual({ ok: false, refusal: 'refund-repeated' });
  expect(refund(first.next, 'k2', 5001)).toEqual({ ok: false, refusal: 'refund-amount' });
  expect(refund(first.next, 'k2', 0)).toEqual({ ok: false, refusal: 'refund-amount' });
  expect(refund(first.next, 'k2', 5000)).toMatchObject({ ok: true, next: { status: 'refund' } });
});

test('a refund is confirmed once, and only one that exists', () => {
  const paid: Transaction = { ...base, status: 'settlement' };
  const refunded = step(paid, { kind: 'refund', key: 'k1', chargebackId: 1, atMs });
  if (!refunded.ok) throw new Error('refused');
  const confirm: TransactionEvent = { kind: 'confirm-refund', key: 'k1', atMs: 2000 };
  const confirmed = step(refunded.next, confirm);
  if (!confirmed.ok) throw new Error('refused');
  expect(confirmed).toMatchObject({ notify: true, next: { refunds: [{ confirmedAtMs: 2000 }] } });
  expect(step(confirmed.next, confirm).ok).toBe(false);
  expect(step(paid, confirm).ok).toBe(false);
});
