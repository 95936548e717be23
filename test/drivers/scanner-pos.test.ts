// HID-POS readings by a manual's bytes: one report, several, without a byte count, cut off, mute, garbage.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scan } from '../../drivers/device.ts';
import { parseReportDescriptor } from '../../drivers/keypad/report-descriptor.ts';
import {
  createPosReports,
  isPosScanner,
  type PosReports,
} from '../../drivers/scanner/pos-reports.ts';
import { posDescriptor, posReports } from '../../drivers/scanner/pos-scanner.ts';
import { maxScanLength } from '../../drivers/scanner/scan-text.ts';
import { descriptors, hex } from './hid-captures.ts';

function readerOf(descriptor: Uint8Array): PosReports {
  const layout = parseReportDescriptor(descriptor);
  if (layout === undefined) throw new Error('no descriptor');
  return createPosReports(layout);
}
const read = (...reports: Uint8Array[]): Scan[] => {
  const reader = readerOf(posDescriptor);
  return reports.flatMap((report) => reader.report(report, 0) ?? []);
};

/** Access-IS LSR118 manual, B.1.1: 60 characters of a boarding pass in two reports; byte 61 is `s`, 63 tells of more. */
const pass = 'M1GATHERGOOD/MICHAEL YABCDEF LHRDURAK 3542 052Y003D23   1234';
const first = hex(`02 38 5d 51 30 ${Buffer.from(pass.slice(0, 56)).toString('hex')} 73 00 01`);
const second = hex(
  `02 04 5d 51 30 ${Buffer.from(pass.slice(56)).toString('hex')} ${'00'.repeat(52)} 73 00 00`,
);

describe('readings', () => {
  test('the manual’s example is one reading out of two reports', () => {
    expect(read(first, second)).toEqual([{ text: pass, aim: 'Q0' }]);
  });

  test('what the simulator sends is what the manual says', () => {
    const reports = posReports({ text: pass, aim: 'Q0' });
    expect(reports.map(({ length }) => length)).toEqual([64, 64]);
    expect(reports[0]?.subarray(0, 61)).toEqual(first.subarray(0, 61));
    expect(reports.map((report) => report[63])).toEqual([1, 0]);
  });

  test('without an AIM identifier there is none, and a suffix that the scanner adds is left out', () => {
    expect(read(...posReports({ text: '8991002101234\r\n' }))).toEqual([{ text: '8991002101234' }]);
  });

  test('GS1 separators stay, zeros within the byte count are left out as in every code', () => {
    expect(read(...posReports({ text: '0108991002101238\x1d10A', aim: 'C1' }))).toEqual([
      { text: '0108991002101238\x1d10A', aim: 'C1' },
    ]);
  });

  test('what stands behind the byte count is the rest of an older reading', () => {
    const report = posReports({ text: '42' })[0] ?? hex('');
    report[7] = 0x39;
    expect(read(report)).toEqual([{ text: '42' }]);
  });

  test('without a byte count the zeros at the end are padding', () => {
    const plain = hex('05 8c 09 02 a1 01 15 00 26 ff 00 75 08 95 08 09 fe 82 02 01 c0');
    const reader = readerOf(plain);
    expect(reader.report(hex('34 32 00 00 00 00 00 00'), 0)).toEqual({ text: '42' });
  });

  test('the longest reading passes; one more is dropped, and the next one is right', () => {
    const longest = 'x'.repeat(maxScanLength);
    expect(read(...posReports({ text: longest }))).toEqual([{ text: longest }]);
    const reader = readerOf(posDescriptor);
    const scans = ['y'.repeat(maxScanLength + 1), 'z'.repeat(100_000), '42'].flatMap((text) =>
      posReports({ text }).flatMap((report) => reader.report(report, 0) ?? []),
    );
    expect(scans).toEqual([{ text: '42' }]);
    expect(reader.dropped).toBe(2);
  });
});

describe('a reading whose end never came', () => {
  test('is no part of the one that comes later', () => {
    const reader = readerOf(posDescriptor);
    expect(reader.report(first, 0)).toBeUndefined();
    expect(posReports({ text: '42' }).map((report) => reader.report(report, 1001))).toEqual([
      { text: '42' },
    ]);
    expect(reader.dropped).toBe(1);
  });
});

describe('reports that carry no reading', () => {
  test('a trigger, a status, a short one and an empty one are nothing', () => {
    expect(read(hex('04 01'), hex('02'), hex(''), second.subarray(0, 30))).toEqual([]);
    const reader = readerOf(posDescriptor);
    expect(reader.report(posReports({ text: '' })[0] ?? hex(''), 0)).toBeUndefined();
    expect(reader.dropped).toBe(1);
  });

  test('only a device with decoded data is such a scanner', () => {
    const is = (descriptor: Uint8Array): boolean => {
      const layout = parseReportDescriptor(descriptor);
      return layout !== undefined && isPosScanner(layout);
    };
    expect(is(posDescriptor)).toBe(true);
    expect(Object.values(descriptors).map(is)).not.toContain(true);
  });

  test('with any one byte changed, and at random, it never throws and no reading is too long', () => {
    fc.assert(
      fc.property(
        fc.nat(63),
        fc.nat(255),
        fc.array(fc.uint8Array({ maxLength: 80 })),
        (at, byte, more) => {
          const broken = Uint8Array.from(first);
          broken[at] = byte;
          for (const { text } of read(broken, second, ...more)) {
            expect(text.length).toBeLessThanOrEqual(maxScanLength);
          }
        },
      ),
    );
  });
});
