// A kiosk that says after a restore that goods are out, and a backup that says that none came: by its claim, or against
// its own word (PROTOCOL.md §8).
import { describe, expect, test } from 'vitest';
import { recoverSale, type ProvenSale, type Recovery } from '../../src/relay/ledger-recover.ts';
import { type ClaimRow } from '../../src/relay/sale-row.ts';
import { changedClaim } from '../../src/relay/ledger-claims.ts';
import { claimOf } from './claim-rows.ts';
import { rowOf } from './ledger-rows.ts';
import { decisionOf, later, proven, summary } from './recovery-rows.ts';

describe('the kiosk says `done`, and the backup that nothing came out', () => {
  const standing = rowOf('paid', { fulfilment: 'failed' });
  const says = (
    owed: ClaimRow | undefined,
    more: Partial<ProvenSale> = { fulfilmentSigned: true },
  ): Recovery =>
    recoverSale(standing, proven('paid', { fulfilment: 'done', ...more }), later, owed);

  test.each<[string, ClaimRow]>([
    ['open', claimOf('open', { restored: 1 })],
    ['granted', claimOf('redeeming', { restored: 1 })],
    ['on its way back', claimOf('refunding')],
    ['refunded', claimOf('refunded')],
  ])('by its claim, in the ledger that was lost; here it is %s', (_name, owed) => {
    const recovery = says(owed);
    expect(summary(recovery)).toBe('merged paid failed redeemed');
    expect(recovery).toMatchObject({
      ...{ disputed: false, decision: { row: { fulfilmentDisputed: null } } },
    });
    expect(recovery.refusal).toBeUndefined();
  });

  test.each<[string, ClaimRow]>([
    ['at the backup', claimOf('honoured')],
    ['by what it has said before', claimOf('honoured', { dispenseId: null, note: 'restored' })],
  ])('by its claim, which is honoured %s: nothing is new', (_name, owed) => {
    expect(says(owed)).toEqual({ how: 'known', disputed: false });
  });

  test.each<[string, ClaimRow | undefined]>([
    ['without a claim', undefined],
    ['with one that is younger, or was released', claimOf('open')],
    ['with a grant of this ledger', claimOf('redeeming')],
    ['with money besides the price', claimOf('open', { kind: 'foreign', restored: 1 })],
    ['with a claim that was settled by hand', claimOf('honoured', { dispenseId: null })],
  ])('%s it contradicts itself: told once, kept, and a person looks', (_name, owed) => {
    const recovery = says(owed);
    expect(summary(recovery)).toBe('merged paid failed dispute');
    expect(recovery).toMatchObject({ refusal: 'fulfilment-mismatch', disputed: true });
    const { row, alert } = decisionOf(recovery);
    expect([row.fulfilmentDisputed, alert]).toEqual(['done', 'fulfilment-disputed']);
    const again = recoverSale(row, proven('paid', { fulfilment: 'done' }), later, owed);
    expect(again).toMatchObject({ how: 'known', disputed: true });
    expect(again.decision).toBeUndefined();
  });

  test.each(['failed', 'unknown'] as const)(
    'by its claim, of a sale that the backup lost, and which we have signed as %s: it was honoured',
    (signed) => {
      const sale = proven(...(['paid', { fulfilment: 'done', fulfilmentSigned: true }] as const), {
        fulfilment: signed,
      });
      const recovery = recoverSale(undefined, sale, later);
      expect(recovery).toMatchObject({ how: 'made', disputed: false });
      expect(recovery.refusal).toBeUndefined();
      const { row, claim } = decisionOf(recovery);
      expect(row).toMatchObject({ fulfilment: signed, fulfilmentDisputed: null });
      expect(claim).toMatchObject({ do: 'open', kind: signed, honoured: true });
      if (claim === undefined) throw new Error('a claim');
      const opened = changedClaim(row, undefined, claim, later).claim;
      expect(opened).toMatchObject({ state: 'honoured', note: 'restored', askAtMs: null });
      const again = recoverSale(row, sale, later, opened);
      expect(again).toEqual({ how: 'known', disputed: false });
    },
  );

  test.each([
    [true, { honoured: true }],
    [undefined, { note: 'disputed-unsigned' }],
  ])(
    'late money of a sale that it had abandoned (signed: %s) is a claim all the same',
    (by, more) => {
      const abandoned = rowOf('pending', { fulfilment: 'abandoned' });
      const says = {
        fulfilment: 'done' as const,
        ...(by === true ? { fulfilmentSigned: by } : {}),
      };
      const { claim } = decisionOf(recoverSale(abandoned, proven('paid-late', says), later));
      expect(claim).toMatchObject({ do: 'open', kind: 'abandoned', ...more });
    },
  );

  test('what a proof says of the money comes before a word that nobody has signed', () => {
    const sale = proven('refunded', { fulfilment: 'done' });
    const recovery = recoverSale(standing, sale, later, claimOf('open', { restored: 1 }));
    expect(summary(recovery)).toBe('merged refunded failed -refunding');
    expect(recovery).toMatchObject({ disputed: true });
  });

  test('without its signature it ends no claim', () => {
    const recovery = says(claimOf('open', { restored: 1 }), {});
    expect(summary(recovery)).toBe('merged paid failed dispute');
  });

  test('of a sale that had ended with its kiosk: a claim that was granted is honoured, not handed out twice', () => {
    const ended = rowOf('paid', { fulfilment: 'unreported' });
    const more = { fulfilment: 'done', fulfilmentSigned: true } as const;
    const owed = claimOf('redeeming', { kind: 'unreported', restored: 1 });
    const recovery = recoverSale(ended, proven('paid', more), later, owed);
    expect(summary(recovery)).toBe('merged paid done redeemed');
  });
});
