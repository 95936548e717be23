// What the operator is told to do about a claim: never what would pay twice, or what will be refused.
import { expect, test } from 'vitest';
import { claimText, nextStep } from '../../src/cli/claim-words.ts';
import { type ClaimRow, type ClaimState } from '../../src/relay/sale-row.ts';
import { claimOf, failedSale, now } from '../relay/claim-rows.ts';

const step = (more: Partial<ClaimRow>, state: ClaimState = 'open'): string =>
  nextStep({ sale: failedSale(), claim: claimOf(state, more) });

test.each(['restored', 'redeem-failed', 'refunded-in-part', 'disputed', null])(
  'older than the restored ledger, with the note %s: look first, release, then refund',
  (note) => {
    expect(step({ restored: 1, operatorOnly: 1, note })).toMatch(
      /paid out after the backup\..*claim settle, or claim release and claim refund\.$/,
    );
  },
);

test('that the kiosk says it gave the goods is told of a locked one, too', () => {
  expect(step({ restored: 1, operatorOnly: 1, note: 'redeem-disputed' })).toMatch(
    /^The kiosk says that the goods are out\. It may have been paid out after the backup\./,
  );
});

test('what somebody without its key says is not called the kiosk’s word', () => {
  for (const more of [{}, { restored: 1 }]) {
    const text = step({ ...more, operatorOnly: 1, note: 'disputed-unsigned' });
    expect(text).toMatch(/^Somebody without the key of the kiosk says that the goods are out\. /);
    expect(text).not.toContain('The kiosk says');
  }
});

test('goods by the kiosk’s word, and a refund that may have been made before the restore', () => {
  const out = { restored: 1, operatorOnly: 1, note: 'handed-out' };
  expect(step({ ...out, askAtMs: now }, 'refunding')).toMatch(/handed out.*asks Midtrans.*Wait\.$/);
  expect(step({ ...out, askAtMs: null }, 'refunding')).toMatch(/claim settle --as honoured/);
});

test('that it is locked stands beside its newer note', () => {
  const claim = claimOf('open', { restored: 1, operatorOnly: 1, note: 'redeem-failed' });
  const text = claimText({ sale: failedSale(), claim }, undefined, now);
  expect(text).toContain('operator only, restored, redeem-failed');
});

test('a grant, or a refund, of before the restore: nobody waits for a word that was heard in the lost ledger', () => {
  const lost = { restored: 1, operatorOnly: 1 };
  expect(step(lost, 'redeeming')).toMatch(/after the backup.*claim settle, or claim release/);
  expect(step({}, 'redeeming')).toContain('has not reported. Wait;');
  expect(step({ ...lost, askAtMs: null }, 'refunding')).toMatch(
    /Midtrans.*after the backup.*claim settle, or claim release and claim refund\.$/,
  );
  expect(step({ ...lost, askAtMs: now }, 'refunding')).toBe('The relay is at it. Wait.');
});

test('a refund without funds is tried again while its time has not come to an end', () => {
  const note = 'insufficient-balance';
  expect(step({ note, orderedIdr: 15_000, askAtMs: now })).toContain('It is tried again');
  expect(step({ note, operatorOnly: 1, askAtMs: null })).toMatch(
    /^Midtrans held too little .*claim refund again, or .*claim settle\.$/,
  );
});

test('what is the operator’s is not said to be redeemed at the kiosk, nor refunded by itself', () => {
  expect(step({ operatorOnly: 1, note: 'redeem-failed' })).toContain('It is not handed out');
  expect(step({ operatorOnly: 0, askAtMs: null })).toContain('The customer may redeem it');
  expect(step({ operatorOnly: 0, askAtMs: now })).toContain('It is refunded by itself');
});
