// What is sent to a printer and what it answers, byte by byte beside the place in Epson's manuals that says so.
// `web` is the "ESC/POS Command Reference for TM Printers", download4.epson.biz/sec_pubs/pos/reference_en/escpos/<page>.html;
// `guide` the "ESC/POS Application Programming Guide, Paper Roll Printers", version 10.01; the others are Epson's
// "Specification (STANDARD)" of that model, by sheet.
import { describe, expect, test } from 'vitest';
import type { PrintDocument } from '../../drivers/device.ts';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import {
  asbRequest,
  clearAnswer,
  clearRequest,
  fenceRequest,
} from '../../drivers/printer/status.ts';
import { parseAsb, parseFence, parseStatus, replyKind } from '../../drivers/printer/status.ts';
import { statusRequest, type PrinterStatus } from '../../drivers/printer/status.ts';
import { budgetSlip, qrisText } from './printer-slips.ts';

/** Command, its bytes, what they mean there, and where that stands. */
type Row = readonly [command: string, hex: string, meaning: string, place: string];

const hexOf = (bytes: Iterable<number>): string => Buffer.from([...bytes]).toString('hex');
const bytesOf = (rows: readonly Row[]): string =>
  rows.map(([, hex]) => hex.replaceAll(' ', '')).join('');
const qrHex = Buffer.from('RP15000').toString('hex');

const begins: readonly Row[] = [
  ['ESC @', '1b 40', 'initialize printer', 'TM-T90 rev. F, sheet 87'],
  ['FS .', '1c 2e', 'cancel Kanji character mode', 'TM-P60 rev. E, sheet 106'],
  ['ESC t n', '1b 74 00', 'page 0: PC437', "TM-T85 operator's manual, 5-32"],
];
const slip: readonly Row[] = [
  ...begins,
  ['ESC a n', '1b 61 01', 'n = 1: centred', 'web, esc_la'],
  ['GS ! n', '1d 21 11', '10H: double width, 01H: double height', 'guide, p. 150'],
  ['ESC E n', '1b 45 01', 'lowest bit 1: emphasized', 'TM-T90 rev. F, sheet 88'],
  ['A, LF', '41 0a', 'print and line feed', "TransAct's iTherm 280 guide (TM-T90), p. 187"],
  ['GS ! n', '1d 21 00', '1 × 1', 'guide, p. 150'],
  ['ESC E n', '1b 45 00', 'lowest bit 0: not', 'TM-T90 rev. F, sheet 88'],
  ['LF', '0a', '', ''],
  [
    'GS ( k 165',
    '1d 28 6b 04 00 31 41 32 00',
    'n1 = 50: model 2, n2 = 0',
    'TM-T81 rev. A, sheet 95',
  ],
  ['GS ( k 167', '1d 28 6b 03 00 31 43 08', 'module of 8 dots', 'web, gs_lparen_lk_fn167'],
  ['GS ( k 169', '1d 28 6b 03 00 31 45 31', 'n = 49: level M', 'TM-T81 rev. A, sheet 96'],
  ['GS ( k 180', `1d 28 6b 0a 00 31 50 30 ${qrHex}`, 'k = pL + 256 pH - 3', 'guide, p. 533'],
  ['GS ( k 181', '1d 28 6b 03 00 31 51 30', 'm = 48: print the symbol', 'guide, p. 535'],
  ['LF', '0a', '', ''],
  ['ESC a n', '1b 61 00', 'n = 0: left', 'web, esc_la'],
  ['a   b, LF', `61${'20'.repeat(30)}62 0a`, '', ''],
  ['ESC d n', '1b 64 03', 'print and feed 3 lines', 'TM-T88III rev. B, sheet 104'],
  [
    'GS V m n',
    '1d 56 42 00',
    'm = 66, n = 0: feed to the cutter, cut',
    'TM-H5000II rev. E, sheet 160',
  ],
];
const slipDocument: PrintDocument = {
  blocks: [
    { kind: 'text', text: 'A', align: 'centre', size: 'double', bold: true },
    { kind: 'qr', text: 'RP15000' },
    { kind: 'pair', left: 'a', right: 'b' },
    { kind: 'feed', lines: 3 },
  ],
};

describe('what is sent', () => {
  test('a slip is these commands, each with the bytes of the manual, and no other byte', () => {
    const sent = encodeDocument(slipDocument, printerProfiles['generic-58']);
    expect(hexOf(sent)).toBe(bytesOf(slip));
  });

  test('without a cutter it ends with ESC d 4 (print and feed n lines: TM-T88III rev. B, sheet 104)', () => {
    const sent = encodeDocument({ blocks: [] }, printerProfiles['basic-58']);
    expect(hexOf(sent)).toBe(`${bytesOf(begins)}1b6404`);
  });

  // By Samsung's SRP-275 operator's manual, 5-32, which has Epson's table; no page of Epson's own that could be had lists 16.
  test('the other code page is ESC t 16, WPC1252', () => {
    const profile: PrinterProfile = { ...printerProfiles['generic-58'], codePage: 'wpc1252' };
    expect(hexOf(encodeDocument({ blocks: [] }, profile)).slice(8, 14)).toBe('1b7410');
  });

  test.each(Object.values(printerProfiles).filter(({ nativeQr }) => nativeQr))(
    '$name: GS ( k has 1 to 16 dots (guide, p. 531) and 4 to 7092 bytes (guide, p. 533)',
    (profile) => {
      const sent = Buffer.from(encodeDocument(budgetSlip, profile));
      const size = sent.indexOf(Buffer.from('1d286b03003143', 'hex'));
      const dots = sent[size + 7] ?? 0;
      expect(dots).toBeGreaterThanOrEqual(1);
      expect(dots).toBeLessThanOrEqual(16);
      const store = sent.indexOf(Buffer.from('315030', 'hex')) - 2;
      expect(sent.readUInt16LE(store)).toBe(3 + qrisText.length);
      expect(sent.subarray(store + 5, store + 5 + qrisText.length).toString()).toBe(qrisText);
    },
  );

  test.each(Object.values(printerProfiles).filter(({ nativeQr }) => !nativeQr))(
    '$name: GS v 0 m xL xH yL yH d1…dk, m 0 to 3, up to 128 × 4095 (TM-T90 rev. F, App. 1)',
    (profile) => {
      const document: PrintDocument = { blocks: [{ kind: 'qr', text: qrisText }] };
      const sent = Buffer.from(encodeDocument(document, profile));
      let at = sent.indexOf(Buffer.from('1d7630', 'hex'));
      expect(hexOf(sent.subarray(0, at))).toBe(`${bytesOf(begins)}1b61010a`);
      const [widths, heights]: [number[], number[]] = [[], []];
      while (sent[at] === 0x1d) {
        expect(hexOf(sent.subarray(at, at + 3))).toBe('1d7630');
        expect(sent[at + 3]).toBeLessThanOrEqual(3);
        const [across, down] = [sent.readUInt16LE(at + 4), sent.readUInt16LE(at + 6)];
        for (const [value, most] of [[across, 128] as const, [down, 4095] as const]) {
          expect(value).toBeGreaterThanOrEqual(1);
          expect(value).toBeLessThanOrEqual(most);
        }
        widths.push(across);
        heights.push(down);
        at += 8 + across * down;
      }
      // A QR is as wide as it is high, and every band as wide as it is: x counts bytes, y dots.
      const side = heights.reduce((sum, rows) => sum + rows);
      expect([...new Set(widths)]).toEqual([Math.ceil(side / 8)]);
      expect(hexOf(sent.subarray(at))).toBe('0a1b6404');
    },
  );

  const requests: readonly (readonly [...Row, Iterable<number>])[] = [
    ['DLE EOT n', '10 04 01', 'printer status', 'web, dle_eot', statusRequest(1)],
    ['DLE EOT n', '10 04 02', 'offline cause', 'web, dle_eot', statusRequest(2)],
    ['DLE EOT n', '10 04 03', 'error cause', 'web, dle_eot', statusRequest(3)],
    ['DLE EOT n', '10 04 04', 'roll paper sensor', 'web, dle_eot', statusRequest(4)],
    ['GS r n', '1d 72 01', 'paper sensor, after printing', 'web, gs_lr', fenceRequest],
    [
      'GS a n',
      '1d 61 0e 1d 61 00',
      'bits 1, 2, 3: online, error, paper: sent at once; then none',
      'web, gs_la',
      asbRequest,
    ],
    [
      'DLE DC4 fn d1…d7',
      '10 14 08 01 03 14 01 06 02 08',
      'clear buffers',
      'TM-T90 rev. F, sheet 80',
      clearRequest,
    ],
    ['its answer', '37 25 00', 'header, identifier, NUL', 'guide, p. 395', clearAnswer],
  ];
  test.each(requests)('%s is %s: %s (%s)', (_command, hex, _meaning, _place, bytes) => {
    expect(hexOf(bytes)).toBe(hex.replaceAll(' ', ''));
  });
});

const meaningOf = (status: PrinterStatus | undefined): string =>
  status === undefined
    ? 'none'
    : Object.entries(status)
        .flatMap(([name, on]) => (on === true ? [name] : []))
        .join(' ');

describe('what is answered', () => {
  // web, dle_eot: fixed are bits 0 (off), 1 (on), 4 (on), 7 (off). Every bit alone, as its table has it.
  test.each([
    [1, '00010010', ''],
    [1, '00010110', ''], // Drawer kick-out connector pin 3 is HIGH.
    [1, '00011010', 'offline'],
    [1, '00110010', ''], // Waiting for online recovery.
    [1, '01010010', ''], // The paper feed button is being pressed.
    [2, '00010010', ''],
    [2, '00010110', 'coverOpen'],
    [2, '00011010', ''], // Paper is being fed by the button.
    [2, '00110010', 'paperOut'], // Printing stops due to a paper end.
    [2, '01010010', ''], // An error occurred: DLE EOT 3 says which.
    [3, '00010010', ''],
    [3, '00010110', 'error'], // A recoverable one.
    [3, '00011010', 'cutterError'],
    [3, '00110010', 'error'], // An unrecoverable one.
    [3, '01010010', 'overheat'], // One that it recovers from by itself.
    [4, '00010010', ''],
    [4, '00011110', 'paperLow'], // Near-end sensor, both bits.
    [4, '01110010', 'paperOut'], // End sensor, both bits.
  ] as const)('DLE EOT %i: %s is "%s"', (topic, bits, meaning) => {
    expect(meaningOf(parseStatus(topic, Number.parseInt(bits, 2)))).toBe(meaning);
  });

  // web, gs_lr: bits 0 and 1 near-end sensor, bits 2 and 3 end sensor, bits 4 and 7 fixed.
  test.each([
    ['00000000', ''],
    ['00000011', 'paperLow'],
    ['00001100', 'paperOut'],
    ['01100000', ''], // Reserved.
    ['00010000', 'none'],
    ['10000000', 'none'],
  ])('GS r 1: %s is "%s"', (bits, meaning) => {
    expect(meaningOf(parseFence(Number.parseInt(bits, 2)))).toBe(meaning);
  });

  // web, gs_la: the tables of the four bytes, and at the end the two statuses of its own example.
  test.each([
    ['00010000 00000000 00000000 00000000', ''],
    ['00010100 00000000 00000000 00000000', ''], // Drawer pin.
    ['00011000 00000000 00000000 00000000', 'offline'],
    ['00110000 00000000 00000000 00000000', 'coverOpen'],
    ['01010000 00000000 00000000 00000000', ''], // Fed by the button.
    ['00010000 00000001 00000000 00000000', ''], // Waiting for online recovery.
    ['00010000 00000010 00000000 00000000', ''], // The button is pushed.
    ['00010000 00000100 00000000 00000000', 'error'], // Recoverable.
    ['00010000 00001000 00000000 00000000', 'cutterError'],
    ['00010000 00100000 00000000 00000000', 'error'], // Unrecoverable.
    ['00010000 01000000 00000000 00000000', 'overheat'],
    ['00010000 00000000 00000011 00000000', 'paperLow'],
    ['00010000 00000000 00001100 00000000', 'paperOut'],
    ['00010000 00000000 01100000 01101111', ''], // Reserved.
    ['00111000 00000000 01100011 00001111', 'offline coverOpen paperLow'],
    ['00010000 00000000 01100011 00001111', 'paperLow'],
  ])('the automatic status %s is "%s"', (bits, meaning) => {
    const bytes = bits.split(' ').map((byte) => Number.parseInt(byte, 2));
    expect(meaningOf(parseAsb(bytes))).toBe(meaning);
  });

  // TM-T88III rev. B, App. 10, table G.1 "Transmission Status Identification"; an asterisk is either. In its order of rank.
  const identification = [
    ['flow', '00010001'],
    ['flow', '00010011'],
    ['clear', '00110111'],
    ['status', '0**1**10'],
    ['asb', '0**1**00'],
    ['fence', '0**0****'],
  ] as const;
  test('each of the 256 bytes is what the table of fixed bits makes of it', () => {
    for (let byte = 0; byte < 256; byte++) {
      const bits = byte.toString(2).padStart(8, '0');
      const row = identification.find(([, fixed]) =>
        Array.from(fixed).every((bit, i) => bit === '*' || bit === bits[i]),
      );
      expect(replyKind(byte), bits).toBe(row?.[0] ?? 'noise');
    }
  });
});
