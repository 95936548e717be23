// The technician's screen: who gets there, what it prints, and that nothing of it moves goods or money.
import { describe, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import { maxWrongCodes, patience, type Effect, type PastSlip } from '../../src/kiosk/state.ts';
import { Machine, saleA, saleB, tell } from './machine.ts';

const technicianCode = '314159';
const past: PastSlip[] = [
  { saleId: saleB, amountIdr: 12_000, slip: 'claim' },
  { saleId: saleA, amountIdr: 15_000, slip: 'receipt' },
];

class Site extends Machine {
  constructor() {
    super({ technicianCode });
  }
  type(digits = technicianCode): Effect[] {
    return this.keys('clear', '00', ...(Array.from(digits) as Key[]), 'enter');
  }
  open(): this {
    this.type();
    this.phase('technician');
    return this;
  }
}

describe('the way in', () => {
  test('is the code, typed where claim codes are', () => {
    expect(new Site().type()).toEqual([]);
    expect(new Site().open().at).toBe('technician');
  });

  test('or the technician’s card under the scanner', () => {
    const kiosk = new Site();
    kiosk.scan(`TEKNISI${technicianCode}`);
    expect(kiosk.at).toBe('technician');
  });

  test('is open while the kiosk cannot sell: that is when somebody comes', () => {
    const kiosk = new Site();
    kiosk.take({ kind: 'part', part: 'relay', health: { ok: false, code: 'relay-unreachable' } });
    expect(kiosk.open().at).toBe('technician');
  });

  test('wrong codes count, typed or scanned, and five of them lock it', () => {
    const kiosk = new Site();
    for (let i = 0; i < maxWrongCodes - 1; i++) kiosk.type('271828');
    expect(kiosk.phase('blocked').codes).toEqual(['claim-code-wrong']);
    kiosk.scan('TEKNISI271828');
    expect(kiosk.phase('blocked').codes).toEqual(['claim-entry-locked']);
    kiosk.type();
    expect(kiosk.phase('blocked').codes).toEqual(['claim-entry-locked']);
    kiosk.wakeAfter(patience.lockMs);
    expect(kiosk.open().at).toBe('technician');
  });

  test('there is none where no code is configured', () => {
    const kiosk = new Machine();
    kiosk.scan(`TEKNISI${technicianCode}`);
    expect(kiosk.phase('blocked').codes).toEqual(['barcode-unknown']);
  });

  test('is closed while somebody pays', () => {
    const kiosk = new Site().showQr();
    kiosk.scan(`TEKNISI${technicianCode}`);
    expect(kiosk.at).toBe('paying');
  });
});

describe('what it can do', () => {
  test('print the day sheet, and say what became of it', () => {
    const kiosk = new Site().open();
    expect(kiosk.keys('2')).toEqual([{ kind: 'print', slip: 'day' }]);
    expect(kiosk.keys('2')).toEqual([]);
    kiosk.take({ kind: 'printed', slip: 'day', result: 'printed' });
    expect(kiosk.phase('technician').paper).toBe('printed');
  });

  test('print a copy of one of the last slips', () => {
    const kiosk = new Site().open();
    expect(kiosk.keys('1')).toEqual([{ kind: 'seek-slips' }]);
    kiosk.take({ kind: 'slips-found', slips: past });
    expect(kiosk.keys('2')).toEqual([{ kind: 'print', slip: 'reprint', past: past[1] }]);
    kiosk.take({
      ...{ kind: 'printed', slip: 'reprint', saleId: saleA, result: 'failed' },
      code: 'printer-paper-out',
    });
    expect(kiosk.phase('technician')).toMatchObject({ paper: 'printer-paper-out', slips: past });
    expect(kiosk.keys('3')).toEqual([]);
    kiosk.keys('cancel');
    expect(kiosk.phase('technician').slips).toBeUndefined();
  });

  test('show the QR for whoever helps, until it is put away', () => {
    const kiosk = new Site().open();
    expect(kiosk.keys('3')).toEqual([]);
    expect(kiosk.phase('technician').support).toBe(true);
    expect(kiosk.keys('1', '2')).toEqual([]);
    expect(kiosk.phase('technician').support).toBe(true);
    kiosk.keys('cancel');
    expect(kiosk.phase('technician').support).toBeUndefined();
    kiosk.keys('3', 'enter');
    expect(kiosk.at).toBe('idle');
  });

  test('bring a dispenser that was mended back to service, without pulling its plug', () => {
    const kiosk = new Site().showQr();
    kiosk.take(tell('paid'));
    kiosk.take({ kind: 'dispensed', saleId: saleA, result: 'failed' });
    kiosk.codeRead();
    kiosk.open().keys('cancel');
    expect(kiosk.state.parts.dispenser).toEqual({ ok: false, code: 'dispenser-failed' });
    kiosk.open().keys('enter');
    expect(kiosk.at).toBe('idle');
    kiosk.keys('5', '000', 'enter');
    expect(kiosk.at).toBe('charging');
  });

  test('but never one that is not there', () => {
    const kiosk = new Site();
    const lost = { ok: false, code: 'dispenser-lost' } as const;
    kiosk.take({ kind: 'part', part: 'dispenser', health: lost });
    kiosk.open().keys('enter');
    expect(kiosk.state.parts.dispenser).toEqual(lost);
  });

  test('nothing that moves goods or money, whatever is pressed', () => {
    const kiosk = new Site().open();
    const before = kiosk.effects.length;
    for (const key of ['0', '3', '9', '00', '000', 'backspace', 'language', 'clear'] as const) {
      kiosk.open().keys(key);
    }
    expect(kiosk.effects.slice(before)).toEqual([]);
  });

  test('closes by itself half a minute after the last key: who comes next finds it shut', () => {
    const kiosk = new Site().open();
    kiosk.nowMs += 20_000;
    kiosk.keys('1');
    kiosk.wakeAfter(29_999);
    expect(kiosk.at).toBe('technician');
    kiosk.wakeAfter(1);
    expect(kiosk.at).toBe('idle');
  });
});

test('a dispenser that was unplugged in mid-vend stays lost until it is there again', () => {
  const kiosk = new Site().showQr();
  kiosk.take(tell('paid'));
  const lost = { ok: false, code: 'dispenser-lost' } as const;
  kiosk.take({ kind: 'part', part: 'dispenser', health: lost });
  kiosk.take({ kind: 'dispenser-recalled', saleId: saleA, result: 'unknown' });
  kiosk.codeRead();
  kiosk.open().keys('enter');
  expect(kiosk.state.parts.dispenser).toEqual(lost);
});
