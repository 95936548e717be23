// The modules of a QR: module for module what the package `qrcode` makes of the same segments, for every mask, level and
// version; and the segments: none takes fewer bits.
import fc from 'fast-check';
import { decodeQR } from 'qr/decode.js';
import { create } from 'qrcode/lib/core/qrcode.js';
import { describe, expect, test } from 'vitest';
import { byteSymbol, byteSymbolSize } from '../../drivers/printer/qr-symbol.ts';
import { makeQr, smallest, type QrLevel } from '../../drivers/qr-matrix.ts';
import { bestSegments, bitsOf } from '../../drivers/qr-segments.ts';
import { qrisText } from './display-scenes.ts';
import { mixedText } from './qr-texts.ts';

const levels: readonly QrLevel[] = ['L', 'M', 'Q'];

/** Printable text that repeats nowhere. */
function words(length: number): string {
  return Array.from({ length }, (_, at) =>
    String.fromCharCode(33 + ((at * 7919 + length * 31 + ((at * at) % 97)) % 90)),
  ).join('');
}

/** What `qrcode` makes when it is told how to pack the text. */
function theirs(content: string | Uint8Array, level: QrLevel): ReturnType<typeof create> {
  const segments = smallest(content, level).segments.map(({ mode, bytes }) =>
    mode === 'byte' ? { mode, data: bytes } : { mode, data: Buffer.from(bytes).toString('latin1') },
  );
  return create(segments, { errorCorrectionLevel: level });
}

function expectSame(content: string | Uint8Array, level: QrLevel, what: string): number {
  const { modules, maskPattern } = theirs(content, level);
  const { size, dark } = makeQr(content, level);
  expect(size, what).toBe(modules.size);
  expect(Buffer.compare(dark, Uint8Array.from(modules.data)), what).toBe(0);
  return maskPattern ?? -1;
}

/** Short ones, where masks are close to each other; sizes around 32 and 64 modules; the largest of a screen. */
const lengths = [...Array.from({ length: 40 }, (_, at) => at + 1), 60, 78, 90, 150, 232, 300, 340];

describe.each(levels)('level %s', (level) => {
  test('is the symbol that `qrcode` makes, whatever its mask', () => {
    const chosen = [...lengths, 512].map((length) => expectSame(words(length), level, `${length}`));
    expect(new Set(chosen).size).toBeGreaterThanOrEqual(7);
  });

  test('is that symbol in each of the forty versions, as full as it can be and with one byte more', () => {
    const versions = new Set<number>();
    for (let bytes = 1; ; bytes++) {
      const here = versionFor(bytes, level);
      if (here === undefined) break;
      if (here === versionFor(bytes - 1, level) && here === versionFor(bytes + 1, level)) continue;
      versions.add(here);
      expectSame(new TextEncoder().encode(words(bytes)), level, `${bytes} bytes`);
    }
    expect(versions.size).toBe(40);
  });
});

/** Undefined: so many bytes fit into none. */
function versionFor(bytes: number, level: QrLevel): number | undefined {
  try {
    return smallest(new Uint8Array(bytes), level).version;
  } catch {
    return undefined;
  }
}

test('payment texts of one length and other amounts are as `qrcode` makes them', () => {
  for (let amountIdr = 10_000; amountIdr < 10_040; amountIdr++) {
    expectSame(qrisText(amountIdr), 'M', `${amountIdr}`);
    const { modules } = create(qrisText(amountIdr), { errorCorrectionLevel: 'M' });
    expect(makeQr(qrisText(amountIdr), 'M').size).toBe(modules.size);
  }
});

test('a text is read back by a reader of its own, whatever it mixes', () => {
  fc.assert(
    fc.property(mixedText, fc.constantFrom(...levels), (text, level) => {
      expect(readBack(text, level)).toBe(text);
    }),
    { numRuns: 300 },
  );
});

test('no way to cut a text takes fewer bits', () => {
  fc.assert(
    fc.property(
      fc.stringMatching(/^[0-9A-Fa-c]{1,14}$/),
      fc.constantFrom(0, 1, 2),
      (text, place) => {
        const group = place;
        const bytes = Buffer.from(text);
        const ours = bestSegments(bytes, group);
        expect(Buffer.concat(ours.map((one) => one.bytes)).toString()).toBe(text);
        expect(bitsOf(ours, group)).toBe(fewestBits(bytes, group));
      },
    ),
    { numRuns: 150 },
  );
});

test('nor does `qrcode` find a smaller symbol', () => {
  fc.assert(
    fc.property(mixedText, (text) => {
      const { modules } = create(text, { errorCorrectionLevel: 'M' });
      expect(makeQr(text, 'M').size).toBeLessThanOrEqual(modules.size);
    }),
    { numRuns: 300 },
  );
});

function readBack(text: string, level: QrLevel): string {
  const { size, dark } = makeQr(text, level);
  const [scale, quiet] = [3, 4];
  const side = (size + 2 * quiet) * scale;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  for (let y = 0; y < size * scale; y++) {
    for (let x = 0; x < size * scale; x++) {
      if (dark[Math.floor(y / scale) * size + Math.floor(x / scale)] !== 1) continue;
      data.fill(
        0,
        4 * ((y + quiet * scale) * side + x + quiet * scale),
        4 * ((y + quiet * scale) * side + x + quiet * scale) + 3,
      );
    }
  }
  return decodeQR({ width: side, height: side, data }, { format: 'RGBA' });
}

/** By trying every cut into stretches of one mode. */
function fewestBits(bytes: Uint8Array, group: 0 | 1 | 2): number {
  const best = [0];
  for (let until = 1; until <= bytes.length; until++) {
    let least = Infinity;
    for (let from = 0; from < until; from++) {
      const part = bytes.subarray(from, until);
      const said = Buffer.from(part).toString();
      const fitting = [
        ...(/^[0-9]+$/.test(said) ? (['numeric'] as const) : []),
        ...(/^[0-9A-Z]+$/.test(said) ? (['alphanumeric'] as const) : []),
        'byte' as const,
      ];
      for (const mode of fitting) {
        least = Math.min(least, (best[from] ?? 0) + bitsOf([{ mode, bytes: part }], group));
      }
    }
    best.push(least);
  }
  return best[bytes.length] ?? 0;
}

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
