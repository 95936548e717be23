// The sale machine, event by event: the straight path, DESIGN.md's rules, and every race that the issue names.
import { describe, expect, test } from 'vitest';
import { patience } from '../../src/kiosk/state.ts';
import { Machine, qris, saleA, tell } from './machine.ts';

describe('a sale by keypad', () => {
  test('goes from keys to goods, and every step asks for exactly one thing', () => {
    const kiosk = new Machine();
    expect(kiosk.keys('1', '5', '000')).toEqual([]);
    expect(kiosk.phase('entering').digits).toBe('15000');
    expect(kiosk.keys('enter')).toEqual([
      { kind: 'charge', saleId: saleA, amountIdr: 15_000, items: [] },
    ]);
    expect(kiosk.take(tell('pending'))).toEqual([]);
    expect(kiosk.phase('paying').qrString).toBe(qris(15_000));
    expect(kiosk.take(tell('paid'))).toEqual([{ kind: 'dispense', saleId: saleA, pieces: 1 }]);
    const asked = kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    expect(asked.map((effect) => effect.kind)).toEqual(['report', 'print']);
    expect(kiosk.phase('result').outcome).toBe('done');
    kiosk.take({ kind: 'reported', saleId: saleA });
    expect(kiosk.state.reports).toEqual([]);
    kiosk.wakeAfter(patience.resultMs);
    expect(kiosk.at).toBe('idle');
  });

  test('two Enters make one charge', () => {
    const kiosk = new Machine();
    kiosk.keys('5', '000', 'enter', 'enter', 'enter');
    expect(kiosk.count('charge')).toBe(1);
  });
});

describe('what is typed', () => {
  test.each([
    ['zero', ['0', '0', '000', 'enter'], 'amount-zero'],
    ['nothing', ['enter'], 'amount-zero'],
  ] as const)('Enter on %s says why and charges nothing', (_name, keys, code) => {
    const kiosk = new Machine();
    kiosk.keys(...keys);
    expect(kiosk.phase('blocked').codes).toEqual([code]);
    expect(kiosk.count('charge')).toBe(0);
    kiosk.wakeAfter(patience.noticeMs);
    expect(kiosk.at).toBe('idle');
  });

  test('leading zeros vanish', () => {
    const kiosk = new Machine();
    kiosk.keys('0', '0', '7', '00', 'enter');
    expect(kiosk.phase('charging').sale.amountIdr).toBe(700);
  });

  test('a key that would exceed the limit is refused with the reason; the amount stays', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '0', '000', '000');
    expect(kiosk.phase('entering').digits).toBe('10000000');
    kiosk.keys('0');
    expect(kiosk.phase('entering')).toMatchObject({
      digits: '10000000',
      notice: 'amount-above-limit',
    });
    kiosk.keys('enter');
    expect(kiosk.phase('charging').sale.amountIdr).toBe(10_000_000);
  });

  test('twelve digits are never more than the limit', () => {
    const kiosk = new Machine();
    kiosk.keys(...Array.from({ length: 12 }, () => '9' as const), 'enter');
    expect(kiosk.phase('charging').sale.amountIdr).toBe(9_999_999);
  });

  test('an amount below the lower limit says so and stays to be mended', () => {
    const kiosk = new Machine({ limits: { minIdr: 1000, maxIdr: 10_000_000 } });
    kiosk.keys('5', '00', 'enter');
    expect(kiosk.phase('entering')).toMatchObject({ digits: '500', notice: 'amount-below-limit' });
    kiosk.keys('0', 'enter');
    expect(kiosk.phase('charging').sale.amountIdr).toBe(5000);
  });

  test('backspace takes back a digit, and the last one leads home', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '2', 'backspace');
    expect(kiosk.phase('entering').digits).toBe('1');
    kiosk.keys('backspace');
    expect(kiosk.at).toBe('idle');
  });

  test('a half-typed amount is put away after a while', () => {
    const kiosk = new Machine();
    kiosk.keys('1');
    kiosk.wakeAfter(patience.entryMs);
    expect(kiosk.at).toBe('idle');
  });
});

describe('what is scanned', () => {
  test('items add up and are charged as a basket', () => {
    const kiosk = new Machine();
    kiosk.scan('8991002101234');
    kiosk.scan('96385074');
    kiosk.scan('96385074');
    expect(kiosk.keys('enter')).toEqual([
      {
        kind: 'charge',
        saleId: saleA,
        amountIdr: 22_000,
        items: [
          { id: 'kopi', name: 'Kopi susu', priceIdr: 12_000, quantity: 1 },
          { id: 'teh', name: 'Teh', priceIdr: 5_000, quantity: 2 },
        ],
      },
    ]);
  });

  test.each([
    ['8991002109999', 'barcode-check-digit'],
    ['4006381333931', 'barcode-unknown'],
    ['hello', 'barcode-unknown'],
  ])('%s is refused with %s', (text, code) => {
    const kiosk = new Machine();
    kiosk.scan(text);
    expect(kiosk.phase('blocked').codes).toEqual([code]);
  });

  test('an unknown code leaves the basket as it is', () => {
    const kiosk = new Machine();
    kiosk.scan('96385074');
    kiosk.scan('hello');
    expect(kiosk.phase('basket')).toMatchObject({
      notice: 'barcode-unknown',
      items: [{ id: 'teh', quantity: 1 }],
    });
  });

  test('a scan during a payment changes nothing', () => {
    const kiosk = new Machine().showQr();
    kiosk.scan('96385074');
    expect(kiosk.phase('paying').sale.amountIdr).toBe(15_000);
  });
});

describe('nothing is sold that cannot be finished (rule 8)', () => {
  test.each(['relay', 'display', 'dispenser', 'journal'] as const)(
    'with the %s missing, Enter names it and charges nothing',
    (part) => {
      const kiosk = new Machine();
      kiosk.take({ kind: 'part', part, health: { ok: false, code: 'display-lost' } });
      kiosk.keys('5', '000', 'enter');
      expect(kiosk.phase('blocked').codes).toEqual(['display-lost']);
      expect(kiosk.count('charge')).toBe(0);
    },
  );

  test('a part that was never heard of in this run counts as missing', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'restarted', bootId: 'boot-1' });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toContain('relay-unreachable');
  });
});

describe('the relay is away', () => {
  test('a request that never left ends the sale: nothing was charged', () => {
    const kiosk = new Machine();
    kiosk.keys('5', '000', 'enter');
    const failure = { kind: 'unsent', code: 'relay-unreachable' } as const;
    kiosk.take({ kind: 'request-failed', request: 'charge', saleId: saleA, failure });
    expect(kiosk.phase('result')).toMatchObject({
      outcome: 'unsent',
      because: 'relay-unreachable',
    });
    kiosk.keys('7');
    expect(kiosk.phase('entering').digits).toBe('7');
  });

  test('a request that may have left is repeated with the same id, and then stopped', () => {
    const kiosk = new Machine();
    kiosk.keys('5', '000', 'enter');
    const failure = { kind: 'lost', code: 'relay-unreachable' } as const;
    kiosk.take({ kind: 'request-failed', request: 'charge', saleId: saleA, failure });
    expect(kiosk.wakeAfter(1000)).toMatchObject([{ kind: 'charge', saleId: saleA }]);
    // Now even a refused connection proves nothing: the first try may have arrived.
    const unsent = { kind: 'unsent', code: 'relay-unreachable' } as const;
    kiosk.take({ kind: 'request-failed', request: 'charge', saleId: saleA, failure: unsent });
    expect(kiosk.at).toBe('charging');
    expect(kiosk.wakeAfter(patience.chargeMs)).toMatchObject([{ kind: 'stop', reason: 'fault' }]);
    expect(kiosk.at).toBe('stopping');
  });

  test('a refused charge is followed by a cancel, never by a new sale', () => {
    const kiosk = new Machine();
    kiosk.keys('5', '000', 'enter');
    const failure = { kind: 'refused', code: 'bad-request', retryable: false } as const;
    const asked = kiosk.take({ kind: 'request-failed', request: 'charge', saleId: saleA, failure });
    expect(asked).toMatchObject([{ kind: 'stop' }]);
    kiosk.keys('1', 'enter');
    expect(kiosk.at).toBe('stopping');
  });
});
