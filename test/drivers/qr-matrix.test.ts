// The modules of a QR: module for module what the package `qrcode` makes alone, mask and format included, for every mask,
// level and width of a word.
import { create } from 'qrcode/lib/core/qrcode.js';
import { describe, expect, test } from 'vitest';
import { byteSymbol, byteSymbolSize } from '../../drivers/printer/qr-symbol.ts';
import { makeQr, type QrLevel } from '../../drivers/qr-matrix.ts';
import { qrisText } from './display-scenes.ts';

const levels: readonly QrLevel[] = ['L', 'M', 'Q'];

/** Printable text that repeats nowhere. */
function words(length: number): string {
  return Array.from({ length }, (_, at) =>
    String.fromCharCode(33 + ((at * 7919 + length * 31 + ((at * at) % 97)) % 90)),
  ).join('');
}

/** Short ones, where masks are close to each other; sizes around 32 and 64 modules; the largest of a screen. */
const lengths = [...Array.from({ length: 40 }, (_, at) => at + 1), 60, 78, 90, 150, 232, 300, 340];

describe.each(levels)('level %s', (level) => {
  test('is the symbol that `qrcode` makes, whatever its mask', () => {
    const masks = new Set<number | undefined>();
    for (const length of [...lengths, 512]) {
      const text = words(length);
      const theirs = create(text, { errorCorrectionLevel: level });
      masks.add(theirs.maskPattern);
      const ours = makeQr(text, level);
      expect(ours.size).toBe(theirs.modules.size);
      expect(Buffer.compare(ours.dark, Uint8Array.from(theirs.modules.data)), `${length}`).toBe(0);
    }
    expect(masks.size).toBeGreaterThanOrEqual(7);
  });
});

test('payment texts of one length and other amounts are as `qrcode` makes them', () => {
  for (let amountIdr = 10_000; amountIdr < 10_040; amountIdr++) {
    const { modules } = create(qrisText(amountIdr), { errorCorrectionLevel: 'M' });
    const { dark } = makeQr(qrisText(amountIdr), 'M');
    expect(Buffer.compare(dark, Uint8Array.from(modules.data))).toBe(0);
  }
});

test('a text that fits into no symbol is refused', () => {
  expect(() => makeQr('', 'M')).toThrow();
  expect(() => makeQr(words(3000), 'M')).toThrow();
});

test('the size of a printer’s symbol is known without drawing it, at both ends of every version', () => {
  const capacities = [
    14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504,
  ];
  for (const capacity of capacities) {
    for (const length of [capacity, capacity + 1]) {
      expect(byteSymbolSize(length), `${length} bytes`).toBe(byteSymbol(words(length)).size);
    }
  }
  expect(byteSymbolSize(2331)).toBe(177);
  expect(() => byteSymbolSize(2332)).toThrow(RangeError);
  expect(() => byteSymbolSize(0)).toThrow(RangeError);
});
