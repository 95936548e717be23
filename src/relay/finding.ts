// What the day close may find about a sale: the kinds, and the words that two of its judges share. PURE.
import { formatRupiah } from '../protocol/money.ts';
import { type DifferenceKind } from './balance.ts';
import { type ChargeStatus } from './midtrans/gateway.ts';

/** What Midtrans says of a sale. `other`: it has a second charge under this sale's id, and answered with that one first. */
export type Theirs =
  | { kind: 'not-asked' }
  | { kind: 'silent'; detail: string }
  | { kind: 'absent' }
  | { kind: 'found'; status: ChargeStatus; other?: ChargeStatus };

export type FindingKind =
  | DifferenceKind
  | 'paid-there-not-here'
  | 'paid-here-not-there'
  | 'absent-there'
  | 'ended-there'
  | 'payable-there'
  | 'amount-differs'
  | 'currency-differs'
  | 'merchant-differs'
  | 'refunded-by-hand'
  | 'refund-not-here'
  | 'refund-not-there'
  | 'other-charge'
  | 'strange-answer'
  | 'no-answer'
  | 'pending-after-expiry'
  | 'held-by-fraud-mark'
  | 'recovering'
  | 'claim-open'
  | 'claim-locked'
  | 'in-hand'
  | 'goods-without-money'
  | 'fulfilment-disputed'
  | 'no-settled-time'
  | 'unknown-order';

/** One thing that a person should know of, and what to do about it. */
export interface Finding {
  kind: FindingKind;
  /** What is the matter, in plain words. */
  what: string;
  /** What to do next. */
  next: string;
}

export interface Ours {
  nowMs: number;
  merchantId: string;
}

/** PROTOCOL.md §7: a refund made by hand at Midtrans on a `done` sale is a named difference. */
export function refundedByHand(idr: number): Finding {
  return {
    kind: 'refunded-by-hand',
    what: `The goods are out, and ${formatRupiah(idr)} went back to the payer: a loss of so much.`,
    next: 'Ask who refunded it in the Midtrans dashboard, and why. Nothing is to be paid out.',
  };
}

export function held(): Finding {
  return {
    kind: 'held-by-fraud-mark',
    what: 'Midtrans has the money and marks it as possible fraud; the relay holds it.',
    next: 'Accept or refund it in the Midtrans dashboard. Hand over nothing before.',
  };
}

const maxWord = 200;

/** Another system's text, fit for a line. */
export function word(text: string | undefined): string {
  return (text ?? '').replace(/[^\x20-\x7e]/g, '?').slice(0, maxWord);
}

/** An amount as Midtrans gave it. */
export function rupiah(idr: number | undefined): string {
  return idr === undefined ? 'an amount that is not whole rupiah' : formatRupiah(idr);
}
