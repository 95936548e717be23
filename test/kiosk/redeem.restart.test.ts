// Claims at the machine after a restart, and what the idle screen remembers of them.
import { describe, expect, test } from 'vitest';
import { maxWrongCodes } from '../../src/kiosk/state.ts';
import { Desk, dispenseId } from './desk.ts';
import { saleA, saleB, tell } from './machine.ts';

describe('a restart', () => {
  // A card that lies about its writes may have lost the grant, and the goods with it.
  test.each([
    ['never', 'failed'],
    ['done', 'done'],
    ['unknown', 'unknown'],
  ] as const)(
    'before the grant starts no motor: the board is asked, and says %s',
    (said, result) => {
      const kiosk = new Desk().redeeming();
      expect(kiosk.boot('boot-1')).toEqual([
        { kind: 'recall-dispenser', saleId: saleA, dispenseId },
      ]);
      kiosk.grant();
      kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, dispenseId, result: said });
      expect(kiosk.count('dispense')).toBe(0);
      expect(kiosk.state.reports).toMatchObject([{ saleId: saleA, dispenseId, result }]);
    },
  );

  test.each([
    ['done', 'done'],
    ['never', 'failed'],
    ['failed', 'failed'],
    ['unknown', 'unknown'],
  ] as const)('after it asks the board, which says %s', (said, result) => {
    const kiosk = new Desk().dispensing();
    expect(kiosk.boot('boot-1')).toEqual([{ kind: 'recall-dispenser', saleId: saleA, dispenseId }]);
    kiosk.grant();
    kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, dispenseId, result: said });
    expect(kiosk.count('dispense')).toBe(1);
    expect(kiosk.state.reports).toMatchObject([{ saleId: saleA, dispenseId, result }]);
    // A board that was never told has nothing wrong with it.
    expect(kiosk.state.parts.dispenser.ok).toBe(said === 'done' || said === 'never');
  });

  test('before the journal has answered counts as a wrong code: no power cut tries one for free', () => {
    const kiosk = new Desk();
    for (let i = 0; i < maxWrongCodes; i++) {
      kiosk.type();
      kiosk.boot('boot-1');
    }
    expect(kiosk.type()).toEqual([]);
    expect(kiosk.codes).toEqual(['claim-entry-locked']);
  });

  test('in the middle of a code shows the idle screen', () => {
    for (const leave of [
      (kiosk: Desk) => kiosk.keys('clear', '00', '1'),
      (kiosk: Desk) => kiosk.type(),
    ]) {
      const kiosk = new Desk();
      leave(kiosk);
      kiosk.boot('boot-1');
      expect(kiosk.at).toBe('idle');
    }
  });
});

describe('the hint on the idle screen', () => {
  test('comes with a claim and goes with the goods, or with the money', () => {
    const kiosk = new Desk().showQr();
    expect(kiosk.state.claims.open).toEqual([]);
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
    expect(kiosk.state.claims.open).toEqual([saleA]);
    kiosk.take({ kind: 'reported', saleId: saleA });
    kiosk.take({ kind: 'part', part: 'dispenser', health: { ok: true } });
    kiosk.codeRead();
    kiosk.dispensing().end('done');
    expect(kiosk.state.claims.open).toEqual([]);
    kiosk.take(tell('paid-late', { saleId: saleB }));
    expect(kiosk.state.claims.open).toEqual([saleB]);
    kiosk.take(tell('refunded', { saleId: saleB }));
    expect(kiosk.state.claims.open).toEqual([]);
  });
});
