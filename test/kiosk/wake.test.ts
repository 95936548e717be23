// When a kiosk wakes by itself: at whatever is due next, in each phase that waits for something.
import { describe, expect, test } from 'vitest';
import { newState } from '../../src/kiosk/new-state.ts';
import type { OpenSale, Phase, State } from '../../src/kiosk/state.ts';
import { nextWake } from '../../src/kiosk/wake.ts';
import { saleA } from './machine.ts';

const sale: OpenSale = {
  ...{ saleId: saleA, amountIdr: 15_000, items: [], pieces: 1 },
  ...{ verdict: 'creating', bootId: 'boot-1' },
};
const idle: State = { ...newState('', 'ledger'), ledger: { at: 'same' } };
const retry = { sale, tries: 1, retryAtMs: 700 };

describe('what it has asked it asks again, in time', () => {
  test.each<[Phase['at'], Phase]>([
    ['charging', { at: 'charging', ...retry, sent: 'maybe', untilMs: 9_000 }],
    ['checking', { at: 'checking', ...retry, sinceMs: 0 }],
    ['stopping', { at: 'stopping', ...retry, reason: 'customer', sinceMs: 0 }],
    ['redeeming', { at: 'redeeming', ...retry, dispenseId: 'd', sent: 'maybe', untilMs: 9_000 }],
  ])('%s', (_at, phase) => {
    expect(nextWake({ ...idle, phase })).toBe(700);
  });

  test('a report that the relay has not taken', () => {
    const report = { saleId: saleA, result: 'done', tries: 1, retryAtMs: 700 } as const;
    expect(nextWake({ ...idle, reports: [report] })).toBe(700);
  });

  test('whether the ledger is the same', () => {
    expect(nextWake({ ...idle, ledger: { at: 'unknown', retryAtMs: 700 } })).toBe(700);
  });
});

test('of several the first', () => {
  const phase: Phase = { at: 'stopping', ...retry, reason: 'customer', sinceMs: 0 };
  const report = { saleId: saleA, result: 'done', tries: 1, retryAtMs: 300 } as const;
  expect(nextWake({ ...idle, phase, reports: [report] })).toBe(300);
});

test('a kiosk for which nothing is due sleeps', () => {
  expect(nextWake(idle)).toBeUndefined();
});
