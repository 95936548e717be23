// Bytes to readings: framing, affixes, AIM identifiers, limits, splits, corruption, typed codes, check digits.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scan } from '../../drivers/device.ts';
import { createBootKeyboard } from '../../drivers/keypad/hid-boot-keyboard.ts';
import { checkDigit, readBarcode } from '../../drivers/scanner/barcode.ts';
import {
  createScanDecoder,
  encodeScan,
  maxScanLength,
  type ScanFraming,
} from '../../drivers/scanner/codec.ts';
import { characterOfPress, wedgeReports } from '../../drivers/scanner/wedge.ts';

function scansOf(framing: ScanFraming, ...pieces: (string | Uint8Array)[]): Scan[] {
  const decoder = createScanDecoder(framing);
  return pieces.flatMap((piece) =>
    decoder.feed(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece),
  );
}
const texts = (...pieces: (string | Uint8Array)[]): string[] =>
  scansOf({}, ...pieces).map((scan) => scan.text);

describe('framing', () => {
  test('CR, LF and CR LF each end a code, and empty lines are nothing', () => {
    expect(texts('1\r2\n3\r\n\r\n4\r')).toEqual(['1', '2', '3', '4']);
  });

  test('a configured suffix alone ends a code, of several characters too', () => {
    expect(scansOf({ suffix: '\t' }, 'a b\tc\t')).toEqual([{ text: 'a b' }, { text: 'c' }]);
    expect(scansOf({ suffix: '##' }, 'a#b##c##')).toEqual([{ text: 'a#b' }, { text: 'c' }]);
  });

  test('the prefix is required and removed; noise before it is skipped, other bytes are not', () => {
    const decoder = createScanDecoder({ prefix: '\x02Q', suffix: '\x03' });
    expect(
      decoder.feed(Buffer.from('\x00\xff\x03\x00\x02Q123\x03123\x03\x02Q\x03', 'latin1')),
    ).toEqual([{ text: '123' }]);
    expect(decoder.dropped).toBe(3);
    expect(decoder.feed(Buffer.from('x\x02Q5\x03', 'latin1'))).toEqual([]);
    expect(decoder.dropped).toBe(4);
  });

  test('the AIM identifier (ISO/IEC 15424) is taken off and handed over', () => {
    expect(scansOf({}, ']E08992761136116\r]C1abc\r]Q3x\r')).toEqual([
      { text: '8992761136116', aim: 'E0' },
      { text: 'abc', aim: 'C1' },
      { text: 'x', aim: 'Q3' },
    ]);
    expect(scansOf({ prefix: '*' }, '*]E05\r')).toEqual([{ text: '5', aim: 'E0' }]);
    expect(texts(']!x\r', ']\r')).toEqual([']!x', ']']);
    expect(texts(']E0\r')).toEqual([]); // An identifier of nothing.
  });

  test('control bytes that no code uses are left out, the separators of GS1 stay', () => {
    expect(texts('\x00\x1112\x7f3\x00\r')).toEqual(['123']);
    expect(texts('01089\x1d10ABC\r')).toEqual(['01089\x1d10ABC']);
  });

  test('UTF-8 is read as UTF-8 and anything else as Latin-1', () => {
    expect(texts(Buffer.from('teh é\r', 'utf8'))).toEqual(['teh é']);
    expect(texts(Buffer.from('teh é\r', 'latin1'))).toEqual(['teh é']);
  });

  test('the longest code passes with prefix and AIM identifier; one more is dropped, and counted', () => {
    const longest = 'x'.repeat(maxScanLength);
    const framing = { prefix: '12345678', suffix: '87654321' };
    const scan = { text: longest, aim: 'Q1' };
    expect(scansOf(framing, encodeScan(scan, framing))).toEqual([scan]);
    const decoder = createScanDecoder(framing);
    expect(decoder.feed(encodeScan({ text: `${longest}x` }, framing))).toEqual([]);
    expect(decoder.feed(encodeScan({ text: 'y'.repeat(100_000) }, framing))).toEqual([]);
    expect(decoder.dropped).toBe(2);
    expect(decoder.feed(encodeScan({ text: 'next' }, framing))).toEqual([{ text: 'next' }]);
  });

  test('a code that never ends is counted once, when it is too long, and once with its end', () => {
    const decoder = createScanDecoder({ suffix: '\r' });
    for (let line = 0; line < 2000; line++) decoder.feed(Buffer.from('8991002101234\n'));
    expect(decoder.dropped).toBe(1);
    expect(decoder.feed(Buffer.from('\r42\r'))).toEqual([{ text: '42' }]);
    expect(decoder.dropped).toBe(1);
  });

  test('of a code that is too long not even its end is taken for a code', () => {
    for (const length of [maxScanLength + 1, maxScanLength + 4, maxScanLength + 5, 100_000]) {
      expect(texts(`${'9'.repeat(length)}\r1\r`)).toEqual(['1']);
    }
  });

  test('affixes that make no sense are a bug of the caller', () => {
    expect(() => createScanDecoder({ suffix: '' })).toThrow('suffix');
    expect(() => createScanDecoder({ suffix: '123456789' })).toThrow('suffix');
    expect(() => createScanDecoder({ prefix: '123456789' })).toThrow('prefix');
  });
});

describe('whatever the line does', () => {
  const framings: ScanFraming[] = [{}, { prefix: '\x02Q', suffix: '\x03' }, { suffix: '\r\n' }];
  const codes: Scan[] = [{ text: '8992761136116', aim: 'E0' }, { text: 'A-é' }, { text: '3' }];

  test.each(framings)('split at every byte it reads the same, framing %j', (framing) => {
    const bytes = Buffer.concat(codes.map((code) => encodeScan(code, framing)));
    for (let at = 0; at <= bytes.length; at++) {
      expect(scansOf(framing, bytes.subarray(0, at), bytes.subarray(at))).toEqual(codes);
    }
    expect(scansOf(framing, ...Array.from(bytes, (byte) => Uint8Array.of(byte)))).toEqual(codes);
  });

  test.each(framings)('with any one byte changed the next code but one is right, %j', (framing) => {
    const bytes = Buffer.concat(codes.map((code) => encodeScan(code, framing)));
    const first = encodeScan(codes[0] ?? { text: '' }, framing).length;
    fc.assert(
      fc.property(fc.nat(first - 1), fc.nat(255), (at, byte) => {
        const broken = Buffer.from(bytes);
        broken[at] = byte;
        expect(scansOf(framing, broken).at(-1)).toEqual(codes.at(-1));
      }),
    );
  });

  test.each(framings)('random bytes never throw and no reading is too long, %j', (framing) => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 2000 }), { maxLength: 6 }), (pieces) => {
        for (const { text, aim } of scansOf(framing, ...pieces)) {
          expect(text.length).toBeGreaterThan(0);
          expect(text.length).toBeLessThanOrEqual(maxScanLength);
          expect(aim ?? 'E0').toHaveLength(2);
        }
      }),
    );
  });
});

describe('a scanner that types', () => {
  const typed = (reports: Uint8Array): string =>
    String.fromCharCode(
      ...createBootKeyboard()
        .feed(reports)
        .flatMap((press) => characterOfPress(press) ?? []),
    );
  const report = (usage: number, modifiers = 0): number[] => [modifiers, 0, usage, 0, 0, 0, 0, 0];

  /** Captured from a scanner that reads 6957842208856, node-hid issue #323. It closes with Enter and Ctrl-Shift-J. */
  const captured = Uint8Array.from([
    ...[0x23, 0x26, 0x22, 0x24, 0x25, 0x21, 0x1f, 0x1f, 0x27, 0x25, 0x25, 0x22, 0x23, 0x28].flatMap(
      (usage) => [...report(0), ...report(usage)],
    ),
    ...report(0, 0x03),
    ...report(0x0d, 0x03),
    ...report(0, 0x03),
    ...report(0),
  ]);

  test('a captured reading is one code, split at every byte', () => {
    expect(texts(Buffer.from(typed(captured), 'latin1'))).toEqual(['6957842208856']);
    for (let at = 0; at <= captured.length; at++) {
      const keyboard = createBootKeyboard();
      const presses = [captured.subarray(0, at), captured.subarray(at)].flatMap(keyboard.feed);
      expect(presses.flatMap((press) => characterOfPress(press) ?? [])).toHaveLength(15);
    }
  });

  test('every printable ASCII character comes back as itself', () => {
    const all = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join(
      '',
    );
    expect(typed(wedgeReports(all))).toBe(all);
    expect(typed(wedgeReports('112233\r'))).toBe('112233\r');
  });

  test('Shift of either side, keypad digits, and the group separator as Ctrl-]', () => {
    expect(typed(Uint8Array.from(report(0x04, 0x20)))).toBe('A');
    expect(typed(Uint8Array.from([...report(0x59), ...report(0x62), ...report(0x58)]))).toBe(
      '10\r',
    );
    expect(typed(Uint8Array.from(report(0x30, 0x01)))).toBe('\x1d');
  });

  test('Alt, logo and unknown keys type nothing', () => {
    const keys = [report(0x04, 0x04), report(0), report(0x04, 0x08), report(0x3a), report(0xff)];
    expect(typed(Uint8Array.from(keys.flat()))).toBe('');
  });
});

describe('retail codes', () => {
  test.each([
    // The examples of GS1's own check digit page and of common goods.
    ['6291041500213', { kind: 'ean-13', gtin: '06291041500213' }],
    ['8992761136116', { kind: 'ean-13', gtin: '08992761136116' }],
    ['036000291452', { kind: 'upc-a', gtin: '00036000291452' }],
    ['96385074', { kind: 'ean-8', gtin: '00000096385074' }],
  ])('%s', (text, barcode) => {
    expect(readBarcode({ text })).toEqual(barcode);
    const wrong = `${text.slice(0, -1)}${(Number(text.at(-1)) + 1) % 10}`;
    expect(readBarcode({ text: wrong })).toEqual({ kind: 'bad-check-digit' });
  });

  test('UPC-A and the same article as EAN-13 have one number', () => {
    expect(readBarcode({ text: '036000291452' })).toMatchObject({ gtin: '00036000291452' });
    expect(readBarcode({ text: '0036000291452' })).toMatchObject({ gtin: '00036000291452' });
  });

  test('other lengths, letters and other symbologies are not judged', () => {
    for (const text of ['', '1', '123456789', '12345678901', '12345678901234', '629104150021X']) {
      expect(readBarcode({ text })).toEqual({ kind: 'other' });
    }
    expect(readBarcode({ text: '6291041500210', aim: 'C0' })).toEqual({ kind: 'other' });
    expect(readBarcode({ text: '6291041500210', aim: 'E0' })).toEqual({ kind: 'bad-check-digit' });
  });

  test('any single digit misread is found', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^\d{12}$/),
        fc.nat(12),
        fc.integer({ min: 1, max: 9 }),
        (body, at, by) => {
          const right = `${body}${checkDigit(body)}`;
          expect(readBarcode({ text: right }).kind).toBe('ean-13');
          const digit = (Number(right.charAt(at)) + by) % 10;
          const misread = `${right.slice(0, at)}${digit}${right.slice(at + 1)}`;
          expect(readBarcode({ text: misread }).kind).toBe('bad-check-digit');
        },
      ),
    );
  });
});
