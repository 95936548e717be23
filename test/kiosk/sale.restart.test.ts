// The sale machine after a restart, with a printed QR, and its catch-up cursor.
import { describe, expect, test } from 'vitest';
import { parts, patience } from '../../src/kiosk/state.ts';
import { cursorAfter } from '../../src/protocol/sale.ts';
import { Machine, ledgerId, qris, saleA, saleB, tell } from './machine.ts';

describe('a restart', () => {
  test('with a QR up asks first, then shows the same QR again', () => {
    const kiosk = new Machine().showQr();
    expect(kiosk.boot('boot-1')).toEqual([{ kind: 'look', saleId: saleA }]);
    expect(kiosk.at).toBe('checking');
    kiosk.take(tell('pending', { expiresInMs: 100_000 }));
    expect(kiosk.phase('paying').qrString).toBe(qris(15_000));
  });

  test('with a QR up and the money there dispenses once, on a fetched verdict only', () => {
    const kiosk = new Machine().showQr();
    kiosk.boot('boot-1');
    const old = tell('paid');
    expect(kiosk.take({ ...old, via: 'mqtt' }).some((effect) => effect.kind === 'dispense')).toBe(
      false,
    );
    expect(kiosk.take(tell('paid', { settledAgoMs: 5000 }))).toMatchObject([{ kind: 'dispense' }]);
  });

  test('after three hours without power the money is a claim', () => {
    const kiosk = new Machine().showQr();
    kiosk.boot('boot-2');
    kiosk.take(tell('paid', { settledAgoMs: 3 * 3600_000 }));
    expect(kiosk.count('dispense')).toBe(0);
    expect(kiosk.phase('result').outcome).toBe('claim');
  });

  test('in the same boot, long after the deadline, is judged by the deadline', () => {
    const kiosk = new Machine().showQr();
    kiosk.nowMs = 400_000;
    kiosk.boot('boot-1');
    kiosk.take(tell('paid', { settledAgoMs: 300_000 }));
    expect(kiosk.count('dispense')).toBe(0);
  });

  test.each([
    [patience.servedAfterBootMs, 'dispensing'],
    [patience.servedAfterBootMs + 1, 'result'],
  ] as const)('paid %i ms before it came back in the same boot: %s', (awayMs, at) => {
    // It may have stood still for its journal, with a screen that told the customer to leave with a number.
    const kiosk = new Machine().showQr();
    kiosk.nowMs = 150_000;
    kiosk.boot('boot-1');
    kiosk.nowMs += 5_000;
    const settledAgoMs = awayMs + 5_000;
    kiosk.take(tell('paid', { settledAgoMs, askedAtMs: kiosk.nowMs }));
    expect(kiosk.at).toBe(at);
    expect(kiosk.state.claims.open).toEqual(at === 'result' ? [saleA] : []);
  });

  test.each([
    ['boot-1', 'cancel'],
    ['boot-1', 'deadline'],
    ['boot-2', 'cancel'],
    ['boot-2', 'deadline'],
  ] as const)(
    'in %s while a sale is stopped (%s), paid a moment before: a claim, its customer had turned away',
    (bootId, why) => {
      const kiosk = new Machine().showQr();
      if (why === 'cancel') kiosk.keys('cancel');
      else kiosk.wakeAfter(180_000);
      kiosk.phase('stopping');
      expect(kiosk.boot(bootId)).toMatchObject([{ kind: 'stop' }]);
      const asked = kiosk.take(tell('paid', { settledAgoMs: 5_000, askedAtMs: kiosk.nowMs }));
      expect(asked).toMatchObject([
        { kind: 'report', result: 'failed', detail: 'not-served' },
        { kind: 'print', slip: 'claim' },
      ]);
      expect(kiosk.count('dispense')).toBe(0);
    },
  );

  test.each([
    [patience.servedAfterBootMs, 'dispensing'],
    [patience.servedAfterBootMs + 1, 'result'],
  ] as const)(
    'cancelled while the relay is asked, paid %i ms before the restart: %s',
    (awayMs, at) => {
      const kiosk = new Machine().showQr();
      kiosk.nowMs = 150_000;
      kiosk.boot('boot-1');
      kiosk.keys('cancel');
      kiosk.phase('stopping');
      kiosk.take(tell('paid', { settledAgoMs: awayMs, askedAtMs: kiosk.nowMs }));
      expect(kiosk.at).toBe(at);
    },
  );

  test('while charging asks again in the same boot, and cancels in another', () => {
    const same = new Machine();
    same.keys('1', '5', '000', 'enter');
    expect(same.boot('boot-1')).toEqual([]);
    expect(same.wakeAfter(0)).toMatchObject([{ kind: 'charge', saleId: saleA }]);
    const other = new Machine();
    other.keys('1', '5', '000', 'enter');
    expect(other.boot('boot-2')).toMatchObject([{ kind: 'stop', saleId: saleA }]);
  });

  test('while dispensing never starts the motor again; it asks the device', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    expect(kiosk.boot('boot-1')).toEqual([{ kind: 'recall-dispenser', saleId: saleA }]);
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, result: 'never' });
    expect(kiosk.count('dispense')).toBe(1);
    expect(kiosk.phase('result')).toMatchObject({ outcome: 'claim' });
    // The order never left us: the board that says so is not to blame, and the next customer is served.
    expect(kiosk.phase('result').because).toBeUndefined();
    expect(kiosk.state.parts.dispenser.ok).toBe(true);
  });

  test('sends reports again that were not answered', () => {
    const kiosk = new Machine().showQr();
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    kiosk.boot('boot-1');
    expect(kiosk.wakeAfter(0)).toMatchObject([{ kind: 'report', saleId: saleA, result: 'done' }]);
  });
});

describe('a slip that must carry the QR (rule 6)', () => {
  const paper = { qrOn: 'paper' as const, required: ['journal', 'relay', 'printer'] as const };

  test('is printed after the charge is known', () => {
    const kiosk = new Machine(paper);
    kiosk.keys('1', '5', '000', 'enter');
    expect(kiosk.take(tell('pending'))).toMatchObject([
      { kind: 'print', slip: 'qr', qrString: qris(15_000) },
    ]);
  });

  test.each([
    ['failed', false, 'stopping'],
    ['unknown', false, 'stopping'],
    ['unknown', true, 'paying'],
    ['printed', false, 'paying'],
  ] as const)('%s with acceptBlindPrinter %s leads to %s', (result, acceptBlindPrinter, at) => {
    const kiosk = new Machine({ ...paper, acceptBlindPrinter });
    kiosk.showQr();
    kiosk.take({ kind: 'printed', slip: 'qr', saleId: saleA, result });
    expect(kiosk.at).toBe(at);
  });
});

describe('the catch-up cursor (PROTOCOL.md §5)', () => {
  const change = {
    saleId: saleB,
    amountIdr: 1,
    verdict: 'expired' as const,
    ledgerId,
    askedAtMs: 0,
  };
  const send = (kiosk: Machine, seq: number, prev: number): unknown =>
    kiosk.take({ kind: 'told', via: 'mqtt', told: { ...change, seq, prev } });

  test('moves over a message whose prev it stands on, and acknowledges it', () => {
    const kiosk = new Machine();
    expect(send(kiosk, 1, 0)).toEqual([{ kind: 'ack', upTo: 1 }]);
    expect(kiosk.state.cursor).toBe(cursorAfter({ ...change, seq: 1 }));
  });

  test('fetches over a gap instead of moving', () => {
    const kiosk = new Machine();
    expect(send(kiosk, 3, 2)).toEqual([{ kind: 'catch-up', since: kiosk.state.cursor }]);
    expect(kiosk.state.cursor).toBe('0.00000000');
  });

  test('acknowledges a repeat again and does not move back', () => {
    const kiosk = new Machine();
    send(kiosk, 1, 0);
    expect(send(kiosk, 1, 0)).toEqual([{ kind: 'ack', upTo: 1 }]);
  });

  test('takes a page of changes at once and asks for the next', () => {
    const kiosk = new Machine().showQr();
    const told = [
      { ...change, seq: 4, prev: 3 },
      { ...tell('paid').told, seq: 5, prev: 4 },
    ];
    const asked = kiosk.take({ kind: 'caught-up', told, ledgerId, more: true });
    expect(asked.map((effect) => effect.kind)).toEqual(['dispense', 'ack', 'catch-up']);
    expect(kiosk.state.cursor).toBe(
      cursorAfter({ ...change, saleId: saleA, verdict: 'paid', seq: 5 }),
    );
  });

  test('is not moved by an empty page, by another ledger, or backwards', () => {
    const kiosk = new Machine();
    expect(kiosk.take({ kind: 'caught-up', told: [], ledgerId, more: true })).toEqual([]);
    const told = [{ ...change, seq: 4, prev: 3 }];
    kiosk.take({ kind: 'caught-up', told, ledgerId: 'evil', more: false });
    expect(kiosk.state).toMatchObject({ cursor: '0.00000000', ledgerId });
    kiosk.take({ kind: 'recovered', post: 'all', ledgerId, recovering: false });
    kiosk.take({ kind: 'caught-up', told, ledgerId, more: false });
    const older = [{ ...change, seq: 2, prev: 1 }];
    kiosk.take({ kind: 'caught-up', told: older, ledgerId, more: false });
    expect(kiosk.state.cursor).toBe(cursorAfter({ ...change, seq: 4 }));
  });
});

test('every part has a name for its absence, and the kiosk sells again when it is back', () => {
  const kiosk = new Machine();
  for (const part of parts) {
    kiosk.take({ kind: 'part', part, health: { ok: false, code: 'relay-unreachable' } });
    kiosk.take({ kind: 'part', part, health: { ok: true } });
  }
  kiosk.sameLedger();
  kiosk.keys('5', '000', 'enter');
  expect(kiosk.at).toBe('charging');
});

test('a claim that nobody has read yet is still there after a restart, and its slip comes again', () => {
  const kiosk = new Machine().showQr();
  kiosk.take(tell('paid'));
  kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
  expect(kiosk.boot('boot-2')).toMatchObject([{ kind: 'print', slip: 'claim' }]);
  expect(kiosk.phase('result').outcome).toBe('claim');
});

test('a claim whose slip is on paper for certain is shown to nobody after a restart, and no second slip comes', () => {
  const kiosk = new Machine().showQr();
  kiosk.take(tell('paid'));
  kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
  kiosk.take({ kind: 'printed', slip: 'claim', saleId: saleA, result: 'printed' });
  expect(kiosk.boot('boot-2').filter(({ kind }) => kind === 'print')).toEqual([]);
  expect(kiosk.at).toBe('idle');
  expect(kiosk.state.claims.open).toEqual([saleA]);
});

test('one whose slip may be on paper comes again: its customer may have nothing', () => {
  const kiosk = new Machine().showQr();
  kiosk.take(tell('paid'));
  kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
  kiosk.take({ kind: 'printed', slip: 'claim', saleId: saleA, result: 'unknown' });
  expect(kiosk.boot('boot-2')).toMatchObject([{ kind: 'print', slip: 'claim' }]);
});

test('a slip that says why it failed stops the charge with that reason', () => {
  const kiosk = new Machine({ qrOn: 'paper', required: ['journal', 'relay', 'printer'] });
  kiosk.showQr();
  kiosk.take({
    kind: 'printed',
    slip: 'qr',
    saleId: saleA,
    result: 'failed',
    code: 'printer-paper-out',
  });
  expect(kiosk.phase('stopping').because).toBe('printer-paper-out');
});
