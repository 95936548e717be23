// What the relay says about the money of a sale, and in which order it may change its mind. PURE.
import { z } from 'zod';

/** Every word that the relay has for the money of one sale. */
export const verdicts = [
  'creating',
  'pending',
  'paid',
  'denied',
  'cancelled',
  'expired',
  'paid-late',
  'refunded',
] as const;

export const verdict = z.enum(verdicts);
export type Verdict = z.infer<typeof verdict>;

/**
 * The table of PROTOCOL.md §2. Two rows are wider than its short form, because the text below that table demands them:
 * `creating`/`pending` → `paid-late` (settlement of an abandoned sale, or with another amount), and a dead verdict →
 * `paid` (settlement after the kiosk had already reported the goods as handed over).
 */
const successors: Record<Verdict, readonly Verdict[]> = {
  creating: ['pending', 'paid', 'denied', 'cancelled', 'expired', 'paid-late'],
  pending: ['paid', 'denied', 'cancelled', 'expired', 'paid-late'],
  denied: ['paid-late', 'paid'],
  cancelled: ['paid-late', 'paid'],
  expired: ['paid-late', 'paid'],
  paid: ['refunded'],
  'paid-late': ['refunded'],
  refunded: [],
};

/** True when `to` may replace `from`. A verdict never replaces itself: a repeat changes nothing. */
export function mayFollow(from: Verdict, to: Verdict): boolean {
  return successors[from].includes(to);
}

/**
 * True when `to` can come after `from`, with other words between them that were never heard: a catch-up gives only the
 * latest state of a sale.
 */
export function mayReach(from: Verdict, to: Verdict): boolean {
  return successors[from].some((next) => next === to || mayReach(next, to));
}

/** Midtrans has not decided yet: the QR may still be paid. */
export function isOpen(word: Verdict): boolean {
  return word === 'creating' || word === 'pending';
}

/** No payment came and, as far as Midtrans says, none will. */
export function isDead(word: Verdict): boolean {
  return word === 'denied' || word === 'cancelled' || word === 'expired';
}

/** Money arrived at some time, whatever became of it. */
export function isSettled(word: Verdict): boolean {
  return word === 'paid' || word === 'paid-late' || word === 'refunded';
}
