// What the operator is told to do about a claim: never what would pay twice, or what will be refused.
import { expect, test } from 'vitest';
import { claimText, nextStep } from '../../src/cli/claim-words.ts';
import { type ClaimRow } from '../../src/relay/sale-row.ts';
import { claimOf, failedSale, now } from '../relay/claim-rows.ts';

const step = (more: Partial<ClaimRow>): string =>
  nextStep({ sale: failedSale(), claim: claimOf('open', more) });

test.each(['restored', 'redeem-failed', 'refunded-in-part', 'disputed', null])(
  'older than the restored ledger, with the note %s: look first, release, then refund',
  (note) => {
    expect(step({ restored: 1, operatorOnly: 1, note })).toMatch(
      /paid out after the backup\..*claim settle, or claim release and claim refund\.$/,
    );
  },
);

test('that it is locked stands beside its newer note', () => {
  const claim = claimOf('open', { restored: 1, operatorOnly: 1, note: 'redeem-failed' });
  const text = claimText({ sale: failedSale(), claim }, undefined, now);
  expect(text).toContain('operator only, restored, redeem-failed');
});

test('what is the operator’s is not said to be redeemed at the kiosk, nor refunded by itself', () => {
  expect(step({ operatorOnly: 1, note: 'redeem-failed' })).toContain('It is not handed out');
  expect(step({ operatorOnly: 0, askAtMs: null })).toContain('The customer may redeem it');
  expect(step({ operatorOnly: 0, askAtMs: now })).toContain('It is refunded by itself');
});
