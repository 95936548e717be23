// The page's wire: golden bytes, split at every byte, corrupted at every byte, and nonsense.
import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  createGeometryDecoder,
  createRowsDecoder,
  encodeGeometry,
  encodeRows,
} from '../../drivers/display/page-codec.ts';
import type { Frame } from '../../drivers/device.ts';

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex');
const frame: Frame = { width: 2, height: 3, pixels: Uint16Array.of(1, 2, 0xf800, 0x07e0, 5, 6) };
const rows = { width: 2, height: 3, first: 1, count: 2, pixels: frame.pixels.subarray(2) };

test('golden bytes of both messages', () => {
  expect(hex(encodeGeometry({ width: 800, height: 480, widthMm: 154 }))).toBe(
    '4b4730312003e0019a00',
  );
  expect(hex(encodeGeometry({ width: 800, height: 480 }))).toBe('4b4730312003e0010000');
  expect(hex(encodeRows(frame, { first: 1, count: 2 }))).toBe(
    '4b46303102000300010002' + '00' + '00f8e00705000600',
  );
});

test('a message that is made where a longer one was is no longer than its rows', () => {
  const room = new Uint8Array(100).fill(0xa5);
  const run = { first: 1, count: 2 };
  expect(hex(encodeRows(frame, run, room))).toBe(hex(encodeRows(frame, run)));
});

test('rows that are split anywhere come out whole', () => {
  const bytes = Buffer.concat([
    encodeRows(frame, { first: 1, count: 2 }),
    encodeRows(frame, { first: 0, count: 3 }),
  ]);
  const all = { width: 2, height: 3, first: 0, count: 3, pixels: frame.pixels };
  for (let at = 0; at <= bytes.length; at++) {
    const decoder = createRowsDecoder();
    const messages = [
      ...(decoder.push(bytes.subarray(0, at)) ?? []),
      ...(decoder.push(bytes.subarray(at)) ?? []),
    ];
    expect(messages).toEqual([rows, all]);
  }
  const decoder = createRowsDecoder();
  const single = [...bytes].flatMap((byte) => decoder.push(Uint8Array.of(byte)) ?? []);
  expect(single).toEqual([rows, all]);
});

test('a geometry that is split anywhere comes out whole', () => {
  const bytes = encodeGeometry({ width: 480, height: 320, widthMm: 73 });
  for (let at = 0; at <= bytes.length; at++) {
    const decoder = createGeometryDecoder();
    const messages = [
      ...(decoder.push(bytes.subarray(0, at)) ?? []),
      ...(decoder.push(bytes.subarray(at)) ?? []),
    ];
    expect(messages).toEqual([{ width: 480, height: 320, widthMm: 73 }]);
  }
});

test('a byte of the magic that is wrong is nonsense at once, and for ever', () => {
  const good = encodeRows(frame, { first: 0, count: 3 });
  for (let at = 0; at < 4; at++) {
    const bad = Uint8Array.from(good);
    bad[at] = (bad[at] ?? 0) ^ 0x20;
    const decoder = createRowsDecoder();
    expect(decoder.push(bad.subarray(0, at + 1))).toBeUndefined();
    expect(decoder.push(good)).toBeUndefined();
  }
});

test.each([
  ['no width', [0, 3, 0, 1]],
  ['no height', [2, 0, 0, 1]],
  ['no rows', [2, 3, 0, 0]],
  ['rows below the frame', [2, 3, 2, 2]],
  ['a frame beyond the limit', [5000, 3, 0, 1]],
])('%s is nonsense', (_, numbers) => {
  const bytes = Buffer.alloc(12);
  bytes.write('KF01');
  numbers.forEach((number, i) => bytes.writeUInt16LE(number, 4 + 2 * i));
  expect(createRowsDecoder().push(bytes)).toBeUndefined();
});

test('a corrupted byte anywhere never throws', () => {
  const good = encodeRows(frame, { first: 0, count: 3 });
  for (let at = 0; at < good.length; at++) {
    for (const flip of [0x01, 0x80, 0xff]) {
      const bad = Uint8Array.from(good);
      bad[at] = (bad[at] ?? 0) ^ flip;
      createRowsDecoder().push(bad);
      createGeometryDecoder().push(bad);
    }
  }
});

test('random bytes in random pieces never throw', () => {
  const piece = fc.oneof(
    fc.uint8Array({ maxLength: 64 }),
    fc.constant(encodeRows(frame, { first: 0, count: 3 })),
    fc.constant(encodeGeometry({ width: 1, height: 1 })),
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 8 }), (pieces) => {
      const decoders = [createRowsDecoder(), createGeometryDecoder()];
      for (const bytes of pieces) for (const decoder of decoders) decoder.push(bytes);
    }),
  );
});
