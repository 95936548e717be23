// Claims at the machine (PROTOCOL.md §7): no motor without a grant for the id on the disk, none twice, and every refusal
// says what to do.
import { describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import { claimInScan, scannedClaim } from '../../src/kiosk/redeem.ts';
import { maxWrongCodes, patience } from '../../src/kiosk/state.ts';
import { claim, code, Desk, dispenseId, other } from './desk.ts';
import { saleA, saleB, tell } from './machine.ts';

describe('the code', () => {
  test.each([
    ['CLEAR, 00', ['clear', '00']],
    ['CLEAR, 0 twice, on a keypad without 00', ['clear', '0', '0']],
    ['CLEAR in the middle of an amount', ['5', '000', 'clear', '00']],
  ] as const)('is typed after %s', (_name, keys) => {
    const kiosk = new Desk();
    kiosk.keys(...keys);
    expect(kiosk.phase('claiming').digits).toBe('');
  });

  test.each([
    ['zeros alone', ['0', '0', '00']],
    ['CLEAR and 000', ['clear', '000']],
    ['CLEAR and an amount', ['clear', '5', '0', '0']],
  ] as const)('is not asked for after %s', (_name, keys) => {
    const kiosk = new Desk();
    kiosk.keys(...keys);
    expect(kiosk.at).not.toBe('claiming');
  });

  test('is looked up when it is whole, and only then', () => {
    const kiosk = new Desk();
    expect(kiosk.type(code.slice(0, 10))).toEqual([]);
    expect(kiosk.phase('claiming').notice).toBe('claim-code-short');
    expect(kiosk.keys('1', '9', '00', 'enter')).toEqual([{ kind: 'seek-claim', code }]);
  });

  test('can be mended and given up', () => {
    const kiosk = new Desk();
    kiosk.keys('clear', '00', '9', 'backspace', ...(Array.from(code) as Key[]));
    expect(kiosk.phase('claiming').digits).toBe(code);
    kiosk.keys('cancel');
    expect(kiosk.at).toBe('idle');
    kiosk.keys('clear', '00', '9');
    kiosk.wakeAfter(patience.entryMs);
    expect(kiosk.at).toBe('idle');
  });

  test('is known by its form when it is scanned, and nothing else is', () => {
    const kiosk = new Desk();
    expect(kiosk.scan(scannedClaim(code))).toEqual([{ kind: 'seek-claim', code }]);
    expect(claimInScan(code)).toBeUndefined();
    expect(claimInScan(`${scannedClaim(code)}0`)).toBeUndefined();
    expect(claimInScan('8991002101234')).toBeUndefined();
  });

  test('is not taken over a basket or a payment', () => {
    const kiosk = new Desk();
    kiosk.scan('96385074');
    kiosk.scan(scannedClaim(code));
    expect(kiosk.phase('basket').notice).toBe('barcode-unknown');
    const paying = new Desk().showQr();
    expect(paying.scan(scannedClaim(code))).toEqual([]);
    expect(paying.at).toBe('paying');
  });

  test('is not taken while the goods could not come out; a printer is not needed', () => {
    const kiosk = new Desk({ required: ['journal', 'relay', 'dispenser', 'printer'] });
    kiosk.take({ kind: 'part', part: 'printer', health: { ok: false, code: 'printer-paper-out' } });
    expect(kiosk.type()).toMatchObject([{ kind: 'seek-claim' }]);
    const jammed = new Desk();
    jammed.take({
      ...{ kind: 'part', part: 'dispenser' },
      health: { ok: false, code: 'dispenser-failed' },
    });
    expect(jammed.type()).toEqual([]);
    expect(jammed.codes).toEqual(['claim-not-now', 'dispenser-failed']);
  });

  test('five wrong ones lock the entry for ten minutes, also for the right one and the scanner', () => {
    const kiosk = new Desk();
    for (let i = 1; i < maxWrongCodes; i++) {
      kiosk.wrong();
      expect(kiosk.codes).toEqual(['claim-code-wrong']);
    }
    kiosk.wrong();
    expect(kiosk.codes).toEqual(['claim-entry-locked']);
    kiosk.keys('clear', '00');
    expect(kiosk.phase('claiming').notice).toBe('claim-entry-locked');
    expect(kiosk.type()).toEqual([]);
    expect(kiosk.codes).toEqual(['claim-entry-locked']);
    expect(kiosk.scan(scannedClaim(code))).toEqual([]);
    kiosk.nowMs += patience.lockMs - 1;
    expect(kiosk.scan(scannedClaim(code))).toEqual([]);
    kiosk.nowMs += 1;
    expect(kiosk.scan(scannedClaim(code))).toHaveLength(1);
  });

  test('a restart does not take the lock off; a new boot begins it anew', () => {
    const kiosk = new Desk();
    for (let i = 0; i < maxWrongCodes; i++) kiosk.wrong();
    kiosk.nowMs += patience.lockMs - 1;
    kiosk.boot('boot-1');
    expect(kiosk.type()).toEqual([]);
    kiosk.boot('boot-2');
    kiosk.nowMs += patience.lockMs - 1;
    expect(kiosk.type()).toEqual([]);
  });

  test('a grant forgets the wrong ones before it', () => {
    const kiosk = new Desk();
    for (let i = 1; i < maxWrongCodes; i++) kiosk.wrong();
    kiosk.dispensing().end('done');
    kiosk.wrong();
    expect(kiosk.codes).toEqual(['claim-code-wrong']);
  });
});

describe('a grant', () => {
  test('is asked for with a fresh id that is in the state before', () => {
    const kiosk = new Desk();
    kiosk.type();
    expect(kiosk.sought()).toEqual([
      { kind: 'redeem', saleId: saleA, amountIdr: 15_000, dispenseId },
    ]);
    expect(kiosk.phase('redeeming')).toMatchObject({ dispenseId });
  });

  test('moves the motor once, under its own id', () => {
    const kiosk = new Desk().redeeming();
    expect(kiosk.grant()).toEqual([{ kind: 'dispense', saleId: saleA, dispenseId, pieces: 3 }]);
    expect(kiosk.grant()).toEqual([]);
    kiosk.end('done');
    expect(kiosk.grant()).toEqual([]);
    expect(kiosk.count('dispense')).toBe(1);
  });

  test.each([
    ['another dispense', { dispenseId: other }],
    ['another sale', { saleId: saleB }],
    ['another amount', { amountIdr: 1 }],
  ])('for %s moves nothing', (_name, change) => {
    const kiosk = new Desk().redeeming();
    kiosk.grant(change);
    expect(kiosk.count('dispense')).toBe(0);
    expect(kiosk.at).toBe('redeeming');
  });

  test('that nobody waits for moves nothing', () => {
    const idle = new Desk();
    idle.grant();
    const gaveUp = new Desk().redeeming();
    gaveUp.keys('cancel');
    gaveUp.grant();
    expect(idle.count('dispense') + gaveUp.count('dispense')).toBe(0);
  });

  test.each(['paid', 'paid-late', 'refunded'] as const)('%s is none', (verdict) => {
    const kiosk = new Desk();
    kiosk.type();
    kiosk.take({
      ...{ kind: 'claim-sought', code, freshId: dispenseId },
      found: { ...claim, verdict: 'expired' },
    });
    kiosk.take(tell(verdict, { settledAgoMs: 0 }));
    expect(kiosk.count('dispense')).toBe(0);
    expect(kiosk.at).toBe('redeeming');
  });

  test('is asked for again with the same id while nobody answers, and then given up: nothing fell', () => {
    const kiosk = new Desk().redeeming();
    kiosk.refuse({ kind: 'lost', code: 'relay-unreachable' });
    expect(kiosk.wakeAfter(500)).toMatchObject([{ kind: 'redeem', dispenseId }]);
    const given = kiosk.wakeAfter(patience.redeemMs);
    expect(given).toContainEqual({ kind: 'report', saleId: saleA, dispenseId, result: 'failed' });
    expect(kiosk.codes).toEqual(['claim-not-now']);
    kiosk.grant();
    expect(kiosk.count('dispense')).toBe(0);
  });

  test('that was certainly not asked for needs no report', () => {
    const kiosk = new Desk().redeeming();
    expect(kiosk.refuse({ kind: 'unsent', code: 'relay-unreachable' })).toEqual([]);
    expect(kiosk.codes).toEqual(['claim-not-now', 'relay-unreachable']);
  });

  test.each(['claim-locked', 'claim-unknown'] as const)('%s is told', (refusal) => {
    const kiosk = new Desk().redeeming();
    kiosk.refuse({ kind: 'refused', code: refusal, retryable: false });
    expect(kiosk.codes).toEqual([refusal]);
    expect(kiosk.count('dispense')).toBe(0);
  });
});

describe('what is never asked for', () => {
  test('a claim that this kiosk has honoured, whatever the relay would say', () => {
    const kiosk = new Desk();
    kiosk.type();
    kiosk.take({
      ...{ kind: 'claim-sought', code, freshId: dispenseId },
      found: { ...claim, honoured: true },
    });
    expect(kiosk.codes).toEqual(['claim-honoured']);
    expect(kiosk.count('redeem')).toBe(0);
  });

  test('a claim of which the relay has not heard yet', () => {
    const kiosk = new Desk().showQr();
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
    kiosk.take({ kind: 'part', part: 'dispenser', health: { ok: true } });
    kiosk.codeRead();
    kiosk.type();
    kiosk.sought();
    expect(kiosk.codes).toEqual(['claim-not-now', 'relay-unreachable']);
    kiosk.take({ kind: 'reported', saleId: saleA });
    kiosk.type();
    expect(kiosk.sought()).toMatchObject([{ kind: 'redeem' }]);
  });

  test('the answer of the journal to a code that nobody waits for', () => {
    const kiosk = new Desk();
    expect(kiosk.sought()).toEqual([]);
    expect(kiosk.at).toBe('idle');
  });
});

describe('what became of it', () => {
  test.each([
    ['done', 'done', true],
    ['failed', 'claim', false],
    ['unknown', 'claim', false],
  ] as const)('%s is reported until it is taken', (result, outcome, sells) => {
    const kiosk = new Desk().dispensing();
    expect(kiosk.end(result)).toContainEqual({ kind: 'report', saleId: saleA, dispenseId, result });
    expect(kiosk.phase('result').outcome).toBe(outcome);
    expect(kiosk.state.parts.dispenser.ok).toBe(sells);
    kiosk.take({
      ...{ kind: 'request-failed', request: 'report', saleId: saleA, dispenseId },
      failure: { kind: 'lost', code: 'relay-unreachable' },
    });
    expect(kiosk.wakeAfter(30_000)).toContainEqual({
      ...{ kind: 'report', saleId: saleA, dispenseId, result },
    });
    kiosk.take({ kind: 'reported', saleId: saleA, dispenseId });
    expect(kiosk.state.reports).toEqual([]);
  });

  test('an answer to the sale’s own report does not end the redemption’s', () => {
    const kiosk = new Desk().dispensing();
    kiosk.end('done');
    kiosk.take({ kind: 'reported', saleId: saleA });
    expect(kiosk.state.reports).toMatchObject([{ saleId: saleA, dispenseId }]);
  });

  test('a relay that has it otherwise is told five times, a minute apart', () => {
    const kiosk = new Desk().dispensing();
    kiosk.end('done');
    for (let told = 1; told <= 5; told++) {
      expect(kiosk.state.reports).toHaveLength(1);
      kiosk.take({
        ...{ kind: 'request-failed', request: 'report', saleId: saleA, dispenseId },
        failure: { kind: 'refused', code: 'claim-locked', retryable: false },
      });
      if (told < 5)
        expect(kiosk.wakeAfter(59_999).filter(({ kind }) => kind === 'report')).toEqual([]);
      kiosk.wakeAfter(1);
    }
    expect(kiosk.state.reports).toEqual([]);
  });

  test('the result of another dispense is not taken for it', () => {
    const kiosk = new Desk().dispensing();
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'done' });
    kiosk.end('done', other);
    expect(kiosk.at).toBe('dispensing');
  });

  test('late money that is told once more does not take the thanks away, and prints nothing', () => {
    const kiosk = new Desk();
    kiosk.type();
    const late = { ...claim, verdict: 'paid-late' as const };
    kiosk.take({ kind: 'claim-sought', code, freshId: dispenseId, found: late });
    kiosk.grant();
    kiosk.end('done');
    kiosk.take({ ...tell('paid-late'), via: 'mqtt' });
    expect(kiosk.phase('result').outcome).toBe('done');
    expect(kiosk.effects.some((effect) => effect.kind === 'print' && effect.slip === 'claim')).toBe(
      false,
    );
  });
});
