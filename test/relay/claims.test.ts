// Claims as a machine: state × event, what a sale does to its claim, and the rules by which money does not leave twice.
import { describe, expect, test } from 'vitest';
import { balanceOf } from '../../src/relay/balance.ts';
import { decide } from '../../src/relay/ledger.ts';
import { type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { changedClaim, decideClaim } from '../../src/relay/ledger-claims.ts';
import { type ClaimChange } from '../../src/relay/ledger-rules.ts';
import {
  claimStates,
  type ClaimRow,
  type ClaimState,
  type SaleRow,
} from '../../src/relay/sale-row.ts';
import {
  claimOf,
  dayMs,
  failedSale,
  looked,
  minuteMs,
  now,
  result,
  summary,
  walk,
} from './claim-rows.ts';
import { at, rowOf, status, told } from './ledger-rows.ts';

const events: Record<string, ClaimEvent> = {
  redeem: { type: 'redeem', dispenseId: 'd1' },
  other: { type: 'redeem', dispenseId: 'd2' },
  done: result('done'),
  failed: result('failed'),
  unknown: result('unknown'),
  due: { type: 'due', ...walk },
  absent: looked(status('settled')),
  accepted: {
    type: 'refund-answered',
    refundN: 1,
    outcome: { kind: 'accepted', refundedIdr: 15_000 },
    jitter: 0,
  },
  order: { type: 'order-refund' },
  honoured: { type: 'settle', as: 'honoured', note: 'n' },
  byHand: { type: 'settle', as: 'refunded-by-hand', note: 'n' },
  release: { type: 'release' },
};

describe('each state with each event', () => {
  // state event -> state, what is done at Midtrans next, (alert); `!` refused
  const table = `
    open redeem       -> redeeming
    open other        -> redeeming
    open done         -> ! other-dispense-id (redeem-disputed)
    open failed       -> ! other-dispense-id
    open unknown      -> ! other-dispense-id
    open due          -> open look
    open absent       -> refunding refund
    open accepted     -> open
    open order        -> open
    open honoured     -> honoured
    open byHand       -> refunded
    open release      -> ! not-locked
    redeeming redeem  -> redeeming
    redeeming other   -> ! redeeming
    redeeming done    -> honoured
    redeeming failed  -> open
    redeeming unknown -> redeeming (redeem-unknown)
    redeeming due     -> redeeming
    redeeming absent  -> redeeming
    redeeming accepted -> redeeming
    redeeming order   -> ! redeeming
    redeeming honoured -> honoured
    redeeming byHand  -> refunded
    redeeming release -> open
    refunding redeem  -> ! going-back
    refunding other   -> ! going-back
    refunding done    -> ! other-dispense-id (goods-and-refund)
    refunding failed  -> ! other-dispense-id
    refunding unknown -> ! other-dispense-id
    refunding due     -> refunding look
    refunding absent  -> refunding refund
    refunding accepted -> refunding look
    refunding order   -> ! going-back
    refunding honoured -> ! still-asking
    refunding byHand  -> ! still-asking
    refunding release -> ! still-asking
    honoured redeem   -> ! honoured
    honoured other    -> ! honoured
    honoured done     -> honoured
    honoured failed   -> ! other-result
    honoured unknown  -> ! other-result
    honoured due      -> honoured
    honoured absent   -> honoured
    honoured accepted -> honoured
    honoured order    -> ! honoured
    honoured honoured -> ! honoured
    honoured byHand   -> ! honoured
    honoured release  -> ! honoured
    refunded redeem   -> ! refunded
    refunded other    -> ! refunded
    refunded done     -> ! other-dispense-id (goods-and-refund)
    refunded failed   -> ! other-dispense-id
    refunded unknown  -> ! other-dispense-id
    refunded due      -> refunded
    refunded absent   -> refunded
    refunded accepted -> refunded
    refunded order    -> ! refunded
    refunded honoured -> ! refunded
    refunded byHand   -> ! refunded
    refunded release  -> ! refunded`;
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +-> /));

  test.each(rows)('%s -> %s', (given = '', expected = '') => {
    const [state = '', name = ''] = given.split(/ +/);
    const event = events[name];
    if (event === undefined) throw new Error(name);
    const claim = claimOf(state as ClaimState);
    const sale = failedSale(
      state === 'refunded' ? { verdict: 'refunded', refundedIdr: 15_000 } : {},
    );
    expect(summary(decideClaim(sale, claim, event, now))).toBe(expected);
  });

  test('the table holds every state with every event', () => {
    expect(rows).toHaveLength(claimStates.length * Object.keys(events).length);
  });
});

describe('what a sale does to its claim', () => {
  const changes: Record<string, [ClaimChange, Partial<SaleRow>]> = {
    rest: [{ do: 'rest', amountIdr: 11_000 }, { refundedIdr: 4_000 }],
    honoured: [{ do: 'close', as: 'honoured' }, { fulfilment: 'done' }],
    refunding: [
      { do: 'close', as: 'refunding' },
      { verdict: 'refunded', refundedIdr: 15_000 },
    ],
    refunded: [
      { do: 'close', as: 'refunded' },
      { verdict: 'refunded', refundedIdr: 15_000 },
    ],
    dispute: [{ do: 'dispute' }, {}],
  };
  // Lost money is never silent: goods that are out with money that goes back.
  const table = `
    open rest            -> open 11000 by-operator
    open honoured        -> honoured 15000
    open refunding       -> refunding 15000
    open refunded        -> refunded 15000
    open dispute         -> open 15000 by-operator
    redeeming rest       -> redeeming 11000 (goods-and-refund)
    redeeming honoured   -> redeeming 15000 (goods-twice)
    redeeming refunding  -> redeeming 0 (goods-and-refund)
    redeeming refunded   -> redeeming 0 (goods-and-refund)
    redeeming dispute    -> redeeming 15000 by-operator
    refunding rest       -> refunding 15000
    refunding honoured   -> refunding 15000 (goods-and-refund)
    refunding refunding  -> refunding 15000
    refunding refunded   -> refunded 15000
    refunding dispute    -> refunding 15000 by-operator
    honoured rest        -> honoured 15000 (goods-and-refund)
    honoured honoured    -> honoured 15000 (goods-twice)
    honoured refunding   -> honoured 15000 (goods-and-refund)
    honoured refunded    -> honoured 15000 (goods-and-refund)
    honoured dispute     -> honoured 15000
    refunded rest        -> refunded 15000
    refunded honoured    -> refunded 15000 (goods-and-refund)
    refunded refunding   -> refunded 15000
    refunded refunded    -> refunded 15000
    refunded dispute     -> refunded 15000`;
  const rows = table
    .trim()
    .split('\n')
    .map((line) => line.trim().split(/ +-> /));

  test.each(rows)('%s -> %s', (given = '', expected = '') => {
    const [state, name = ''] = given.split(/ +/);
    const [change, more] = changes[name] ?? [];
    if (change === undefined) throw new Error(name);
    const { claim, alert } = changedClaim(
      failedSale(more),
      claimOf(state as ClaimState),
      change,
      now,
    );
    const flags = claim?.operatorOnly === 1 ? ' by-operator' : '';
    const told = alert === undefined ? '' : ` (${alert})`;
    expect(`${claim?.state ?? ''} ${claim?.amountIdr ?? ''}${flags}${told}`).toBe(expected);
  });

  test('a second claim never opens, and a change of none makes none', () => {
    const open = { do: 'open', kind: 'failed', amountIdr: 15_000, operatorOnly: false } as const;
    const honoured = claimOf('honoured');
    expect(changedClaim(failedSale(), honoured, open, now).claim).toBe(honoured);
    expect(changedClaim(failedSale(), undefined, { do: 'dispute' }, now).claim).toBeUndefined();
    expect(changedClaim(failedSale(), undefined, open, now).claim?.state).toBe('open');
  });

  test('cash that was given and money that Midtrans gave back as well: told once', () => {
    const cash = claimOf('refunded', { handIdr: 15_000, refundN: 0 });
    const sale = failedSale({ refundedIdr: 5_000 });
    const change = { do: 'rest', amountIdr: 10_000 } as const;
    const told = changedClaim(sale, cash, change, now);
    expect(told.alert).toBe('refunded-twice');
    expect(changedClaim(sale, told.claim, change, now).alert).toBeUndefined();
  });

  test('goods for foreign money do not settle it: the sums differ', () => {
    const foreign = claimOf('open', { kind: 'foreign', operatorOnly: 1, amountIdr: 14_000 });
    const done = { do: 'close', as: 'honoured' } as const;
    expect(
      changedClaim(failedSale({ settledIdr: 14_000 }), foreign, done, now).claim,
    ).toMatchObject({
      ...{ state: 'open', note: 'goods-out' },
    });
  });
});

describe('a grant', () => {
  const redeem = { type: 'redeem', dispenseId: 'd1' } as const;
  test('is never given for an operator’s claim, touched money, or goods that are out', () => {
    const refused = (sale: Partial<SaleRow>, claim: Partial<ClaimRow>): string =>
      summary(decideClaim(failedSale(sale), claimOf('open', claim), redeem, now));
    expect(refused({}, { operatorOnly: 1 })).toBe('! operator-only');
    expect(refused({ refundedIdr: 1 }, {})).toBe('! going-back');
    expect(refused({ fulfilment: 'done' }, {})).toBe('! goods-out');
    expect(refused({}, { dispenseId: 'd1' })).toBe('! spent-dispense-id');
  });
  test('is not given again once its result is known', () => {
    const locked = claimOf('redeeming', { note: 'redeem-unknown' });
    expect(summary(decideClaim(failedSale(), locked, redeem, now))).toBe('! redeeming');
  });
  test('is never given again for an id that was spent, however long ago', () => {
    let claim = claimOf();
    for (const dispenseId of ['d1', 'd2', 'd3']) {
      const granted = decideClaim(failedSale(), claim, { type: 'redeem', dispenseId }, now);
      expect(summary(granted)).toBe('redeeming');
      claim = decideClaim(failedSale(), granted.claim, result('failed', dispenseId), now).claim;
    }
    for (const dispenseId of ['d1', 'd2', 'd3']) {
      const again = decideClaim(failedSale(), claim, { type: 'redeem', dispenseId }, now);
      expect(summary(again)).toBe('! spent-dispense-id');
    }
  });
  test('is given twenty times at most: then a person looks why nothing falls', () => {
    const spentIds = JSON.stringify(Array.from({ length: 20 }, (_, i) => `d${i}`));
    const often = decideClaim(
      failedSale(),
      claimOf('open', { spentIds }),
      { type: 'redeem', dispenseId: 'd20' },
      now,
    );
    expect(summary(often)).toBe('! operator-only (redeemed-often)');
    expect(often.claim).toMatchObject({ operatorOnly: 1, note: 'redeemed-often', askAtMs: null });
  });
  test('may be in use: nobody releases or settles it within twenty minutes', () => {
    const claim = claimOf('redeeming', { changedAtMs: now - 20 * minuteMs + 1 });
    for (const event of [events['release'], events['byHand'], events['honoured']]) {
      if (event === undefined) throw new Error('an event');
      expect(summary(decideClaim(failedSale(), claim, event, now))).toBe('! maybe-dispensing');
      expect(summary(decideClaim(failedSale(), claim, event, now + 1))).not.toContain('!');
    }
  });
  test('done after failed locks the claim, so that the money does not go back as well', () => {
    const open = decideClaim(failedSale(), claimOf('redeeming'), result('failed'), now).claim;
    const disputed = decideClaim(failedSale(), open, result('done'), now);
    expect(summary(disputed)).toBe('! other-result (redeem-disputed)');
    expect(disputed.claim).toMatchObject({ operatorOnly: 1, askAtMs: null });
  });
  test('done after the operator released it is its first word', () => {
    const open = decideClaim(failedSale(), claimOf('redeeming'), { type: 'release' }, now).claim;
    expect(summary(decideClaim(failedSale(), open, result('done'), now))).toBe('honoured');
  });
  test('done twice, by two dispenses that were granted one after the other: told, and kept', () => {
    const free = decideClaim(failedSale(), claimOf('redeeming'), { type: 'release' }, now).claim;
    const second: ClaimEvent = { type: 'redeem', dispenseId: 'd2' };
    const granted = decideClaim(failedSale(), free, second, now).claim;
    const first = decideClaim(failedSale(), granted, result('done', 'd1'), now);
    expect(summary(first)).toBe('! other-dispense-id (redeem-disputed)');
    const both = decideClaim(failedSale(), first.claim, result('done', 'd2'), now);
    expect(summary(both)).toBe('honoured (goods-twice)');
    expect(both.claim.note).toBe('goods-twice');
    const [difference] = balanceOf([{ sale: failedSale(), claim: both.claim }]).differences;
    expect(difference).toMatchObject({ kind: 'goods-twice', idr: 15_000 });
    // The other way round.
    const late = decideClaim(failedSale(), claimOf('honoured'), result('done', 'd2'), now);
    expect(summary(late)).toBe('! other-dispense-id (goods-twice)');
  });
  test('goods for its grant, and its money gone back: a loss that the books name', () => {
    const claim = claimOf('refunding', { dispenseId: 'd1' });
    const told = decideClaim(failedSale(), claim, result('done'), now).claim;
    const sale = failedSale({ verdict: 'refunded', refundedIdr: 15_000 });
    for (const at of [told, claimOf('refunding', { note: 'goods-and-refund' })]) {
      const back = changedClaim(sale, at, { do: 'close', as: 'refunded' }, now).claim;
      expect(balanceOf([{ sale, claim: back }]).differences).toMatchObject([
        { kind: 'goods-and-refund', idr: 15_000 },
      ]);
    }
  });
  test('an operator’s own words are never taken for the ledger’s', () => {
    const by: ClaimEvent = { type: 'settle', as: 'honoured', note: 'restored' };
    expect(decideClaim(failedSale(), claimOf('open'), by, now).claim.note).toBe('"restored"');
  });
  test('failed, and its money went back meanwhile: not open again', () => {
    const sale = failedSale({ verdict: 'refunded', refundedIdr: 15_000 });
    expect(summary(decideClaim(sale, claimOf('redeeming'), result('failed'), now))).toBe(
      'refunding',
    );
    expect(summary(decideClaim(sale, claimOf('redeeming'), result('done'), now))).toBe(
      'honoured (goods-and-refund)',
    );
  });
});

test.each([true, false])('a refund in full, bank confirmed: %s', (refundConfirmed) => {
  const outcome = status('refunded', { refundedIdr: 15_000, refundConfirmed });
  const as = refundConfirmed ? 'refunded' : 'refunding';
  expect(told(failedSale(), outcome)).toMatchObject({
    ...{ row: { verdict: 'refunded' }, claim: { do: 'close', as } },
  });
});

describe('in hand', () => {
  const paid = rowOf('paid', { movedAtMs: at });
  const due = (nowMs: number): ReturnType<typeof decide> => decide(paid, { type: 'due' }, nowMs);
  test('for a day: a claim that nobody but the operator touches', () => {
    expect(due(at + dayMs - 1)).toMatchObject({ row: { fulfilment: null, askAtMs: at + dayMs } });
    expect(due(at + dayMs - 1).claim).toBeUndefined();
    expect(due(at + dayMs)).toMatchObject({
      row: { fulfilment: 'unreported', askAtMs: null },
      claim: { do: 'open', kind: 'unreported', operatorOnly: true, amountIdr: 15_000 },
    });
  });
  test('a later done closes it, or is a named loss when the money went back', () => {
    const unreported = due(at + dayMs).row;
    const done = decide(unreported, { type: 'fulfilment', result: 'done', detail: null }, now);
    expect(done.claim).toEqual({ do: 'close', as: 'honoured' });
    const back = { ...unreported, verdict: 'refunded', refundedIdr: 15_000 } as const;
    const lost = decide(back, { type: 'fulfilment', result: 'done', detail: null }, now);
    expect(lost).toMatchObject({ alert: 'goods-and-refund', row: { fulfilment: 'done' } });
  });
  test('whether goods came out is the operator’s to find out', () => {
    const unknown = decide(paid, { type: 'fulfilment', result: 'unknown', detail: null }, now);
    expect(unknown.claim).toMatchObject({ kind: 'unknown', operatorOnly: true });
  });
});
