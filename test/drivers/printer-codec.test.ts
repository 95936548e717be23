// The printer's codec: golden bytes, lines that fit, QRs that a phone reads back from the emulator's paper.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { PrintDocument } from '../../drivers/device.ts';
import { printable } from '../../drivers/printer/code-page.ts';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { EscPosInterpreter } from '../../drivers/printer/interpreter.ts';
import { pairLines, wrap } from '../../drivers/printer/layout.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import { paperPng } from '../../drivers/printer/simulator.ts';
import { budgetSlip, qrisText, readQr, receipt } from './printer-slips.ts';

const generic58 = printerProfiles['generic-58'];
const profiles: PrinterProfile[] = Object.values(printerProfiles);

function golden(name: string): string {
  return readFileSync(new URL(`golden/printer/${name}.hex`, import.meta.url), 'utf8').trim();
}

function printed(
  pieces: Iterable<Uint8Array>,
  profile: PrinterProfile,
): { sheets: Sheet[]; unknown: number } {
  const sheets: Sheet[] = [];
  const emulator = new EscPosInterpreter(profile, {
    onSheet: (sheet) => sheets.push(sheet),
    onQuestion: () => undefined,
  });
  for (const piece of pieces) emulator.feed(piece);
  return { sheets, unknown: emulator.unknownCommands };
}

function onlySheet(document: PrintDocument, profile: PrinterProfile): Sheet {
  const { sheets, unknown } = printed([encodeDocument(document, profile)], profile);
  const [sheet] = sheets;
  if (sheet === undefined || sheets.length > 1 || unknown > 0) throw new Error('not one sheet');
  return sheet;
}

const textOf = (text: string): PrintDocument => ({ blocks: [{ kind: 'text', text }] });

describe('the bytes of a slip', () => {
  test('with a native QR they are the golden ones', () => {
    expect(Buffer.from(encodeDocument(budgetSlip, generic58)).toString('hex')).toBe(
      golden('slip-generic-58'),
    );
  });

  test('with a picture of the QR they are the golden ones', () => {
    const bytes = encodeDocument(budgetSlip, printerProfiles['basic-58']);
    expect(Buffer.from(bytes).toString('hex')).toBe(golden('slip-basic-58'));
  });

  test('a native QR slip is at most 445 bytes, a picture at most a quarter of 14,870', () => {
    expect(qrisText).toHaveLength(232);
    expect(encodeDocument(budgetSlip, generic58).length).toBeLessThanOrEqual(445);
    const picture = encodeDocument(budgetSlip, printerProfiles['basic-80']);
    expect(picture.length).toBeLessThanOrEqual(14_870 / 4);
  });

  test('they begin with ESC @ and end with a cut', () => {
    const bytes = encodeDocument({ blocks: [] }, generic58);
    expect([...bytes]).toEqual([0x1b, 0x40, 0x1c, 0x2e, 0x1b, 0x74, 0, 0x1d, 0x56, 66, 0]);
  });

  test('no picture holds the bytes of a real-time command', () => {
    const bytes = Buffer.from(encodeDocument(budgetSlip, printerProfiles['basic-80']));
    expect(bytes.includes(Buffer.of(0x10, 0x04))).toBe(false);
  });

  test('are all there however long it is, and stay as they are when the next slip is made', () => {
    const lines = Array.from({ length: 900 }, (_, i) => `baris ${i}`);
    const long = encodeDocument(textOf(lines.join('\n')), generic58);
    const kept = Buffer.from(long).toString('latin1');
    expect(kept.slice(7, -4)).toBe(`${lines.join('\n')}\n`);
    const short = encodeDocument(receipt, generic58);
    const shortKept = Buffer.from(short).toString('hex');
    encodeDocument(budgetSlip, generic58);
    expect(Buffer.from(long).toString('latin1')).toBe(kept);
    expect(Buffer.from(short).toString('hex')).toBe(shortKept);
  });

  test('a QR that does not fit on the paper, an empty one and an endless slip are refused', () => {
    const qr = (text: string): PrintDocument => ({ blocks: [{ kind: 'qr', text }] });
    expect(() => encodeDocument(qr('x'.repeat(2300)), generic58)).toThrow(RangeError);
    for (const profile of profiles) {
      expect(() => encodeDocument(qr('x'.repeat(9000)), profile)).toThrow(RangeError);
      expect(() => encodeDocument(qr(''), profile)).toThrow(RangeError);
      expect(() => encodeDocument(textOf('x'.repeat(70_000)), profile)).toThrow(RangeError);
    }
  });
});

describe('text', () => {
  test('what the code page lacks is written with what it has', () => {
    expect(printable('“Rp\u00a015.000” – 2 × teh… → ok', 'pc437')).toBe(
      '"Rp 15.000" - 2 x teh... -> ok',
    );
    expect(printable('café Ōsaka', 'pc437')).toBe('café Osaka');
    expect(printable('ﬁlter ½ ş', 'wpc1252')).toBe('filter ½ s');
    expect(printable('茶 🍵', 'pc437')).toBe('? ?');
  });

  test('a letter of the upper half is its byte in the code page', () => {
    const bytes = [...encodeDocument(textOf('é'), generic58)];
    expect(bytes.slice(7, 9)).toEqual([0x82, 0x0a]);
  });

  test('never carries a command', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (text) => {
        const safe = printable(text, 'pc437');
        expect(Array.from(safe).every((one) => one === '\n' || one >= ' ')).toBe(true);
      }),
    );
    expect(onlySheet(textOf('a\u001b@\u001dV\u0000b'), generic58).text).toEqual(['a?@?V?b']);
  });

  const words = fc.stringMatching(/^[a-z \n]{0,120}$/);
  const columns = fc.integer({ min: 4, max: 48 });

  test('wrapped lines fit and lose nothing but spaces', () => {
    fc.assert(
      fc.property(words, columns, (text, width) => {
        const lines = wrap(text, width);
        expect(lines.every((line) => line.length <= width)).toBe(true);
        expect(lines.join('').replaceAll(' ', '')).toBe(text.replace(/[ \n]/g, ''));
      }),
    );
  });

  test('a word goes to the next line whole when it fits there', () => {
    expect(wrap('kopi susu gula aren', 10)).toEqual(['kopi susu', 'gula aren']);
    expect(wrap('abcdefghijkl mno', 5)).toEqual(['abcde', 'fghij', 'kl', 'mno']);
  });

  test('the right text of a pair stands at the edge and is never cut', () => {
    fc.assert(
      fc.property(words, fc.stringMatching(/^Rp [0-9.]{1,12}$/), columns, (left, right, width) => {
        const lines = pairLines(left, right, width);
        expect(lines.every((line) => line.length <= width)).toBe(true);
        if (right.length > width) return;
        expect(lines.at(-1)).toHaveLength(width);
        expect(lines.at(-1)?.endsWith(right)).toBe(true);
      }),
    );
    expect(pairLines('Kopi', 'Rp 5', 12)).toEqual(['Kopi    Rp 5']);
    expect(pairLines('Kopi susu gula', 'Rp 15.000', 12)).toEqual([
      'Kopi susu',
      'gula',
      '   Rp 15.000',
    ]);
  });
});

describe('paper', () => {
  test.each(profiles)('a phone reads the QR from it: $name', (profile) => {
    expect(readQr(onlySheet(budgetSlip, profile))).toBe(qrisText);
  });

  test('the QR has whole dots and four blank modules on all sides of it', () => {
    const { bitmap, widthDots, heightDots } = onlySheet(
      { blocks: [{ kind: 'qr', text: qrisText }] },
      printerProfiles['basic-58'],
    );
    const black = [...bitmap.keys()].filter((i) => bitmap[i] === 1);
    const rows = black.map((i) => Math.floor(i / widthDots));
    const columns = black.map((i) => i % widthDots);
    const bounds = (all: number[]): [number, number] => [
      all.reduce((a, b) => Math.min(a, b)),
      all.reduce((a, b) => Math.max(a, b)),
    ];
    const [top, bottom] = bounds(rows);
    const [left, right] = bounds(columns);
    const dots = (right - left + 1) / 49;
    expect(dots).toBe(6);
    expect(bottom - top).toBe(right - left);
    const paperEdge = (464 - widthDots) / 2;
    const quiet = [top, heightDots - 1 - bottom, left + paperEdge];
    expect(Math.min(...quiet)).toBeGreaterThanOrEqual(4 * dots);
  });

  test('a receipt reads as one, line by line', () => {
    expect(onlySheet(receipt, generic58).text).toEqual([
      'KIOS KOPI',
      'NUSANTARA',
      'Jl. Sudirman 1, Jakarta',
      '-'.repeat(32),
      '1 Kopi susu gula aren "besar"',
      '                       Rp 18.000',
      '2 Roti bakar cokelat keju',
      'spesial                Rp 24.000',
      '-'.repeat(32),
      'TOTAL                  Rp 42.000',
      'Lunas - terima kasih!',
    ]);
  });

  test('is the same however the bytes are cut into pieces', () => {
    const look = (pieces: Uint8Array[], profile: PrinterProfile): string => {
      const { sheets, unknown } = printed(pieces, profile);
      const dots = sheets.map(({ bitmap }) => createHash('sha256').update(bitmap).digest('hex'));
      return JSON.stringify([unknown, dots, sheets.map(({ text, cut }) => [text, cut])]);
    };
    const slip: PrintDocument = {
      blocks: [
        { kind: 'text', text: 'é', size: 'double', align: 'centre', bold: true },
        { kind: 'qr', text: 'RP15000' },
        { kind: 'pair', left: 'a', right: 'b' },
        { kind: 'feed', lines: 2 },
      ],
    };
    for (const profile of [generic58, printerProfiles['basic-80']]) {
      const bytes = encodeDocument(slip, profile);
      const whole = look([bytes], profile);
      for (let at = 1; at < bytes.length; at++) {
        expect(look([bytes.subarray(0, at), bytes.subarray(at)], profile)).toBe(whole);
      }
      const single = Array.from(bytes, (byte) => Uint8Array.of(byte));
      expect(look(single, profile)).toBe(whole);
    }
  });

  test('random bytes never stop the emulator, and commands that it does not know are counted', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        printed([bytes, encodeDocument(receipt, generic58)], generic58);
      }),
      { numRuns: 300 },
    );
    expect(printed([Uint8Array.of(0x1b, 0x7f, 0x1d, 0x7f, 0x07)], generic58).unknown).toBe(3);
  });

  test('a slip that was corrupted at any byte never stops the emulator', () => {
    const bytes = encodeDocument({ blocks: [{ kind: 'qr', text: 'RP15000' }] }, generic58);
    for (let at = 0; at < bytes.length; at++) {
      const bad = Uint8Array.from(bytes);
      bad[at] = (bad[at] ?? 0) ^ 0xff;
      expect(() => printed([bad], generic58)).not.toThrow();
    }
  });

  test('becomes a PNG with its edges', async () => {
    const png = await paperPng(onlySheet(receipt, generic58));
    expect(png.subarray(1, 4).toString()).toBe('PNG');
    expect(png.readUInt32BE(16)).toBe(384 + 2 * 32);
  });
});
