// Every race between a customer, the relay, Midtrans and the mains, by name: what the machine does about it.
import { describe, expect, test } from 'vitest';
import { patience } from '../../src/kiosk/state.ts';
import { Machine, ledgerId, qris, saleA, saleB, tell } from './machine.ts';

const lost = { kind: 'lost', code: 'relay-unreachable' } as const;
const hoursMs = 3_600_000;

function charging(): Machine {
  const kiosk = new Machine();
  kiosk.keys('1', '5', '000', 'enter');
  kiosk.phase('charging');
  return kiosk;
}

function fails(request: 'charge' | 'look' | 'stop', failure: object = lost): never {
  return { kind: 'request-failed', request, saleId: saleA, failure } as never;
}

describe('the customer against the money', () => {
  test('paid while cancelling: the goods come, once', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense', saleId: saleA }]);
    kiosk.take(tell('cancelled'));
    expect(kiosk.at).toBe('dispensing');
    expect(kiosk.count('dispense')).toBe(1);
  });

  test('paid while cancelling, heard by MQTT first: the verdict is fetched, then the goods come', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    const asked = kiosk.take({ ...tell('paid'), via: 'mqtt' });
    expect(asked.map(({ kind }) => kind)).toEqual(['look', 'ack']);
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense' }]);
  });

  test('cancel before create: the tombstone’s verdict ends the sale, and the late charge answer changes nothing', () => {
    const kiosk = charging();
    expect(kiosk.keys('cancel')).toEqual([
      { kind: 'stop', saleId: saleA, amountIdr: 15_000, reason: 'customer' },
    ]);
    kiosk.take(tell('cancelled'));
    expect(kiosk.phase('result').outcome).toBe('cancelled');
    expect(kiosk.take(tell('pending'))).toEqual([]);
    expect(kiosk.phase('result').outcome).toBe('cancelled');
  });

  test('cancel before create, the charge’s answer first: its QR is not shown', () => {
    const kiosk = charging();
    kiosk.keys('cancel');
    expect(kiosk.take(tell('pending'))).toEqual([]);
    expect(kiosk.at).toBe('stopping');
  });

  test('expiry against payment: what was paid in time is served, although the QR has gone', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.wakeAfter(180_000)).toMatchObject([{ kind: 'stop', reason: 'timeout' }]);
    kiosk.nowMs += patience.servedAfterDeadlineMs - 1;
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense' }]);
  });

  test('expiry against payment: what is heard of too late is a claim', () => {
    const kiosk = new Machine().showQr();
    kiosk.wakeAfter(180_000);
    kiosk.nowMs += patience.servedAfterDeadlineMs + 1;
    kiosk.take(tell('paid'));
    expect(kiosk.phase('result').outcome).toBe('claim');
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('two Enters, also of two hands: one charge', () => {
    const kiosk = charging();
    kiosk.take({ kind: 'key', key: 'enter', freshId: saleB });
    expect(kiosk.count('charge')).toBe(1);
    expect(kiosk.phase('charging').sale.saleId).toBe(saleA);
  });

  test.each(['1', '000', 'enter', 'backspace', 'clear'] as const)(
    'key %s during a charge changes neither amount nor sale',
    (key) => {
      const kiosk = charging();
      const before = kiosk.state;
      expect(kiosk.keys(key)).toEqual([]);
      expect(kiosk.state).toEqual(before);
      kiosk.take(tell('pending'));
      const shown = kiosk.state;
      expect(kiosk.keys(key)).toEqual([]);
      expect(kiosk.state).toEqual(shown);
    },
  );
});

describe('the mains and the process', () => {
  test('paid during a restart: a verdict that is fetched in this life brings the goods', () => {
    const kiosk = new Machine().showQr();
    kiosk.boot('boot-1');
    expect(kiosk.take(tell('paid', { settledAgoMs: 3_000 }))).toMatchObject([{ kind: 'dispense' }]);
  });

  test('a paid that is replayed from an older boot moves no motor: it is asked for', () => {
    const kiosk = new Machine().showQr();
    kiosk.boot('boot-2');
    const replayed = kiosk.take({ ...tell('paid'), via: 'mqtt' });
    expect(replayed.map(({ kind }) => kind)).toEqual(['look', 'ack']);
    expect(kiosk.at).toBe('checking');
    // And when no time of settlement is known, nobody can say that its customer still stands here.
    kiosk.take(tell('paid'));
    expect(kiosk.count('dispense')).toBe(0);
    expect(kiosk.phase('result').outcome).toBe('claim');
  });

  test('three hours of power cut with a QR up, paid meanwhile: a claim with its code, no goods for nobody', () => {
    const kiosk = new Machine().showQr();
    kiosk.nowMs = 5_000;
    expect(kiosk.boot('boot-2')).toEqual([{ kind: 'look', saleId: saleA }]);
    const asked = kiosk.take(tell('paid', { settledAgoMs: 3 * hoursMs }));
    expect(asked).toMatchObject([
      { kind: 'report', result: 'failed', detail: 'not-served' },
      { kind: 'print', slip: 'claim' },
    ]);
    expect(kiosk.phase('result').outcome).toBe('claim');
  });

  test('three hours of power cut with a QR up, not paid: the QR does not come back, the next customer is served', () => {
    const kiosk = new Machine().showQr();
    kiosk.boot('boot-2');
    kiosk.take(tell('expired'));
    expect(kiosk.phase('result').outcome).toBe('expired');
    kiosk.take({ kind: 'key', key: '5', freshId: saleB });
    kiosk.take({ kind: 'key', key: 'enter', freshId: saleB });
    expect(kiosk.phase('charging').sale.saleId).toBe(saleB);
  });

  test('a power cut while charging: in the new boot nothing is charged again, the charge is stopped', () => {
    const kiosk = charging();
    expect(kiosk.boot('boot-2')).toMatchObject([{ kind: 'stop', reason: 'fault' }]);
    expect(kiosk.count('charge')).toBe(1);
  });
});

describe('what the relay says, and when', () => {
  test('late money after abandoned: a claim, never goods', () => {
    const kiosk = new Machine().showQr();
    kiosk.keys('cancel');
    kiosk.nowMs += patience.stopMs;
    kiosk.take(tell('pending'));
    kiosk.phase('abandoning');
    for (const verdict of ['paid', 'paid-late'] as const) kiosk.take(tell(verdict));
    kiosk.take({ kind: 'reported', saleId: saleA });
    expect(kiosk.phase('result').outcome).toBe('claim');
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('verdicts repeated, by both ways: one hand-over', () => {
    const kiosk = new Machine().showQr();
    for (let i = 0; i < 3; i++) {
      kiosk.take({ ...tell('paid'), via: 'mqtt' });
      kiosk.take(tell('paid'));
    }
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    for (let i = 0; i < 3; i++) kiosk.take(tell('paid'));
    expect(kiosk.count('dispense')).toBe(1);
  });

  test.each([
    ['pending', 'paid'],
    ['creating', 'pending'],
    ['cancelled', 'paid'],
    ['expired', 'paid'],
    ['paid', 'paid-late'],
  ] as const)('verdicts reordered: %s after %s takes nothing back', (older, newer) => {
    const kiosk = newer === 'pending' ? charging() : new Machine().showQr();
    kiosk.take(tell(newer));
    const before = kiosk.state.phase;
    expect(kiosk.take(tell(older))).toEqual([]);
    expect(kiosk.state.phase).toEqual(before);
  });

  test.each([
    ['for another sale', { saleId: saleB }],
    ['for another amount', { amountIdr: 15_001 }],
  ])('a paid %s is nothing to this one', (_name, more) => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid', more));
    expect(kiosk.count('dispense')).toBe(0);
    expect(kiosk.at).toBe('paying');
  });

  test('a paid with a fulfilment already: somebody else has answered for it, no motor moves', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid', { fulfilment: 'unreported' }));
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('an answer with a bad proof is as good as none: it is asked for again, nothing is shown', () => {
    const kiosk = charging();
    kiosk.take(fails('charge', { kind: 'lost', code: 'bad-proof' }));
    expect(kiosk.at).toBe('charging');
    expect(kiosk.wakeAfter(1_000)).toMatchObject([{ kind: 'charge', saleId: saleA }]);
  });

  test('a swapped QR: another merchant’s, another amount’s, another account’s is never shown', () => {
    const others = [
      qris(15_000, { nmid: 'ID1099000000002', pan: '9360091400000000017' }),
      qris(15_000, { nmid: 'ID1099000000001', pan: '9360091400000000018' }),
      qris(1_500_000),
    ];
    for (const qrString of others) {
      const kiosk = charging();
      expect(kiosk.take(tell('pending', { qrString }))).toMatchObject([{ kind: 'stop' }]);
      expect(kiosk.at).toBe('stopping');
    }
  });

  test('a QR that changes while it is up is not taken: the first one was signed and checked', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('pending', { qrString: qris(15_000, { nmid: 'X', pan: '9' }) }));
    expect(kiosk.phase('paying').qrString).toBe(qris(15_000));
  });
});

describe('a card that is old, or not alone', () => {
  test('a month old: the sale that it thinks is open was served long ago; no motor moves, and it sells again', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.boot('boot-7')).toEqual([{ kind: 'look', saleId: saleA }]);
    kiosk.take(tell('paid', { fulfilment: 'done', settledAgoMs: 30 * 24 * hoursMs }));
    expect(kiosk.at).toBe('idle');
    expect(kiosk.count('dispense') + kiosk.count('report')).toBe(0);
  });

  test('a month old, its sale never honoured: the money is a claim', () => {
    const kiosk = new Machine().showQr();
    kiosk.boot('boot-7');
    kiosk.take(tell('paid', { settledAgoMs: 30 * 24 * hoursMs }));
    expect(kiosk.phase('result').outcome).toBe('claim');
  });

  test('a month old, in mid-dispense: the motor does not start by itself, and what it reports is refused', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    expect(kiosk.boot('boot-7')).toEqual([{ kind: 'recall-dispenser', saleId: saleA }]);
    kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, result: 'unknown' });
    const failure = { kind: 'refused', code: 'fulfilment-mismatch', retryable: false } as const;
    kiosk.take({ kind: 'request-failed', request: 'report', saleId: saleA, failure });
    expect(kiosk.state.reports).toEqual([]);
    expect(kiosk.count('dispense')).toBe(1);
  });

  const cloned = { kind: 'refused', code: 'kiosk-cloned', retryable: false } as const;

  test('a live clone: whoever was replaced stops selling and says so', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'catch-up-failed', failure: cloned });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual(['kiosk-cloned']);
    expect(kiosk.count('charge')).toBe(0);
  });

  test('a live clone in mid-sale: no QR stays up, and the sale ends only by the relay’s word', () => {
    const kiosk = charging();
    expect(kiosk.take(fails('charge', cloned))).toMatchObject([{ kind: 'stop' }]);
    kiosk.take(fails('stop', cloned));
    expect(kiosk.phase('stopping').because).toBe('kiosk-cloned');
    kiosk.take(tell('cancelled'));
    kiosk.keys('enter', '5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual(['kiosk-cloned']);
  });

  test('the broker turns it out: it asks the relay why, and sells on until that has said no', () => {
    const kiosk = new Machine();
    const down = { ok: false, code: 'broker-unreachable' } as const;
    const asked = kiosk.take({ kind: 'part', part: 'broker', health: down });
    expect(asked).toMatchObject([{ kind: 'catch-up' }]);
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });

  test('enrolled again, the relay answers, and it sells', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'catch-up-failed', failure: cloned });
    expect(kiosk.wakeAfter(60_000)).toMatchObject([{ kind: 'catch-up' }]);
    kiosk.sameLedger();
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });
});

describe('a relay that was restored from a backup', () => {
  test('has lost the QR’s sale: it is given what the journal knows, the QR stays, nothing new is sold', () => {
    const kiosk = new Machine().showQr();
    const unknown = { kind: 'refused', code: 'sale-unknown', retryable: false } as const;
    expect(kiosk.take(fails('look', unknown))).toMatchObject([{ kind: 'recover', post: 'all' }]);
    expect(kiosk.at).toBe('paying');
    expect(kiosk.take(tell('paid'))).toMatchObject([{ kind: 'dispense' }]);
  });

  test('says so once more after it was given everything: the screen says recovering, not that nobody is there', () => {
    const kiosk = new Machine();
    kiosk.take({ kind: 'ledger-differs', asked: ledgerId });
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId: 'ledger-2', recovering: false });
    kiosk.take({ kind: 'ledger-differs', asked: 'ledger-2' });
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.phase('blocked').codes).toEqual(['recovering']);
    expect(kiosk.count('charge')).toBe(0);
  });
});
