// The lock on a claim that is older than the ledger it stands in (PROTOCOL.md §8): it may have been paid out in the one
// that was lost. No news of it takes the lock off, and no money leaves before a person has.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { changedClaim, decideClaim } from '../../src/relay/ledger-claims.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { type ClaimChange } from '../../src/relay/ledger-rules.ts';
import { type ClaimRow, type ClaimState } from '../../src/relay/sale-row.ts';
import {
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
import { saleId, status } from './ledger-rows.ts';

const order: ClaimEvent = { type: 'order-refund' };
const release: ClaimEvent = { type: 'release' };
const restored = (state: ClaimState, more: Partial<ClaimRow> = {}): ClaimRow =>
  claimOf(state, { restored: 1, operatorOnly: 1, ...more });

const events: readonly ClaimEvent[] = [
  ...[order, { type: 'due', ...walk } as const],
  ...[{ type: 'redeem', dispenseId: 'd1' } as const, { type: 'redeem', dispenseId: 'd2' } as const],
  ...[result('done', 'd2'), result('failed'), result('unknown'), result('done', 'd9')],
  ...[
    looked(status('settled')),
    looked({ kind: 'absent' }),
    looked({ kind: 'unknown', answered: false, detail: '' }),
  ],
  {
    type: 'refund-answered',
    refundN: 1,
    outcome: { kind: 'refused', code: '414', detail: '' },
    jitter: 0,
  },
  {
    type: 'refund-answered',
    refundN: 1,
    outcome: { kind: 'unknown', answered: false, detail: '' },
    jitter: 0,
  },
];
const changes: readonly ClaimChange[] = [
  { do: 'dispute' },
  { do: 'rest', amountIdr: 9_000 },
  { do: 'open', kind: 'late', amountIdr: 15_000, operatorOnly: false },
];

describe('a claim of before the restore', () => {
  test('pays nothing by itself, whatever is heard of it', () => {
    fc.assert(
      fc.property(
        fc.constantFrom<ClaimState>('open', 'redeeming', 'refunding'),
        fc.array(fc.tuple(fc.constantFrom(...events, ...changes), fc.nat(2 * dayMs)), {
          maxLength: 12,
        }),
        (state, series) => {
          let claim = restored(state);
          let nowMs = now;
          for (const [event, laterMs] of series) {
            nowMs += laterMs;
            if ('do' in event) {
              claim = changedClaim(failedSale(), claim, event, nowMs).claim ?? claim;
            } else {
              const decision = decideClaim(failedSale(), claim, event, nowMs);
              expect(decision.next).not.toBe('refund');
              claim = decision.claim;
            }
            if (claim.state === 'honoured' || claim.state === 'refunded') return;
            expect(claim).toMatchObject({ restored: 1, operatorOnly: 1, orderedIdr: 0 });
            if (claim.state !== 'open') continue;
            expect(summary(decideClaim(failedSale(), claim, order, nowMs))).toBe('! restored');
          }
        },
      ),
    );
  });

  test.each(['open', 'redeeming', 'refunding'] as const)(
    '%s: released by a person it is owed again, to the operator alone, and can be ordered',
    (state) => {
      const claim = restored(state, { askAtMs: null, changedAtMs: now - 20 * minuteMs });
      const free = decideClaim(failedSale(), claim, release, now).claim;
      expect(free).toMatchObject({
        ...{ state: 'open', restored: 0, operatorOnly: 1, note: 'released', askAtMs: null },
      });
      expect(decideClaim(failedSale(), free, order, now).claim.orderedIdr).toBe(15_000);
    },
  );

  test('granted less than twenty minutes ago, it may be in use: a restore takes nothing of that', () => {
    const claim = restored('redeeming', { changedAtMs: now - 20 * minuteMs + 1 });
    expect(summary(decideClaim(failedSale(), claim, release, now))).toBe('! maybe-dispensing');
    // The kiosk's word on it still counts; but it is given no second time.
    const again: ClaimEvent = { type: 'redeem', dispenseId: 'd1' };
    expect(summary(decideClaim(failedSale(), claim, again, now))).toBe('! redeeming');
    expect(summary(decideClaim(failedSale(), claim, result('done'), now))).toBe('honoured');
  });

  test.each(['open', 'redeeming'] as const)(
    '%s, granted in the lost ledger alone, and done: it was honoured, and the same word again says nothing new',
    (state) => {
      const done = result('done', 'd9');
      const told = decideClaim(failedSale(), restored(state), done, now);
      expect(summary(told)).toBe('honoured');
      expect(told.claim).toMatchObject({ restored: 0, dispenseId: 'd9' });
      expect(decideClaim(failedSale(), told.claim, done, now)).toMatchObject({ claim: told.claim });
      const twice = decideClaim(failedSale(), told.claim, result('done', 'd8'), now);
      expect(summary(twice)).toBe('! other-dispense-id (goods-twice)');
    },
  );

  test('the same, when the kiosk had said already that the goods are out, and not by which grant', () => {
    const { claim } = changedClaim(failedSale(), restored('open'), { do: 'redeemed' }, now);
    expect(claim).toMatchObject({ state: 'honoured', amountIdr: 15_000, restored: 0 });
    const told = decideClaim(failedSale(), claim ?? restored('open'), result('done', 'd9'), now);
    expect(summary(told)).toBe('honoured');
    expect(told.claim).toMatchObject({ dispenseId: 'd9', note: null });
  });

  test('granted at the backup and honoured by the kiosk’s word: its own dispense is the one, another is too many', () => {
    const { claim } = changedClaim(failedSale(), restored('redeeming'), { do: 'redeemed' }, now);
    const own = decideClaim(failedSale(), claim ?? restored('open'), result('done'), now).claim;
    expect(own).toMatchObject({ state: 'honoured', dispenseId: 'd1', note: null });
    const other = decideClaim(failedSale(), own, result('done', 'd9'), now);
    expect(summary(other)).toBe('! other-dispense-id (goods-twice)');
  });

  test('the same, without the kiosk’s own signature: a person looks', () => {
    const unsigned = { ...result('done', 'd9'), unsigned: true } as ClaimEvent;
    const told = decideClaim(failedSale(), restored('open'), unsigned, now);
    expect(summary(told)).toBe('! other-dispense-id (redeem-disputed)');
    expect(told.claim).toMatchObject({ restored: 1, state: 'open', note: 'disputed-unsigned' });
  });

  test.each(['open', 'redeeming', 'refunding', 'refunded'] as const)(
    'goods by the lost ledger, and money back in this one, is a loss that is told: %s',
    (state) => {
      const sale = failedSale({ refundedIdr: 15_000 });
      const risk = changedClaim(sale, restored(state), { do: 'redeemed' }, now);
      expect(risk).toMatchObject({
        claim: { note: 'goods-and-refund' },
        alert: 'goods-and-refund',
      });
      const again = changedClaim(sale, risk.claim, { do: 'redeemed' }, now);
      expect(again.alert).toBeUndefined();
    },
  );

  describe.each([
    ['was in flight at the backup', restored('refunding', { note: 'restored' })],
    ['was ordered after it', claimOf('refunding', { operatorOnly: 1, orderedIdr: 15_000 })],
  ])('its refund %s, and the kiosk has handed out its goods', (_name, flying) => {
    const { claim: out = flying, alert } = changedClaim(
      ...([failedSale(), flying, { do: 'redeemed' }, now] as const),
    );

    test('that is no loss before Midtrans has said so', () => {
      expect(out).toMatchObject({ state: 'refunding', note: 'handed-out', orderedIdr: 0 });
      expect(alert).toBeUndefined();
      const again = changedClaim(failedSale(), out, { do: 'redeemed' }, now);
      expect(again).toEqual({ claim: out });
    });

    test('nor when the result of its dispense comes as well', () => {
      const done = decideClaim(failedSale(), flying, result('done', 'd9'), now);
      if (flying.restored === 1) expect(done).toEqual({ claim: out, next: 'none' });
      else expect(summary(done)).toBe('! other-dispense-id (goods-and-refund)');
    });

    test('nothing went back: it is honoured', () => {
      const heard = decideClaim(failedSale(), out, looked(status('settled')), now);
      expect(summary(heard)).toBe('honoured');
      const done = decideClaim(failedSale(), heard.claim, result('done', 'd9'), now);
      expect(summary(done)).toBe('honoured');
    });

    test('Midtrans is silent for a day: the operator is told both', () => {
      const silence = { kind: 'unknown', answered: false, detail: '' } as const;
      const dayLater = now + dayMs;
      const { claim } = decideClaim(failedSale(), out, looked(silence), dayLater);
      expect(claim).toMatchObject({ askAtMs: null, note: 'handed-out' });
    });

    test.each(['refunding', 'refunded'] as const)('it went back (%s): a loss, told once', (as) => {
      const sale = failedSale({ refundedIdr: 15_000 });
      const lost = changedClaim(sale, out, { do: 'close', as }, now);
      expect(lost).toMatchObject({ claim: { state: as, note: 'goods-and-refund' } });
      expect(lost.alert).toBe('goods-and-refund');
      const confirmed = changedClaim(sale, lost.claim, { do: 'close', as: 'refunded' }, now);
      expect(confirmed).toMatchObject({ claim: { state: 'refunded', note: 'goods-and-refund' } });
      expect(confirmed.alert).toBeUndefined();
    });

    test('part of it went back: a loss, told', () => {
      const sale = failedSale({ refundedIdr: 5_000 });
      const refunds = [{ ...ours, amountIdr: 5_000, confirmed: true }];
      const lost = changedClaim(sale, out, { do: 'rest', amountIdr: 10_000, refunds }, now);
      expect(lost).toMatchObject({ claim: { state: 'honoured', note: 'goods-and-refund' } });
      expect(lost.alert).toBe('goods-and-refund');
    });
  });

  test('granted at the backup, and its money back since: that grant came to nothing, and it is over', () => {
    const sale = failedSale({ refundedIdr: 15_000 });
    const back = changedClaim(sale, restored('redeeming'), { do: 'close', as: 'refunded' }, now);
    expect(back).toMatchObject({ claim: { state: 'refunded', restored: 0 } });
    expect(back.alert).toBeUndefined();
    const part = changedClaim(sale, restored('redeeming'), { do: 'rest', amountIdr: 9_000 }, now);
    expect(part).toEqual({ claim: restored('redeeming', { amountIdr: 9_000 }) });
    const late = decideClaim(sale, back.claim ?? restored('refunded'), result('done'), now);
    expect(late.alert).toBe('goods-and-refund');
  });

  test('granted in the lost ledger, and done, after the operator released it: told, and nothing is sent', () => {
    const released = claimOf('open', { operatorOnly: 1, note: 'released', orderedIdr: 15_000 });
    const held = decideClaim(failedSale(), released, result('done', 'd9'), now).claim;
    expect(held).toMatchObject({ orderedIdr: 0, askAtMs: null, note: 'redeem-disputed' });
    // Nothing fell: that says nothing about any other grant.
    const failed = decideClaim(failedSale(), restored('open'), result('failed', 'd9'), now);
    expect(summary(failed)).toBe('! other-dispense-id');
    expect(failed.claim).toEqual(restored('open'));
  });

  test('an order that stands on it all the same waits', () => {
    const due: ClaimEvent = { type: 'due', ...walk };
    const claim = restored('open', { orderedIdr: 15_000 });
    expect(decideClaim(failedSale(), claim, due, now).next).toBe('look');
    expect(summary(decideClaim(failedSale(), claim, looked(status('settled')), now))).toBe('open');
  });

  test.each(['open', 'redeeming'] as const)(
    '%s: Midtrans is asked once what became of it, and nobody settles it before the answer',
    (state) => {
      const settle: ClaimEvent = { type: 'settle', as: 'refunded-by-hand', note: 'cash' };
      const asking = restored(state, { askAtMs: now, note: state === 'open' ? 'restored' : null });
      expect(summary(decideClaim(failedSale(), asking, settle, now))).toBe('! still-asking');
      const due = decideClaim(failedSale(), asking, { type: 'due', ...walk }, now);
      expect(due.next).toBe('look');
      const silence = { kind: 'unknown', answered: false, detail: '' } as const;
      const silent = decideClaim(failedSale(), due.claim, looked(silence), now).claim;
      expect(silent).toEqual({ ...asking, askAtMs: now + minuteMs });
      const heard = decideClaim(failedSale(), silent, looked(status('settled')), now).claim;
      expect(heard).toEqual({ ...asking, askAtMs: null });
      expect(summary(decideClaim(failedSale(), heard, settle, now))).toBe('refunded');
    },
  );

  test('what is heard of it meanwhile puts off no question to Midtrans', () => {
    const asking = restored('redeeming', { askAtMs: now });
    const failed = decideClaim(failedSale(), asking, result('failed'), now).claim;
    expect(failed).toMatchObject({ state: 'open', askAtMs: now });
    const disputed = changedClaim(failedSale(), failed, { do: 'dispute' }, now).claim;
    expect(disputed).toMatchObject({ state: 'open', askAtMs: now, note: 'disputed' });
    const partly = changedClaim(failedSale(), failed, { do: 'rest', amountIdr: 9_000 }, now).claim;
    expect(partly).toMatchObject({ amountIdr: 9_000, askAtMs: now });
  });

  test('who has looked there, releases it without the answer, and settles it then', () => {
    const asking = restored('open', { askAtMs: now });
    const free = decideClaim(failedSale(), asking, release, now).claim;
    const settle: ClaimEvent = { type: 'settle', as: 'honoured', note: 'a new one' };
    expect(summary(decideClaim(failedSale(), free, settle, now))).toBe('honoured');
  });

  test('settled by hand it is over', () => {
    const by: ClaimEvent = { type: 'settle', as: 'refunded-by-hand', note: 'cash, in May' };
    const { claim } = decideClaim(failedSale(), restored('open'), by, now);
    expect(claim).toMatchObject({ state: 'refunded', restored: 0 });
  });

  test.each([
    ['', {}],
    [', not even where its order stands', { orderedIdr: 15_000, operatorOnly: 0 }],
  ])(
    'a refund in flight that is not there is not sent again%s; one that is there counts',
    (_more, more) => {
      const flying = restored('refunding', { note: 'restored', ...more });
      const absent = decideClaim(failedSale(), flying, looked(status('settled')), now);
      expect(summary(absent)).toBe('open (refund-refused)');
      expect(absent.claim).toMatchObject({ restored: 1, note: 'restored' });
      const there = looked(status('settled', { refunds: [ours] }));
      expect(decideClaim(failedSale(), flying, there, now).claim.state).toBe('refunding');
    },
  );
});

describe('a refund after the restore', () => {
  const numberOf = (claim: ClaimRow, ...keys: (string | undefined)[]): number => {
    const refunds = keys.map((key) => ({
      ...{ key, amountIdr: 1_000, confirmed: true },
    }));
    const outcome = looked(status('settled', { refunds }));
    return decideClaim(failedSale(), claim, outcome, now).claim.refundN;
  };
  const free = claimOf('open', { operatorOnly: 1, orderedIdr: 15_000, note: 'released' });

  test('takes a number that Midtrans has not heard: the same key would pay nothing', () => {
    expect(numberOf(free)).toBe(1);
    expect(numberOf(free, `${saleId}-1`, `${saleId}-2`)).toBe(3);
    expect(numberOf(free, `${saleId}-2`)).toBe(1);
    expect(numberOf(free, 'by-hand')).toBe(1);
    expect(numberOf({ ...free, refundN: 1 }, `${saleId}-1`, `${saleId}-2`)).toBe(3);
  });

  test('where Midtrans names no keys, those of before may be the first ones', () => {
    expect(numberOf(free, undefined, undefined)).toBe(3);
  });

  test('where Midtrans says that some went back and lists nothing, it was the first one', () => {
    const sale = failedSale({ refundedIdr: 5_000 });
    const claim = { ...free, amountIdr: 10_000, orderedIdr: 10_000 };
    const numberAt = (more: Partial<ChargeStatus>): number =>
      decideClaim(sale, claim, looked(status('settled', more)), now).claim.refundN;
    expect(numberAt({ refundedIdr: 5_000 })).toBe(2);
    const listed = { key: 'by-hand', amountIdr: 5_000, confirmed: true };
    expect(numberAt({ refundedIdr: 5_000, refunds: [listed] })).toBe(1);
  });
});
