// What was bought is handed over, whatever is configured by then (PROTOCOL.md §9: never goods without payment).
import { describe, expect, test } from 'vitest';
import type { Rules } from '../../src/kiosk/rules.ts';
import { Desk } from './desk.ts';
import { Machine, qris, saleA, tell } from './machine.ts';

const kopi = '8991002101234';

const at = (idrPerPulse: number | undefined): Partial<Rules> =>
  idrPerPulse === undefined ? {} : { idrPerPulse };

/** Ten thousand rupiah are on the QR. */
function buys(idrPerPulse: number | undefined): Machine {
  const kiosk = new Machine(at(idrPerPulse));
  kiosk.keys('1', '0', '000', 'enter');
  const qrString = qris(10_000);
  kiosk.take(tell('pending', { amountIdr: 10_000, qrString }));
  kiosk.phase('paying');
  return kiosk;
}

const paid = tell('paid', { amountIdr: 10_000 });

describe('pieces', () => {
  test.each([
    ['a typed amount is so many steps of the price', 5_000, 2],
    ['without a price it is one hand-over', undefined, 1],
  ])('%s', (_name, idrPerPulse, pieces) => {
    const kiosk = buys(idrPerPulse);
    expect(kiosk.phase('paying').sale.pieces).toBe(pieces);
  });

  test('a basket is its own count, whatever a step costs', () => {
    const kiosk = new Machine({ idrPerPulse: 5_000 });
    for (const barcode of [kopi, kopi, '96385074']) kiosk.scan(barcode);
    kiosk.keys('enter');
    expect(kiosk.phase('charging').sale).toMatchObject({ amountIdr: 29_000, pieces: 3 });
  });
});

describe('a price that changes while a customer pays', () => {
  test.each([
    ['rises', 1_000, 10_000, 10],
    ['falls', 10_000, 1_000, 1],
    ['falls to what this amount is no multiple of', 10_000, 3_000, 1],
    ['comes', undefined, 1_000, 1],
    ['goes', 1_000, undefined, 10],
  ])('%s', (_name, then, now, pieces) => {
    const kiosk = buys(then);
    kiosk.bootWith(at(now));
    expect(kiosk.take(paid)).toMatchObject([{ kind: 'dispense', saleId: saleA, pieces }]);
  });

  test('or before the claim is brought', () => {
    const kiosk = new Desk({ idrPerPulse: 1 });
    expect(kiosk.redeeming().grant()).toMatchObject([{ kind: 'dispense', pieces: 3 }]);
  });
});

describe('an order that no dispenser can carry out', () => {
  test('is a claim, and the next customer is served', () => {
    const kiosk = buys(undefined);
    kiosk.take(paid);
    kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, result: 'never' });
    expect(kiosk.phase('result').outcome).toBe('claim');
    expect(kiosk.state.parts.dispenser.ok).toBe(true);
  });
});
