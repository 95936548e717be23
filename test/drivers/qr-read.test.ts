// What reads a QR back before it is shown: it reads every symbol that is right, ours and those of the package `qrcode`, and
// nothing that a phone would have to mend.
import fc from 'fast-check';
import { create } from 'qrcode/lib/core/qrcode.js';
import { describe, expect, test } from 'vitest';
import { makeQr, type QrLevel, type QrMatrix } from '../../drivers/qr-matrix.ts';
import { readQr } from '../../drivers/qr-read.ts';
import { blocksOf } from '../../drivers/qr-versions.ts';
import { qrisText } from './display-scenes.ts';
import { mixedText } from './qr-texts.ts';

const levels: readonly QrLevel[] = ['L', 'M', 'Q'];
const text = qrisText(15_000);

function read({ size, dark }: QrMatrix): string {
  return readQr(size, (row, column) => dark[row * size + column] === 1);
}

describe.each(levels)('level %s', (level) => {
  test('every version of the package `qrcode` is read, as full as it can be', () => {
    for (let version = 1; version <= 40; version++) {
      const { data } = blocksOf(version, level);
      const full = 'k'.repeat(data - (version < 10 ? 2 : 3));
      const { modules } = create(full, { errorCorrectionLevel: level });
      expect(modules.size).toBe(17 + 4 * version);
      expect(read({ size: modules.size, dark: Uint8Array.from(modules.data) })).toBe(full);
    }
  });

  test('whatever a text mixes is read, by any mask', () => {
    fc.assert(
      fc.property(mixedText, fc.integer({ min: 0, max: 7 }), (mixed, mask) => {
        const maskPattern = mask as 0 | 1 | 2 | 3 | 4 | 5 | 6 | 7;
        const { modules } = create(mixed, { errorCorrectionLevel: level, maskPattern });
        expect(read({ size: modules.size, dark: Uint8Array.from(modules.data) })).toBe(mixed);
        expect(read(makeQr(mixed, level))).toBe(mixed);
      }),
      { numRuns: 150 },
    );
  });
});

test('one wrong module where the text, its checks or the format stand is a fault', () => {
  const whole = makeQr(text, 'M');
  const patterns = new Set<number>();
  for (let at = 0; at < whole.dark.length; at++) {
    const dark = whole.dark.slice();
    dark[at] = 1 - (dark[at] ?? 0);
    try {
      expect(read({ size: whole.size, dark })).toBe(text);
      patterns.add(at);
    } catch (error) {
      expect(error).toBeInstanceOf(RangeError);
    }
  }
  // Three finders, timing, six alignments, twice the version, and the dark module: these say nothing.
  const [finders, timing, alignments] = [3 * 64, 2 * (whole.size - 16), 6 * 25 - 2 * 5];
  expect(patterns.size).toBe(finders + timing + alignments + 2 * 18 + 1);
});

test('a format that both places tell alike and that is none is a fault', () => {
  const { size, dark } = makeQr(text, 'M');
  for (const at of [8, 8 * size + size - 1]) dark[at] = 1 - (dark[at] ?? 0);
  expect(() => read({ size, dark })).toThrow(/format/);
});

test('modules that are no QR at all are refused, and never loop or break anything else', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 180 }),
      fc.uint8Array({ minLength: 64, maxLength: 64 }),
      (size, noise) => {
        const isDark = (row: number, column: number): boolean =>
          (((noise[(row * 7 + column) % 64] ?? 0) >> (column % 8)) & 1) === 1;
        expect(() => readQr(size, isDark)).toThrow(RangeError);
      },
    ),
    { numRuns: 300 },
  );
});

test('bytes that are no UTF-8, and a level that nobody makes, are faults', () => {
  expect(() => read(makeQr(Uint8Array.of(0xff, 0xfe), 'M'))).toThrow(RangeError);
  const { modules } = create(text, { errorCorrectionLevel: 'H' });
  const high = { size: modules.size, dark: Uint8Array.from(modules.data) };
  expect(() => read(high)).toThrow(RangeError);
});
