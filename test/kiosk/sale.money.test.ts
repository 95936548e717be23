// The sale machine where the money is: the QR, ends without goods, goods only for paid and only once.
import { describe, expect, test } from 'vitest';
import { patience } from '../../src/kiosk/state.ts';
import { nextWake } from '../../src/kiosk/sale.ts';
import { Machine, qris, saleA, saleB, tell } from './machine.ts';

describe('the QR', () => {
  test.each([
    ['of another amount', qris(15_001), 'qr-amount'],
    [
      'of another merchant',
      qris(15_000, { nmid: 'ID1099000000002', pan: '9360091400000000017' }),
      'qr-merchant',
    ],
    ['with a damaged CRC', `${qris(15_000).slice(0, -4)}0000`, 'qr-crc'],
    ['that is no QRIS', 'https://example.com', 'qr-malformed'],
    ['that is missing', undefined, 'qr-missing'],
  ])('%s is never shown and its charge is stopped', (_name, qrString, code) => {
    const kiosk = new Machine();
    kiosk.keys('1', '5', '000', 'enter');
    const event = tell('pending');
    const { qrString: _ours, ...rest } = event.told;
    const told = qrString === undefined ? rest : { ...rest, qrString };
    expect(kiosk.take({ ...event, told })).toMatchObject([{ kind: 'stop', reason: 'fault' }]);
    expect(kiosk.phase('stopping').because).toBe(code);
  });

  test('is hidden before the relay’s deadline, and the charge is expired', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.phase('paying').deadlineMs).toBe(180_000 - patience.hideEarlyMs);
    expect(nextWake(kiosk.state)).toBe(patience.lookMs);
    expect(kiosk.wakeAfter(180_000)).toMatchObject([{ kind: 'stop', reason: 'timeout' }]);
  });

  test('is watched by asking the relay, more often while MQTT is down', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'part', part: 'broker', health: { ok: false, code: 'broker-unreachable' } });
    kiosk.showQr();
    for (let look = 1; look <= 3; look++) {
      expect(kiosk.wakeAfter(patience.lookAloneMs)).toEqual([{ kind: 'look', saleId: saleA }]);
    }
  });

  test('a message without a duration is not shown but asked for', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '5', '000', 'enter');
    const { expiresInMs: _none, ...told } = tell('pending').told;
    kiosk.take({ kind: 'told', via: 'mqtt', told });
    expect(kiosk.at).toBe('charging');
  });

  test('that cannot be drawn readably stops the charge', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.take({ kind: 'not-shown', saleId: saleA })).toMatchObject([{ kind: 'stop' }]);
    expect(kiosk.phase('stopping').because).toBe('display-no-qr');
  });
});

describe('ending without goods', () => {
  test('a sale that the relay has with another amount is handed over: no cancel ever fits it', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '5', '000', 'enter', 'cancel');
    const refused = {
      kind: 'request-failed' as const,
      request: 'stop' as const,
      saleId: saleA,
      failure: { kind: 'refused' as const, code: 'sale-mismatch' as const, retryable: false },
    };
    expect(kiosk.take(refused)).toEqual([]);
    expect(kiosk.phase('stopping').because).toBe('sale-mismatch');
    kiosk.wakeAfter(patience.stopMs);
    expect(kiosk.take(refused)).toMatchObject([{ kind: 'report', result: 'abandoned' }]);
    kiosk.take({ kind: 'reported', saleId: saleA });
    expect(kiosk.phase('result').outcome).toBe('abandoned');
  });

  test('a cancel is confirmed by the relay before the customer is told so', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.keys('cancel')).toEqual([
      { kind: 'stop', saleId: saleA, amountIdr: 15_000, reason: 'customer' },
    ]);
    expect(kiosk.at).toBe('stopping');
    kiosk.take(tell('cancelled'));
    expect(kiosk.phase('result').outcome).toBe('cancelled');
  });

  test('a cancel that loses the race is a payment (rule 4)', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense', saleId: saleA }]);
  });

  test('a denied charge says why', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '5', '000', 'enter');
    kiosk.take(tell('denied', { reason: 'charge-try-again' }));
    expect(kiosk.phase('result')).toMatchObject({ outcome: 'denied', because: 'charge-try-again' });
  });

  test('a relay that cannot end the charge is handed it as abandoned; no later payment moves a motor', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    kiosk.nowMs += patience.stopMs;
    expect(kiosk.take(tell('pending'))).toEqual([
      { kind: 'report', saleId: saleA, result: 'abandoned' },
    ]);
    expect(kiosk.take(tell('paid'))).toEqual([]);
    kiosk.take({ kind: 'reported', saleId: saleA });
    expect(kiosk.phase('result').outcome).toBe('claim');
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('with Midtrans away the customer is told at once: cancelled, handed over, next', () => {
    const kiosk = new Machine();
    kiosk.keys('1', '5', '000', 'enter');
    const failure = { kind: 'refused', code: 'gateway-down', retryable: false } as const;
    const failed = { kind: 'request-failed', request: 'charge', saleId: saleA, failure } as const;
    expect(kiosk.take(failed)).toMatchObject([{ kind: 'stop', reason: 'fault' }]);
    // The relay holds its tombstone and cannot prove it now.
    expect(kiosk.take(tell('creating'))).toEqual([
      { kind: 'report', saleId: saleA, result: 'abandoned' },
    ]);
    expect(kiosk.at).toBe('abandoning');
    kiosk.take({ kind: 'reported', saleId: saleA });
    expect(kiosk.phase('result')).toMatchObject({ outcome: 'abandoned', because: 'gateway-down' });
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('no new sale starts before the old charge is known to be dead (rule 5)', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel', '5', '000', 'enter', 'cancel');
    expect(kiosk.count('charge')).toBe(1);
  });
});

describe('goods only for paid, only once, only for who still stands there (rules 2 and 3)', () => {
  test('a repeated verdict dispenses once', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    kiosk.take(tell('paid'));
    expect(kiosk.count('dispense')).toBe(1);
  });

  test.each([
    ['another sale', tell('paid', { saleId: saleB })],
    ['another amount', tell('paid', { amountIdr: 15_001 })],
    ['late money', tell('paid-late')],
    ['money that somebody has already answered for', tell('paid', { fulfilment: 'done' })],
    ['a refund', tell('refunded')],
  ])('%s moves no motor', (_name, event) => {
    const kiosk = new Machine().showQr();
    kiosk.take(event);
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('late money gives a claim, on screen and paper', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.take(tell('paid-late'))).toMatchObject([{ kind: 'print', slip: 'claim' }]);
    expect(kiosk.phase('result').outcome).toBe('claim');
  });

  test('money long after the deadline is a claim, not goods', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    kiosk.nowMs = 180_000 + patience.servedAfterDeadlineMs + 1;
    expect(kiosk.take(tell('paid'))).toMatchObject([
      { kind: 'report', result: 'failed', detail: 'not-served' },
      { kind: 'print', slip: 'claim' },
    ]);
  });

  test.each(['failed', 'unknown'] as const)('a dispenser that says %s opens a claim', (result) => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    const asked = kiosk.take({ kind: 'dispensed', saleId: saleA, result });
    expect(asked).toMatchObject([
      { kind: 'report', result },
      { kind: 'print', slip: 'claim' },
    ]);
    kiosk.keys('5');
    expect(kiosk.phase('result').outcome).toBe('claim');
  });
});

describe('the code of a claim on the screen', () => {
  const claimed: readonly [string, () => Machine][] = [
    [
      'after goods that did not come',
      () => {
        const kiosk = new Machine().showQr();
        kiosk.take(tell('paid'));
        kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
        return kiosk;
      },
    ],
    [
      'after a QR that was handed over to the relay',
      () => {
        const kiosk = new Machine().showQr();
        kiosk.keys('cancel');
        kiosk.nowMs += patience.stopMs;
        kiosk.take(tell('pending'));
        kiosk.take({ kind: 'reported', saleId: saleA });
        return kiosk;
      },
    ],
  ];
  const keys = ['enter', 'cancel', 'clear', 'backspace', '5', '00', '000'] as const;

  test.each(claimed)('%s outlasts whatever is hammered before it can be read', (_when, owed) => {
    const kiosk = owed();
    const { saleId } = kiosk.phase('result').sale;
    kiosk.nowMs += patience.readMs - 1;
    for (let i = 0; i < 20; i++) kiosk.keys(...keys);
    kiosk.scan('8991002101234');
    expect(kiosk.phase('result').sale.saleId).toBe(saleId);
  });

  test.each(
    claimed.flatMap(([when, owed]) =>
      (['enter', 'cancel', 'clear'] as const).map((key) => [when, key, owed] as const),
    ),
  )('%s is put away by %s', (_when, key, owed) => {
    const kiosk = owed();
    kiosk.nowMs += patience.readMs;
    kiosk.keys('5', 'backspace');
    kiosk.phase('result');
    kiosk.keys(key);
    expect(kiosk.at).toBe('idle');
  });

  test.each(claimed)('%s is there again after a restart', (_when, owed) => {
    const kiosk = owed();
    const { sale, outcome } = kiosk.phase('result');
    const asked = kiosk.boot('boot-2');
    // What nobody has paid for yet has no slip.
    expect(asked).toEqual(outcome === 'claim' ? [{ kind: 'print', slip: 'claim', sale }] : []);
    expect(kiosk.phase('result')).toMatchObject({ outcome, sale });
  });

  test.each(claimed)('%s stays for a minute, if nobody puts it away', (_when, owed) => {
    const kiosk = owed();
    kiosk.wakeAfter(patience.claimMs - 1);
    kiosk.phase('result');
    kiosk.wakeAfter(1);
    expect(kiosk.at).toBe('idle');
  });
});

describe('after a vend that did not work', () => {
  test.each(['failed', 'unknown'] as const)(
    '%s: nothing more is sold until the board is opened anew',
    (result) => {
      const kiosk = new Machine().showQr();
      kiosk.take(tell('paid'));
      kiosk.take({ kind: 'dispensed', saleId: saleA, result });
      kiosk.nowMs += patience.readMs;
      kiosk.keys('enter', '5', '000', 'enter');
      expect(kiosk.phase('blocked').codes).toEqual([`dispenser-${result}`]);
      kiosk.take({ kind: 'part', part: 'dispenser', health: { ok: true } });
      kiosk.keys('5', '000', 'enter');
      expect(kiosk.at).toBe('charging');
    },
  );
});

describe('what one typed amount buys', () => {
  test('is a multiple of the price of one piece', () => {
    const kiosk = new Machine({ idrPerPulse: 5000 });
    kiosk.keys('1', 'enter');
    expect(kiosk.phase('entering').notice).toBe('amount-not-multiple');
    kiosk.keys('0', '000', 'enter');
    expect(kiosk.phase('charging').sale.amountIdr).toBe(10_000);
  });

  test('is never more than the dispenser can hand over', () => {
    const kiosk = new Machine({ idrPerPulse: 1000, maxPieces: 99 });
    kiosk.keys('1', '0', '0', '000', 'enter');
    expect(kiosk.phase('entering').notice).toBe('amount-above-limit');
  });

  test('and a basket neither', () => {
    const kiosk = new Machine({ maxPieces: 3 });
    for (let i = 0; i < 4; i++) kiosk.scan('96385074');
    expect(kiosk.phase('basket')).toMatchObject({
      notice: 'basket-full',
      items: [{ quantity: 3 }],
    });
  });
});

test('a relay that refuses the cancel is named on the screen, and asked again', () => {
  const kiosk = new Machine().showQr();
  kiosk.keys('cancel');
  const failure = { kind: 'refused', code: 'kiosk-revoked', retryable: false } as const;
  kiosk.take({ kind: 'request-failed', request: 'stop', saleId: saleA, failure });
  expect(kiosk.phase('stopping').because).toBe('kiosk-revoked');
  expect(kiosk.wakeAfter(1000)).toMatchObject([{ kind: 'stop' }]);
});

test('a receipt that does not come out is told; the sale is done all the same', () => {
  const kiosk = new Machine().showQr();
  kiosk.take(tell('paid'));
  kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
  kiosk.take({
    kind: 'printed',
    slip: 'receipt',
    saleId: saleA,
    result: 'failed',
    code: 'printer-paper-out',
  });
  expect(kiosk.phase('result')).toMatchObject({ outcome: 'done', noSlip: true });
});
