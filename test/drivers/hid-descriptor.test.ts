// Report descriptors of real devices, read by USB HID 1.11 §6.2.2: every field in its place, nothing thrown on garbage.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { bootDescriptor } from '../../drivers/keypad/hid-boot-keyboard.ts';
import {
  maxDescriptorBytes,
  parseReportDescriptor,
  usageAt,
  valuesOf,
} from '../../drivers/keypad/report-descriptor.ts';
import { posDescriptor } from '../../drivers/scanner/pos-scanner.ts';
import { descriptors, hex } from './hid-captures.ts';

const all = [...Object.values(descriptors), bootDescriptor, posDescriptor];

describe('a boot keyboard (USB HID 1.11, Appendix E.6)', () => {
  const layout = parseReportDescriptor(descriptors.specification);

  test('is eight modifier bits and a list of six keys in eight bytes, without an id', () => {
    expect(layout?.numbered).toBe(false);
    expect([...(layout?.lengths ?? [])]).toEqual([[0, 8]]);
    expect(layout?.fields).toEqual([
      {
        ...{ reportId: 0, firstBit: 0, bitsEach: 1, count: 8, isArray: false },
        ...{ logicalMin: 0, logicalMax: 1, usages: [{ page: 7, from: 0xe0, to: 0xe7 }] },
      },
      {
        ...{ reportId: 0, firstBit: 16, bitsEach: 8, count: 6, isArray: true },
        ...{ logicalMin: 0, logicalMax: 101, usages: [{ page: 7, from: 0, to: 101 }] },
      },
    ]);
  });

  test('a value of its list that has no usage means nothing', () => {
    const keys = layout?.fields[1];
    expect(keys && usageAt(keys, 0x59)).toEqual({ page: 7, id: 0x59 });
    expect(keys && usageAt(keys, 0xb0)).toBeUndefined();
  });
});

test('a gaming keyboard: one bit for each of 152 keys behind report id 1', () => {
  const layout = parseReportDescriptor(descriptors.corsairBitmap);
  expect(layout?.numbered).toBe(true);
  expect([...(layout?.lengths ?? [])]).toEqual([[1, 20]]);
  expect(layout?.fields.map(({ firstBit, count }) => [firstBit, count])).toEqual([
    [0, 8],
    [8, 152],
  ]);
});

test('a HID-POS scanner: each usage has its place, and the last one is meant by the rest', () => {
  const layout = parseReportDescriptor(posDescriptor);
  expect([...(layout?.lengths ?? [])]).toEqual([[2, 63]]);
  const [count, aim, data, , more] = layout?.fields ?? [];
  expect(count && usageAt(count, 0)).toEqual({ page: 1, id: 0x3b });
  expect([0, 1, 2].map((place) => aim && usageAt(aim, place)?.id)).toEqual([0xfb, 0xfc, 0xfd]);
  expect(data && usageAt(data, 55)).toEqual({ page: 0x8c, id: 0xfe });
  expect(more && usageAt(more, 7)).toEqual({ page: 0x8c, id: 0xff });
});

describe('what makers write', () => {
  const one = (text: string): unknown => parseReportDescriptor(hex(text))?.fields[0];

  test('a usage of four bytes brings its page along (§6.2.2.8)', () => {
    expect(one('75 08 95 01 0b 59 00 07 00 81 02')).toMatchObject({
      usages: [{ page: 7, from: 0x59, to: 0x59 }],
    });
  });

  test('255 in one byte is 255 where the minimum is no negative, and -1 where it is', () => {
    expect(one('15 00 25 ff 75 08 95 01 05 07 09 04 81 00')).toMatchObject({ logicalMax: 255 });
    expect(one('15 81 25 ff 75 08 95 01 05 07 09 04 81 00')).toMatchObject({
      logicalMin: -127,
      logicalMax: -1,
    });
  });

  test('push and pop keep the globals, a long item is skipped (§6.2.2.3)', () => {
    expect(one('05 07 75 08 95 01 a4 05 01 75 10 b4 fe 02 00 aa bb 09 04 81 02')).toMatchObject({
      bitsEach: 8,
      usages: [{ page: 7, from: 4, to: 4 }],
    });
  });

  test('values cross the borders of bytes, and are signed where the minimum is', () => {
    const layout = parseReportDescriptor(
      hex('15 80 25 7f 75 04 95 01 81 01 75 08 05 01 09 30 81 02'),
    );
    const field = layout?.fields[0];
    expect(field && valuesOf(field, hex('f0 0f'))).toEqual([-1]);
    expect(field && valuesOf(field, hex('f0'))).toEqual([15]); // What is not there is zero.
  });
});

describe('garbage', () => {
  test('nothing, too much, an id of zero and a report without end are no descriptors', () => {
    expect(parseReportDescriptor(new Uint8Array())).toBeUndefined();
    expect(parseReportDescriptor(new Uint8Array(maxDescriptorBytes + 1))).toBeUndefined();
    expect(parseReportDescriptor(hex('85 00'))).toBeUndefined();
    expect(parseReportDescriptor(hex('75 20 96 ff ff 81 02'))).toBeUndefined();
    expect(parseReportDescriptor(hex('b4'))).toBeUndefined();
    expect(parseReportDescriptor(hex('a4 a4 a4 a4 a4'))).toBeUndefined();
  });

  test.each(all.map((bytes, index) => [index, bytes] as const))(
    'descriptor %i cut at every byte, and with every byte changed, never throws',
    (_index, bytes) => {
      for (let at = 0; at < bytes.length; at++) {
        parseReportDescriptor(bytes.subarray(0, at));
        for (let by = 1; by < 256; by++) {
          const broken = Uint8Array.from(bytes);
          broken[at] = (broken[at] ?? 0) ^ by;
          const layout = parseReportDescriptor(broken);
          for (const field of layout?.fields ?? []) usageAt(field, field.count - 1);
        }
      }
    },
  );

  test('random bytes never throw, and no field reaches beyond its report', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
        const layout = parseReportDescriptor(bytes);
        for (const { reportId, firstBit, bitsEach, count } of layout?.fields ?? []) {
          const length = layout?.lengths.get(reportId) ?? 0;
          expect(firstBit + bitsEach * count).toBeLessThanOrEqual(length * 8);
        }
      }),
    );
  });
});
