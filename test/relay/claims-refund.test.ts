// How a claim's money goes back: when it begins, under which number, and what each answer of Midtrans means.
import { describe, expect, test } from 'vitest';
import { type ClaimDecision, type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { changedClaim, decideClaim } from '../../src/relay/ledger-claims.ts';
import { type Refund, type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { type ClaimRow, type SaleRow } from '../../src/relay/sale-row.ts';
import {
  byOperator,
  claimOf,
  dayMs,
  failedSale,
  looked,
  minuteMs,
  now,
  ours,
  result,
  summary,
  walk,
} from './claim-rows.ts';
import { at, saleId, status } from './ledger-rows.ts';

describe('when a claim goes back', () => {
  test('automatic: not before its time, never one for the operator, never by-operator', () => {
    const due = { type: 'due', ...walk } as const;
    const fresh = claimOf('open', { changedAtMs: now - minuteMs + 1 });
    expect(decideClaim(failedSale(), fresh, due, now)).toMatchObject({
      ...{ next: 'none', claim: { state: 'open', askAtMs: now + 1 } },
    });
    const locked = claimOf('open', { operatorOnly: 1 });
    expect(summary(decideClaim(failedSale(), locked, due, now))).toBe('open');
    const asked = decideClaim(failedSale(), claimOf(), { type: 'due', ...byOperator }, now);
    expect(asked).toMatchObject({ next: 'none', claim: { askAtMs: null } });
    // Between the question and its answer the kiosk took it, or the operator locked it.
    const outcome = looked(status('settled'));
    expect(summary(decideClaim(failedSale(), claimOf('redeeming'), outcome, now))).toBe(
      'redeeming',
    );
    expect(summary(decideClaim(failedSale(), locked, outcome, now))).toBe('open');
  });

  test('an order goes back at once, whatever the policy, and no kiosk may redeem it meanwhile', () => {
    const ordered = decideClaim(
      failedSale(),
      claimOf('open', { operatorOnly: 1 }),
      { type: 'order-refund' },
      now,
    );
    expect(ordered.claim).toMatchObject({ orderedIdr: 15_000, askAtMs: now });
    expect(
      summary(decideClaim(failedSale(), ordered.claim, { type: 'due', ...byOperator }, now)),
    ).toBe('open look');
    const open = { ...ordered.claim, operatorOnly: 0 };
    expect(
      summary(decideClaim(failedSale(), open, { type: 'redeem', dispenseId: 'd1' }, now)),
    ).toBe('! going-back');
    for (const amountIdr of [0, -1, 1.5, 15_001]) {
      expect(
        summary(decideClaim(failedSale(), claimOf(), { type: 'order-refund', amountIdr }, now)),
      ).toBe('! amount');
    }
  });

  test('off-us QRIS goes back for seven days, afterwards only by the operator', () => {
    const due = { type: 'due', ...walk } as const;
    const week = at + 7 * dayMs;
    for (const issuer of ['dana', null]) {
      const sale = failedSale({ issuer });
      expect(summary(decideClaim(sale, claimOf(), due, week - 1))).toBe('open look');
      const late = decideClaim(sale, claimOf(), due, week);
      expect(late).toMatchObject({
        alert: 'refund-window',
        claim: { operatorOnly: 1, askAtMs: null },
      });
      const ordered = claimOf('open', { orderedIdr: 15_000 });
      expect(summary(decideClaim(sale, ordered, due, week))).toBe('open look');
    }
    expect(summary(decideClaim(failedSale({ issuer: 'GoPay' }), claimOf(), due, week))).toBe(
      'open look',
    );
  });

  test('the refund is written down, with its number, before it is sent', () => {
    const begun = decideClaim(failedSale(), claimOf(), looked(status('settled')), now);
    expect(begun).toMatchObject({
      next: 'refund',
      claim: { state: 'refunding', refundN: 1, refundIdr: 15_000, refundAtMs: now },
    });
  });

  test('nothing is sent while Midtrans is silent or contradicts itself', () => {
    const silent: StatusOutcome = { kind: 'unknown', answered: false, detail: '' };
    for (const outcome of [
      silent,
      { kind: 'absent' } as const,
      status('pending'),
      status('other'),
    ]) {
      for (const state of ['open', 'refunding'] as const) {
        const decision = decideClaim(failedSale(), claimOf(state), looked(outcome), now);
        expect(decision).toMatchObject({ next: 'none', claim: { state } });
        expect(decision.claim.askAtMs).toBeGreaterThan(now);
      }
    }
  });

  test('while a sale recovers, nothing of it goes back', () => {
    const due = { type: 'due', ...walk } as const;
    expect(summary(decideClaim(failedSale({ recovering: 1 }), claimOf(), due, now))).toBe('open');
  });
});

describe('under which number', () => {
  const begin = (
    claim: Partial<ClaimRow>,
    refunds: readonly Refund[],
    more: Partial<SaleRow> = {},
  ): number => {
    const open = claimOf('open', { orderedIdr: 15_000, ...claim });
    const outcome = status('settled', { refunds });
    const decision = decideClaim(failedSale(more), open, looked(outcome), now);
    expect(decision.next).toBe('refund');
    return decision.claim.refundN;
  };
  test('one that is not there is tried again under its own', () => {
    expect(begin({ refundN: 1, refundIdr: 15_000, refundAtMs: at }, [])).toBe(1);
  });
  test('another amount, or after seven days: the next one', () => {
    expect(begin({ refundN: 1, refundIdr: 5_000, refundAtMs: at }, [])).toBe(2);
    expect(begin({ refundN: 1, refundIdr: 15_000, refundAtMs: now - 7 * dayMs }, [])).toBe(2);
  });
  test('one that is there and through: the next one', () => {
    const through = { key: `${saleId}-1`, amountIdr: 5_000, confirmed: true };
    const half = {
      amountIdr: 10_000,
      orderedIdr: 5_000,
      refundN: 1,
      refundIdr: 5_000,
      refundAtMs: at,
    };
    expect(begin(half, [through], { refundedIdr: 5_000 })).toBe(2);
  });
});

describe('a refund in flight', () => {
  const answered = (
    outcome: Extract<ClaimEvent, { type: 'refund-answered' }>['outcome'],
    refundN = 1,
  ): ClaimEvent => ({
    ...{ type: 'refund-answered', refundN, outcome, jitter: 0 },
  });
  const refusedWith = (code: string, more: Partial<SaleRow> = {}): ClaimDecision => {
    const outcome = { kind: 'refused', code, detail: '' } as const;
    const asked = decideClaim(failedSale(more), claimOf('refunding'), answered(outcome), now);
    expect(asked).toMatchObject({ next: 'look', claim: { state: 'refunding' } });
    return decideClaim(failedSale(more), asked.claim, looked(status('settled'), true), now);
  };

  test('an answer about an earlier number is not heard', () => {
    const claim = claimOf('refunding', { refundN: 2 });
    const late = answered({ kind: 'refused', code: '412', detail: '' });
    expect(decideClaim(failedSale(), claim, late, now)).toEqual({ claim, next: 'none' });
  });
  test('without an answer: get-status; what is not there yet may still land', () => {
    const lost = answered({ kind: 'unknown', answered: false, detail: '' });
    const asked = decideClaim(failedSale(), claimOf('refunding'), lost, now);
    expect(summary(asked)).toBe('refunding look');
    const soon = decideClaim(failedSale(), asked.claim, looked(status('settled'), true), now);
    expect(soon).toMatchObject({ next: 'none', claim: { state: 'refunding', refundN: 1 } });
    expect(soon.claim.askAtMs).toBeGreaterThanOrEqual(now + minuteMs);
    const later = decideClaim(failedSale(), soon.claim, looked(status('settled')), now + minuteMs);
    expect(later).toMatchObject({ next: 'refund', claim: { refundN: 1 } });
  });
  test('found by its key, or by its amount where the list has no key: waits for the bank', () => {
    for (const refund of [ours, { ...ours, key: undefined }]) {
      const outcome = status('settled', { refunds: [refund] });
      const found = decideClaim(failedSale(), claimOf('refunding'), looked(outcome), now);
      expect(found).toMatchObject({ next: 'none', claim: { state: 'refunding', note: null } });
    }
  });
  test.each(['202', '400', '404', '412', '413'])(
    'refused with %s and not there: open, for the operator',
    (code) => {
      expect(refusedWith(code)).toMatchObject({
        alert: 'refund-refused',
        claim: { state: 'open', operatorOnly: 1, note: `refund-refused-${code}`, askAtMs: null },
      });
    },
  );
  test('refused, and there all the same: an earlier try has landed', () => {
    const refused = claimOf('refunding', { note: 'refund-refused-412' });
    const outcome = status('refunded', { refunds: [ours], refundedIdr: 15_000 });
    const sale = failedSale({ verdict: 'refunded', refundedIdr: 15_000 });
    expect(decideClaim(sale, refused, looked(outcome, true), now).claim).toMatchObject({
      state: 'refunding',
      note: null,
    });
  });
  test('414 with the right amount is an empty purse, with a wrong one the operator’s', () => {
    expect(refusedWith('414')).toMatchObject({
      alert: 'refund-unfunded',
      claim: { state: 'open', operatorOnly: 0, note: 'insufficient-balance' },
    });
    expect(refusedWith('414', { refundedIdr: 4_000 })).toMatchObject({
      claim: { state: 'open', operatorOnly: 1, amountIdr: 11_000, note: 'refund-amount' },
    });
  });
  test('401 is our key’s fault: the same refund again, later', () => {
    const refused = claimOf('refunding', { note: 'refund-refused-401' });
    expect(summary(decideClaim(failedSale(), refused, looked(status('settled')), now))).toBe(
      'refunding refund',
    );
  });
  test('a day without a clear answer: locked for the operator, who may take the lock off then', () => {
    const silent: StatusOutcome = { kind: 'unknown', answered: false, detail: '' };
    for (const outcome of [silent, status('settled')]) {
      const locked = decideClaim(failedSale(), claimOf('refunding'), looked(outcome), at + dayMs);
      expect(locked).toMatchObject({
        alert: 'refund-locked',
        next: 'none',
        claim: { state: 'refunding', askAtMs: null },
      });
      expect(summary(decideClaim(failedSale(), locked.claim, { type: 'release' }, now))).toBe(
        'open',
      );
    }
  });
  test('thirty days without the bank: told; no release, because Midtrans has it', () => {
    const sale = failedSale({ verdict: 'refunded', refundedIdr: 15_000 });
    const outcome = status('refunded', { refunds: [ours], refundedIdr: 15_000 });
    const told = decideClaim(sale, claimOf('refunding'), looked(outcome), at + 30 * dayMs);
    expect(told).toMatchObject({
      alert: 'refund-locked',
      claim: { note: 'refund-unconfirmed', askAtMs: null },
    });
    expect(summary(decideClaim(sale, told.claim, { type: 'release' }, now))).toBe('! going-back');
  });
  describe('when the goods are said to be out as well', () => {
    const granted = claimOf('refunding', { dispenseId: 'd1' });
    const late = failedSale({ verdict: 'paid-late', fulfilment: 'done' });
    const dispute = changedClaim(failedSale(), granted, { do: 'dispute' }, now).claim ?? granted;
    const done = decideClaim(failedSale(), granted, result('done'), now).claim;
    const doneLate = changedClaim(late, granted, { do: 'dispute' }, now).claim ?? granted;
    const ordered = claimOf('refunding', { operatorOnly: 1, orderedIdr: 15_000 });
    const order = changedClaim(failedSale(), ordered, { do: 'dispute' }, now).claim ?? ordered;

    test.each<[string, SaleRow, ClaimRow, string]>([
      ['by a second report', failedSale(), dispute, 'disputed'],
      ['for its grant', failedSale(), done, 'goods-and-refund'],
      ['for late money', late, doneLate, 'disputed'],
      ['against an order', failedSale(), order, 'disputed'],
    ])('%s: nothing is sent again, a person decides', (_name, sale, claim, note) => {
      expect(claim).toMatchObject({ state: 'refunding', operatorOnly: 1, orderedIdr: 0, note });
      const held = { state: 'open', operatorOnly: 1, note, askAtMs: null };
      const absent = decideClaim(sale, claim, looked(status('settled')), now + minuteMs);
      expect(absent).toMatchObject({ next: 'none', claim: held });
      for (const code of ['412', '414', '401']) {
        const outcome = { kind: 'refused', code, detail: '' } as const;
        const refused = decideClaim(sale, claim, answered(outcome), now).claim;
        const after = decideClaim(sale, refused, looked(status('settled')), now + minuteMs);
        expect(after).toMatchObject({ next: 'none', claim: held });
        // Nor when its time comes again.
        const due = decideClaim(sale, after.claim, { type: 'due', ...walk }, now + dayMs);
        expect(due).toMatchObject({ next: 'none', claim: { askAtMs: null } });
      }
    });

    test('what Midtrans has all the same is waited for, and the reason is kept', () => {
      const outcome = status('settled', { refunds: [ours] });
      const found = decideClaim(failedSale(), dispute, looked(outcome), now).claim;
      expect(found).toMatchObject({ state: 'refunding', note: 'disputed' });
      const change = { do: 'close', as: 'refunded' } as const;
      const sale = failedSale({ verdict: 'refunded', refundedIdr: 15_000 });
      expect(changedClaim(sale, found, change, now).claim).toMatchObject({
        ...{ state: 'refunded', note: 'disputed' },
      });
    });

    test('the operator may order it then, under the same number', () => {
      const open = decideClaim(failedSale(), dispute, looked(status('settled')), now).claim;
      const by = decideClaim(failedSale(), open, { type: 'order-refund' }, now).claim;
      const sent = decideClaim(failedSale(), by, looked(status('settled')), now);
      expect(sent).toMatchObject({ next: 'refund', claim: { refundN: 1 } });
    });
  });

  test('the goods turn out to be out: a refund that never landed is not sent again', () => {
    const sale = failedSale({ fulfilment: 'done' });
    const claim = claimOf('refunding', { kind: 'unreported' });
    expect(summary(decideClaim(sale, claim, looked(status('settled')), now))).toBe('honoured');
  });
  test('a part of it went back by hand: its amount is wrong now, and the rest is the operator’s', () => {
    const sale = failedSale({ refundedIdr: 4_000 });
    expect(
      decideClaim(sale, claimOf('refunding'), looked(status('settled')), now).claim,
    ).toMatchObject({
      ...{ state: 'open', amountIdr: 11_000, operatorOnly: 1 },
    });
  });
});
