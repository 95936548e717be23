// The verdict table of PROTOCOL.md §2, every pair.
import { expect, test } from 'vitest';
import {
  isDead,
  isOpen,
  isSettled,
  mayFollow,
  mayReach,
  verdicts,
} from '../../src/protocol/verdict.ts';

const table: Record<string, string[]> = {
  creating: ['pending', 'paid', 'denied', 'cancelled', 'expired', 'paid-late'],
  pending: ['paid', 'denied', 'cancelled', 'expired', 'paid-late'],
  denied: ['paid-late', 'paid'],
  cancelled: ['paid-late', 'paid'],
  expired: ['paid-late', 'paid'],
  paid: ['refunded'],
  'paid-late': ['refunded'],
  refunded: [],
};

test.each(verdicts.flatMap((from) => verdicts.map((to) => [from, to] as const)))(
  '%s → %s',
  (from, to) => {
    expect(mayFollow(from, to)).toBe(table[from]?.includes(to));
  },
);

test('what was not heard in between may be skipped, and nothing comes back', () => {
  expect(mayReach('creating', 'refunded')).toBe(true);
  expect(mayReach('expired', 'refunded')).toBe(true);
  for (const word of verdicts) expect(mayReach(word, word)).toBe(false);
  for (const word of verdicts) expect(mayReach('refunded', word)).toBe(false);
  expect(mayReach('paid', 'pending')).toBe(false);
});

test('every verdict is exactly one of open, dead and settled', () => {
  for (const word of verdicts) {
    expect([isOpen(word), isDead(word), isSettled(word)].filter(Boolean)).toHaveLength(1);
  }
});
