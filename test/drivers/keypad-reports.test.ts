// Reports to keys by each device's own descriptor: captures, lists and bitmaps, ids, the boot protocol, rollover, garbage.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  bootDescriptor,
  pressReports,
  reportLength,
} from '../../drivers/keypad/hid-boot-keyboard.ts';
import {
  createKeyReports,
  hasKeys,
  pressesBetween,
  type KeyReports,
} from '../../drivers/keypad/key-reports.ts';
import { keyOfPress, usageOfKey } from '../../drivers/keypad/keys.ts';
import { parseReportDescriptor } from '../../drivers/keypad/report-descriptor.ts';
import { descriptors, hex } from './hid-captures.ts';

function reportsOf(descriptor: Uint8Array): KeyReports {
  const layout = parseReportDescriptor(descriptor);
  if (layout === undefined) throw new Error('no descriptor');
  return createKeyReports(layout);
}

/** The keys that these reports press, one after the other. */
function keysOf(descriptor: Uint8Array, ...reports: Uint8Array[]): unknown[] {
  const keys = reportsOf(descriptor);
  let before: readonly number[] = [];
  return reports.flatMap((report) => {
    const down = keys.report(report) ?? before;
    const presses = pressesBetween(before, down);
    before = down;
    return presses.map(keyOfPress);
  });
}
const up = hex('00 00 00 00 00 00 00 00');
const boot = (...usages: number[]): Uint8Array =>
  Uint8Array.from([0, 0, ...usages, 0, 0, 0, 0, 0, 0].slice(0, reportLength));

/** Captured from an RFID reader that types, in node-hid issue #78; the digits are those of the top row. */
const captured = [0x27, 0x27, 0x27, 0x21, 0x26, 0x25, 0x1e, 0x21, 0x1f, 0x1f, 0x28].flatMap(
  (usage) => [boot(usage), up],
);
const capturedKeys = [...Array.from('0004981422'), 'enter'];
/** `7 8 9 4 5 6 1 2 3 0 . Enter` of a number pad, written from HID Usage Tables, page 0x07. */
const numberPad = [0x5f, 0x60, 0x61, 0x5c, 0x5d, 0x5e, 0x59, 0x5a, 0x5b, 0x62, 0x63, 0x58].flatMap(
  (usage) => [boot(usage), up],
);
const numberPadKeys = [...Array.from('7894561230'), 'clear', 'enter'];

describe('a list of keys', () => {
  test.each([
    ['the specification', descriptors.specification],
    ['our own', bootDescriptor],
    ['captured', descriptors.wideItems],
  ])('%s: a captured reader and a number pad', (_name, descriptor) => {
    expect(keysOf(descriptor, ...captured)).toEqual(capturedKeys);
    expect(keysOf(descriptor, ...numberPad)).toEqual(numberPadKeys);
  });

  test('a key that is held, or repeated by the device, comes once', () => {
    expect(keysOf(bootDescriptor, boot(0x5d), boot(0x5d), boot(0x5d), up, boot(0x5d))).toEqual([
      ...['5', '5'],
    ]);
  });

  test('a second key while the first is still down is one more key, in whatever slot', () => {
    expect(keysOf(bootDescriptor, boot(0x59), boot(0x5a, 0x59), boot(0x5a), boot(0x5b))).toEqual([
      '1',
      '2',
      '3',
    ]);
  });

  test('rollover (0x01 in every slot) presses nothing and releases nothing', () => {
    const rollover = boot(1, 1, 1, 1, 1, 1);
    expect(keysOf(bootDescriptor, boot(0x59), rollover, boot(0x59), up)).toEqual(['1']);
  });

  test('what the simulator sends is read back as the same key', () => {
    for (const [key, usage] of Object.entries(usageOfKey)) {
      expect(keysOf(bootDescriptor, ...pressReports({ usage, modifiers: 0 }))).toEqual([key]);
    }
  });
});

describe('a bitmap of keys (NKRO)', () => {
  /** Report id 1, modifiers, one bit a usage. */
  const bitmap = (...usages: number[]): Uint8Array => {
    const report = new Uint8Array(21);
    report[0] = 1;
    for (const usage of usages) {
      const at = 2 + (usage >> 3);
      report[at] = (report[at] ?? 0) | (1 << (usage & 7));
    }
    return report;
  };

  test('each bit is a key, any number of them at once', () => {
    expect(
      keysOf(
        descriptors.corsairBitmap,
        bitmap(0x59),
        bitmap(0x59, 0x5a),
        bitmap(0x5a),
        bitmap(0x58),
      ),
    ).toEqual(['1', '2', 'enter']);
    const many = Array.from({ length: 10 }, (_, index) => 0x59 + index);
    expect(keysOf(descriptors.corsairBitmap, bitmap(...many))).toHaveLength(10);
  });

  test('an error bit says that the report tells nothing', () => {
    expect(
      keysOf(descriptors.corsairBitmap, bitmap(0x59), bitmap(0x01, 0x5a), bitmap(0x59)),
    ).toEqual(['1']);
  });

  test('keys that are split over two reports are down together', () => {
    const low = (usage: number): Uint8Array => {
      const report = hex('05 00 00 00 00 00 00 00');
      report[2 + (usage >> 3)] = 1 << (usage & 7);
      return report;
    };
    const high = (usage: number): Uint8Array => {
      const report = hex('06 00 00 00 00 00 00 00');
      report[1 + ((usage - 0x30) >> 3)] = 1 << ((usage - 0x30) & 7);
      return report;
    };
    const nothing = hex('05 00 00 00 00 00 00 00');
    // 1 of the top row stays down while 9 of the pad is pressed in the other report; Shift turns 3 into #.
    expect(keysOf(descriptors.twoBitmaps, low(0x1e), high(0x61), nothing)).toEqual(['1', '9']);
    expect(keysOf(descriptors.twoBitmaps, high(0x61), low(0x1e), low(0x1f), high(0x61))).toEqual([
      ...['9', '1', '2'],
    ]);
    const control = hex('05 01 00 00 00 00 00 00');
    expect(keysOf(descriptors.twoBitmaps, control, high(0x61))).toEqual([undefined]);
    const shifted = low(0x20);
    shifted[1] = 0x02;
    expect(keysOf(descriptors.twoBitmaps, shifted)).toEqual(['enter']);
  });

  test('a firmware that stayed in the boot protocol is read as such (USB HID 1.11 §7.2.6)', () => {
    expect(keysOf(descriptors.corsairBitmap, boot(0x59), up, boot(0x58))).toEqual(['1', 'enter']);
  });
});

describe('reports that are not as declared', () => {
  test('are counted until a good one comes, and press nothing', () => {
    const keys = reportsOf(descriptors.specification);
    expect(keys.report(boot(0x59))).toEqual([0x59]);
    expect(keys.report(hex('01 00 00'))).toBeUndefined();
    expect(keys.report(hex(''))).toBeUndefined();
    expect(keys.malformed).toBe(2);
    expect(keys.report(boot(0x5a))).toEqual([0x5a]);
    expect(keys.malformed).toBe(0);
  });

  test('one that is padded to the packet is read', () => {
    expect(keysOf(descriptors.specification, hex('00 00 59 00 00 00 00 00 00 00 00 00'))).toEqual([
      '1',
    ]);
  });

  test('an id before the eight bytes is taken off where the descriptor has it', () => {
    const numbered = hex(`05 01 09 06 a1 01 85 02 05 07 19 e0 29 e7 15 00 25 01 75 01 95 08 81 02
      95 01 75 08 81 01 95 06 75 08 15 00 25 65 19 00 29 65 81 00 c0`);
    // node-hid issue #228: a reader with report ids sends nine bytes.
    expect(keysOf(numbered, hex('02 00 00 27 00 00 00 00 00'))).toEqual(['0']);
    expect(keysOf(numbered, hex('03 00 00 27 00 00 00 00 00'))).toEqual([]);
  });

  test('an interface of media keys, or of modifiers alone, has no keys', () => {
    const has = (descriptor: Uint8Array): boolean => {
      const layout = parseReportDescriptor(descriptor);
      return layout !== undefined && hasKeys(layout);
    };
    expect(has(descriptors.mediaKeys)).toBe(false);
    expect(has(descriptors.corsairModifiers)).toBe(false);
    expect(has(descriptors.corsairBitmap)).toBe(true);
    expect(reportsOf(descriptors.mediaKeys).report(hex('01 e9 00'))).toBeUndefined();
  });
});

describe('whatever comes', () => {
  test('with any one byte changed it never throws and loses at most two keys', () => {
    fc.assert(
      fc.property(
        fc.nat(numberPad.length - 1),
        fc.nat(reportLength - 1),
        fc.nat(255),
        (which, at, byte) => {
          const reports = numberPad.map((report) => Uint8Array.from(report));
          const broken = reports[which];
          if (broken !== undefined) broken[at] = byte;
          const right = keysOf(bootDescriptor, ...reports).filter((key) => key !== undefined);
          expect(right.length).toBeGreaterThanOrEqual(numberPadKeys.length - 2);
          expect(right.length).toBeLessThanOrEqual(numberPadKeys.length + 2);
        },
      ),
    );
  });

  test.each(Object.entries(descriptors))('%s: random reports never throw', (_name, descriptor) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 70 })), (reports) => {
        keysOf(descriptor, ...reports);
      }),
    );
  });
});
