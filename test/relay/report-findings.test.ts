// What the day close finds about one sale: what kiosk, relay and Midtrans say of it, compared.
import { describe, expect, test } from 'vitest';
import { type Theirs } from '../../src/relay/finding.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { findingsOf } from '../../src/relay/report-findings.ts';
import { type ClaimRow, type SaleRow } from '../../src/relay/sale-row.ts';
import { at, rowOf } from './ledger-rows.ts';
import { absent, claimOf, done, failed, notAsked, ours, theirs } from './report-rows.ts';

function kinds(sale: SaleRow, answer: Theirs, claim?: ClaimRow, nowMs = ours.nowMs): string {
  const found = findingsOf({ sale, claim }, answer, { ...ours, nowMs });
  return found.map(({ kind }) => kind).join(' ');
}

describe('nothing is found where kiosk, relay and Midtrans agree', () => {
  test.each<[string, SaleRow, Theirs, ClaimRow?]>([
    ['goods for money', done(), theirs('settled')],
    ['a cancelled sale', rowOf('cancelled'), theirs('cancelled')],
    ['a deadline that Midtrans calls a cancel', rowOf('expired'), theirs('cancelled')],
    ['a tombstone that Midtrans never had', rowOf('cancelled', { chargeId: null }), absent],
    ['a refused charge', rowOf('denied', { chargeId: null }), absent],
    ['a QR on show', rowOf('pending'), theirs('pending')],
    ['a charge under way', rowOf('creating', { chargeId: null }), absent],
    [
      'a claim that was refunded',
      rowOf('refunded', { fulfilment: 'failed', settledAtMs: at, refundedIdr: 15_000 }),
      theirs('refunded', { refundedIdr: 15_000 }),
      claimOf({ state: 'refunded' }),
    ],
    ['a claim that was honoured', failed(), theirs('settled'), claimOf({ state: 'honoured' })],
    [
      'an older answer without currency and merchant',
      done(),
      theirs('settled', { currency: undefined, merchantId: undefined }),
    ],
    ['nobody asked', done(), notAsked],
  ])('%s', (_what, sale, answer, claim) => {
    expect(kinds(sale, answer, claim)).toBe('');
  });
});

describe('what is found', () => {
  const refundedThere = theirs('refunded', { refundedIdr: 15_000 });
  test.each<[string, SaleRow, Theirs, ClaimRow?]>([
    ['paid-there-not-here', rowOf('pending'), theirs('settled')],
    ['paid-there-not-here', rowOf('expired'), theirs('settled')],
    ['paid-here-not-there', done(), theirs('pending')],
    ['paid-here-not-there', done(), theirs('expired')],
    ['paid-here-not-there', done(), absent],
    ['absent-there', rowOf('pending'), absent],
    ['ended-there', rowOf('pending'), theirs('expired')],
    ['payable-there', rowOf('cancelled'), theirs('pending')],
    ['amount-differs', done(), theirs('settled', { amountIdr: 14_999 })],
    ['amount-differs', done(), theirs('settled', { amountIdr: undefined })],
    ['currency-differs', done(), theirs('settled', { currency: 'USD' })],
    ['merchant-differs', done(), theirs('settled', { merchantId: 'G999999999' })],
    ['refunded-by-hand', done(), refundedThere],
    ['refunded-by-hand', done({ verdict: 'refunded', refundedIdr: 15_000 }), refundedThere],
    ['refunded-by-hand', failed(), refundedThere, claimOf({ state: 'honoured' })],
    [
      'refund-not-there',
      rowOf('refunded', { fulfilment: 'failed', refundedIdr: 15_000, settledAtMs: at }),
      theirs('settled'),
      claimOf({ state: 'refunded' }),
    ],
    ['refund-not-here claim-locked', failed(), refundedThere, claimOf({ state: 'refunding' })],
    ['strange-answer', done(), theirs('other')],
    ['strange-answer', done(), theirs('settled', { saleId: 'another' })],
    ['no-answer', done(), { kind: 'silent', detail: 'no connection' }],
    [
      'held-by-fraud-mark',
      rowOf('pending', { heldAtMs: at }),
      theirs('settled', { fraud: 'challenge' }),
    ],
    ['held-by-fraud-mark', rowOf('pending'), theirs('settled', { fraud: 'challenge' })],
    ['held-by-fraud-mark', rowOf('pending', { heldAtMs: at }), notAsked],
    ['recovering', rowOf('cancelled', { recovering: 1 }), notAsked],
    ['in-hand', rowOf('paid', { settledAtMs: at }), theirs('settled')],
    ['claim-open', failed(), theirs('settled'), claimOf()],
    ['claim-locked', failed(), theirs('settled'), claimOf({ state: 'redeeming' })],
    ['goods-without-money', rowOf('cancelled', { fulfilment: 'done' }), theirs('cancelled')],
    ['fulfilment-disputed', done({ fulfilmentDisputed: 'failed' }), theirs('settled')],
    ['no-settled-time', done({ settledAtMs: null }), theirs('settled')],
    ['unclaimed', failed(), theirs('settled')],
    ['claim-amount claim-open', failed(), theirs('settled'), claimOf({ amountIdr: 10_000 })],
    ['claim-without-money claim-open', rowOf('cancelled'), theirs('cancelled'), claimOf()],
  ])('%s', (expected, sale, answer, claim) => {
    expect(kinds(sale, answer, claim)).toBe(expected);
  });

  test('pending-after-expiry: ten minutes after the QR, and Midtrans own end of it, are over', () => {
    const sale = rowOf('pending', { deadlineAtMs: at + 180_000, expiresAtMs: at + 900_000 });
    expect(kinds(sale, theirs('pending'), undefined, at + 1_500_000)).toBe('');
    expect(kinds(sale, theirs('pending'), undefined, at + 1_500_001)).toBe('pending-after-expiry');
  });

  test('other-charge: a second one under the same id that was paid, or can be', () => {
    const other = (state: ChargeStatus['state']): Theirs => {
      const answer = theirs('settled');
      const second = theirs(state, { chargeId: 'charge-2' });
      if (answer.kind !== 'found' || second.kind !== 'found') throw new Error('found');
      return { ...answer, other: second.status };
    };
    expect(kinds(done(), other('settled'))).toBe('other-charge');
    expect(kinds(done(), other('pending'))).toBe('other-charge');
    expect(kinds(done(), other('cancelled'))).toBe('');
  });
});

test.each(['open', 'redeeming', 'refunding'] as const)(
  'a %s claim of before a restore says so, whatever its note is',
  (state) => {
    const what = (more: Partial<ClaimRow>): string =>
      findingsOf({ sale: failed(), claim: claimOf({ state, ...more }) }, theirs('settled'), ours)[0]
        ?.what ?? '';
    expect(what({ restored: 1, operatorOnly: 1 })).toContain('(restored)');
    expect(what({ restored: 1, note: 'disputed' })).toContain('(restored, disputed)');
    expect(what({ restored: 1, note: 'restored' })).toContain('(restored)');
    expect(what({ note: 'disputed' })).toContain('(disputed)');
    expect(what({})).not.toContain('(');
  },
);

test('a claim whose refund is ordered already is not to be ordered again', () => {
  const next = (claim: ClaimRow): string =>
    findingsOf({ sale: failed(), claim }, theirs('settled'), ours)[0]?.next ?? '';
  expect(next(claimOf())).toContain('kios relay claim refund');
  expect(next(claimOf({ restored: 1, operatorOnly: 1 }))).toContain(
    'claim release and claim refund',
  );
  expect(next(claimOf({ orderedIdr: 15_000 }))).toBe(
    'A refund of Rp 15.000 is ordered: the relay makes it, if it runs.',
  );
});
