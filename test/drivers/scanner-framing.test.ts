// What three scans of goods tell of a scanner's settings: every prefix and suffix, AIM on and off, and when it is not clear.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkDigit } from '../../drivers/scanner/barcode.ts';
import { createScanDecoder, encodeScan } from '../../drivers/scanner/codec.ts';
import { learnFraming } from '../../drivers/scanner/framing.ts';

const bytes = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const goods = ['8992761136116', '6291041500213', '96385074'];
const scansWith = (before: string, after: string, codes = goods): Uint8Array[] =>
  codes.map((code) => bytes(`${before}${code}${after}`));

describe('learned', () => {
  test.each(['\r', '\n', '\r\n'])('the usual suffix %j is left out of the configuration', (end) => {
    expect(learnFraming(scansWith('', end))).toEqual({
      kind: 'learned',
      framing: { prefix: '', aim: false },
    });
  });

  test.each([
    ['\x02', '\x03'],
    ['Q', '\t'],
    ['', '\r\r'],
    ['~12', '##'],
    ['9', '0\r'],
  ])('prefix %j and suffix %j', (prefix, suffix) => {
    expect(learnFraming(scansWith(prefix, suffix))).toEqual({
      kind: 'learned',
      framing: { prefix, suffix, aim: false },
    });
  });

  test('AIM identifiers, which differ between EAN-13 and EAN-8, after the prefix', () => {
    const scans = [']E08992761136116', ']E06291041500213', ']E496385074'].map((text) =>
      bytes(`\x02${text}\r`),
    );
    expect(learnFraming(scans)).toEqual({
      kind: 'learned',
      framing: { prefix: '\x02', aim: true },
    });
  });

  test('one article three times will do', () => {
    expect(learnFraming(scansWith('', '\r', Array<string>(3).fill('8992761136116')))).toEqual({
      kind: 'learned',
      framing: { prefix: '', aim: false },
    });
  });

  test('one code three times is read as a whole: digits beside a code of goods make it another code', () => {
    // Within the eleven digits of a claim, 34567890 has a right check digit by chance.
    const claim = 'KLAIM12345678901';
    expect(learnFraming(scansWith('', '\r', [claim, claim, claim]))).toEqual({
      kind: 'no-code',
      scan: 1,
    });
  });

  test('what was learned reads the same goods again, whatever the scanner is set to', () => {
    const affix = fc.string({
      unit: fc.constantFrom('\x02', '\x03', '*', 'Q', '~', '\t'),
      maxLength: 8,
    });
    const article = fc.stringMatching(/^\d{12}$/).map((body) => `${body}${checkDigit(body)}`);
    fc.assert(
      fc.property(
        fc.array(article, { minLength: 3, maxLength: 3 }),
        affix,
        affix,
        fc.boolean(),
        (codes, prefix, suffix, aim) => {
          const set = { prefix, suffix: `${suffix}\r`.slice(-8) };
          const scans = codes.map((text) => encodeScan(aim ? { text, aim: 'E0' } : { text }, set));
          const learned = learnFraming(scans);
          if (learned.kind !== 'learned') throw new Error(learned.kind);
          const decoder = createScanDecoder(learned.framing);
          const read = scans.flatMap((scan) => decoder.feed(scan, 0));
          expect(read.map(({ text }) => text)).toEqual(codes);
          expect(read.map((scan) => scan.aim)).toEqual(codes.map(() => (aim ? 'E0' : undefined)));
        },
      ),
    );
  });
});

describe('not clear', () => {
  test.each([
    [
      'a code without a check digit',
      scansWith('', '\r', ['8992761136116', 'KLAIM123', '96385074']),
      { kind: 'no-code', scan: 2 },
    ],
    [
      'garbage of a wrong baud rate',
      [bytes('\xfe\x80\x00\xff'.repeat(5))],
      { kind: 'no-code', scan: 1 },
    ],
    ['nothing after the code', scansWith('', ''), { kind: 'no-suffix' }],
    ['nine characters before it', scansWith('*********', '\r'), { kind: 'affix-too-long' }],
    [
      'another end each time',
      ['\r', '\t', '\n'].map((end, index) => bytes(`${goods[index]}${end}`)),
      { kind: 'differ' },
    ],
    ['no scan at all', [], { kind: 'differ' }],
  ])('%s', (_name, scans, learned) => {
    expect(learnFraming(scans)).toEqual(learned);
  });

  test('random bytes never throw', () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 3 }), (scans) => {
        learnFraming(scans);
      }),
    );
  });
});
