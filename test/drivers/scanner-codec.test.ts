// Bytes to readings: framing, affixes, AIM identifiers, pauses, limits, splits, corruption, typed codes.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Scan } from '../../drivers/device.ts';
import { bootDescriptor } from '../../drivers/keypad/hid-boot-keyboard.ts';
import { createKeyReports, pressesBetween } from '../../drivers/keypad/key-reports.ts';
import { parseReportDescriptor } from '../../drivers/keypad/report-descriptor.ts';
import { createScanDecoder, encodeScan, type ScanFraming } from '../../drivers/scanner/codec.ts';
import { maxScanLength } from '../../drivers/scanner/scan-text.ts';
import { characterOfPress, wedgeReports } from '../../drivers/scanner/wedge.ts';

function scansOf(framing: ScanFraming, ...pieces: (string | Uint8Array)[]): Scan[] {
  const decoder = createScanDecoder(framing);
  return pieces.flatMap((piece) =>
    decoder.feed(typeof piece === 'string' ? Buffer.from(piece, 'latin1') : piece, 0),
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
      decoder.feed(Buffer.from('\x00\xff\x03\x00\x02Q123\x03123\x03\x02Q\x03', 'latin1'), 0),
    ).toEqual([{ text: '123' }]);
    expect(decoder.dropped).toBe(3);
    expect(decoder.feed(Buffer.from('x\x02Q5\x03', 'latin1'), 0)).toEqual([]);
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
    expect(decoder.feed(encodeScan({ text: `${longest}x` }, framing), 0)).toEqual([]);
    expect(decoder.feed(encodeScan({ text: 'y'.repeat(100_000) }, framing), 0)).toEqual([]);
    expect(decoder.dropped).toBe(2);
    expect(decoder.feed(encodeScan({ text: 'next' }, framing), 0)).toEqual([{ text: 'next' }]);
  });

  test('a code that never ends is counted once, when it is too long, and once with its end', () => {
    const decoder = createScanDecoder({ suffix: '\r' });
    for (let line = 0; line < 2000; line++) decoder.feed(Buffer.from('8991002101234\n'), 0);
    expect(decoder.dropped).toBe(1);
    expect(decoder.feed(Buffer.from('\r42\r'), 0)).toEqual([{ text: '42' }]);
    expect(decoder.dropped).toBe(1);
  });

  test('where AIM identifiers are switched on, a reading without one is none; where off, nothing is taken for one', () => {
    expect(scansOf({ aim: true }, ']E0123\r123\r')).toEqual([{ text: '123', aim: 'E0' }]);
    expect(scansOf({ aim: false }, ']E0123\r')).toEqual([{ text: ']E0123' }]);
  });

  test('the rest of a code whose end was lost is no part of a code that comes later', () => {
    const decoder = createScanDecoder();
    expect(decoder.feed(Buffer.from('89910021'), 0)).toEqual([]);
    expect(decoder.feed(Buffer.from('899100210'), 1001)).toEqual([]);
    expect(decoder.feed(Buffer.from('1234\r'), 2001)).toEqual([{ text: '8991002101234' }]);
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
  const layout = parseReportDescriptor(bootDescriptor);
  const typed = (...reports: Uint8Array[]): string => {
    const keys = layout && createKeyReports(layout);
    let before: readonly number[] = [];
    const characters = reports.flatMap((report) => {
      const down = keys?.report(report) ?? before;
      const presses = pressesBetween(before, down);
      before = down;
      return presses.flatMap((press) => characterOfPress(press) ?? []);
    });
    return String.fromCharCode(...characters);
  };
  const report = (usage: number, modifiers = 0): Uint8Array =>
    Uint8Array.of(modifiers, 0, usage, 0, 0, 0, 0, 0);

  /** Captured from a scanner that reads 6957842208856, node-hid issue #323. It closes with Enter and Ctrl-Shift-J. */
  const captured = [
    ...[0x23, 0x26, 0x22, 0x24, 0x25, 0x21, 0x1f, 0x1f, 0x27, 0x25, 0x25, 0x22, 0x23, 0x28].flatMap(
      (usage) => [report(0), report(usage)],
    ),
    ...[report(0, 0x03), report(0x0d, 0x03), report(0, 0x03), report(0)],
  ];

  test('a captured reading is one code', () => {
    expect(texts(Buffer.from(typed(...captured), 'latin1'))).toEqual(['6957842208856']);
  });

  test('every printable ASCII character comes back as itself', () => {
    const all = Array.from({ length: 95 }, (_, index) => String.fromCharCode(0x20 + index)).join(
      '',
    );
    expect(typed(...wedgeReports(all))).toBe(all);
    expect(typed(...wedgeReports('112233\r'))).toBe('112233\r');
  });

  test('Shift of either side, keypad digits, and the group separator as Ctrl-]', () => {
    expect(typed(report(0x04, 0x20))).toBe('A');
    expect(typed(report(0x59), report(0x62), report(0x58))).toBe('10\r');
    expect(typed(report(0x30, 0x01))).toBe('\x1d');
  });

  test('Alt, logo and unknown keys type nothing', () => {
    const keys = [report(0x04, 0x04), report(0), report(0x04, 0x08), report(0x3a), report(0xff)];
    expect(typed(...keys)).toBe('');
  });
});
