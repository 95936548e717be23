// Every slip as it comes out of the printer, read from the paper: in both languages, in each zone, with and without a
// clock, and once more as a copy.
import { describe, expect, test } from 'vitest';
import type { PrintDocument } from '../../drivers/device.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { kioskConfig, kioskExamples } from '../../src/kiosk/config.ts';
import { fateOf, sumUp } from '../../src/kiosk/day-sheet.ts';
import type { PastSale } from '../../src/kiosk/past-sale-row.ts';
import { claimInScan } from '../../src/kiosk/redeem.ts';
import { slipOf, toPastSlip, type SlipSources } from '../../src/kiosk/slip-paper.ts';
import type { Effect, OpenSale } from '../../src/kiosk/state.ts';
import { dayNamed, dayOf, localTime } from '../../src/kiosk/zone.ts';
import { parseConfig } from '../../src/lib/config-file.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { qris, saleA, saleB } from './machine.ts';
import { print, readQr, readText } from './paper.ts';
import { identityFor } from './signer.ts';

type Print = Extract<Effect, { kind: 'print' }>;
type Asked = Print extends infer P ? (P extends Print ? Omit<P, 'kind'> : never) : never;

/** 14:03 in Jakarta. */
const now = '2026-11-22T07:03:00.000Z';
const head = { number: 4711, hash: 'ab'.repeat(32) };
const sale: OpenSale = {
  ...{ saleId: saleA, amountIdr: 24_000, pieces: 2, verdict: 'paid', bootId: 'boot-1' },
  items: [{ id: 'kopi', name: 'Kopi susu', priceIdr: 12_000, quantity: 2 }],
};
const past: PastSale = {
  ...{ saleId: saleA, amountIdr: 24_000, items: sale.items, pieces: 2, verdict: 'paid' },
  ...{ proof: undefined, fulfilment: 'done', honoured: undefined, honouredAt: undefined },
  ...{ begunAt: '2026-11-22T01:00:00.000Z', endedAt: '2026-11-22T01:01:00.000Z' },
};
const owed: PastSale = { ...past, saleId: saleB, amountIdr: 5_000, fulfilment: 'failed' };

interface Setting {
  language?: 'id' | 'en';
  sales?: readonly PastSale[];
  timeZone?: string;
  offsetMs?: number | undefined;
  scanner?: string;
}

function paper(effect: Asked, some: Setting = {}): PrintDocument | string {
  const { language = 'id', sales = [], timeZone = 'Asia/Jakarta', scanner = '' } = some;
  const text = `stateDir: /x\ntimeZone: ${timeZone}\nkeypad: { at: terminal }\ndisplay: { at: terminal }\n${scanner}`;
  const sources: SlipSources = {
    config: parseConfig('kiosk.yaml', text, kioskConfig, kioskExamples),
    identity: identityFor('http://127.0.0.1:1'),
    clock: new VirtualClock(Date.parse(now)),
    journal: {
      find: (saleId) => sales.find((one) => one.saleId === saleId),
      begun: (from, until) =>
        sales.filter(({ begunAt = '' }) => begunAt >= from && begunAt < until),
      head: () => head,
    },
    clockOffsetMs: () => ('offsetMs' in some ? some.offsetMs : 0),
  };
  return slipOf({ kind: 'print', ...effect }, { language }, sources);
}

function slip(effect: Asked, some: Setting = {}): PrintDocument {
  const document = paper(effect, some);
  if (typeof document === 'string') throw new Error(document);
  return document;
}

const read = (effect: Asked, some: Setting = {}): string => readText(slip(effect, some));
const qr = { slip: 'qr', sale, qrString: qris(24_000), leftMs: 180_000 } as const;
const reprint = (one: PastSale) => ({ slip: 'reprint', past: toPastSlip(one) }) as const;
const scanner = 'scanner: { at: "serial:/dev/x" }\n';

test.each([
  ['id', 'STRUK', 'Terima kasih'],
  ['en', 'RECEIPT', 'Thank you'],
] as const)('a receipt in %s', (language, ...words) => {
  const text = read({ slip: 'receipt', sale }, { language });
  for (const word of [...words, '2 x Kopi susu', 'Rp 24.000', '22-11-2026 14:03 WIB', saleA]) {
    expect(text).toContain(word);
  }
});

test.each([
  ['Asia/Jakarta', '14:03 WIB'],
  ['Asia/Makassar', '15:03 WITA'],
  ['Asia/Jayapura', '16:03 WIT'],
])('times are those of %s', (timeZone, time) => {
  expect(read({ slip: 'receipt', sale }, { timeZone })).toContain(`22-11-2026 ${time}`);
});

describe('a QR slip', () => {
  test.each(Object.values(printerProfiles))('is read by a phone from $name', (profile) => {
    expect(readQr(print(slip(qr), profile))).toBe(qris(24_000));
  });

  test('says until when, by the relay’s clock and not by ours', () => {
    expect(read(qr)).toContain('Berlaku sampai 14:06 WIB');
    expect(read(qr, { offsetMs: 3_600_000 })).toContain('Berlaku sampai 15:06 WIB');
    expect(read(qr, { language: 'en' })).toContain('Valid until 14:06 WIB');
  });

  test('is not printed while no time of this start can be trusted; other slips say so', () => {
    const unset = { offsetMs: undefined };
    expect(paper(qr, unset)).toBe('clock-unknown');
    expect(read({ slip: 'receipt', sale }, unset)).toContain('(jam belum disetel)');
    expect(read({ slip: 'receipt', sale }, unset)).not.toContain('14:03');
  });
});

test.each([
  ['id', 'BATAL', 'tidak berlaku lagi'],
  ['en', 'VOID', 'no longer valid'],
] as const)('a VOID slip in %s takes a QR slip back and carries none', (language, ...words) => {
  const document = slip({ slip: 'void', sale }, { language });
  for (const word of [...words, 'Rp 24.000', saleA.slice(-4)]) {
    expect(readText(document).replaceAll('\n', ' ')).toContain(word);
  }
  expect(readQr(print(document))).toBeUndefined();
});

test('the QR of a claim slip is its code and no payment', () => {
  const document = slip({ slip: 'claim', sale }, { scanner });
  const code = claimInScan(readQr(print(document)) ?? '');
  expect(readText(document).replaceAll(' ', '')).toContain(code);
});

describe('a copy', () => {
  test.each([
    ['id', 'SALINAN', 'Dicetak 22-11-2026'],
    ['en', 'COPY', 'Printed 22-11-2026'],
  ] as const)('says so in %s, and has the time of the sale', (language, ...words) => {
    const text = read(reprint(past), { language, sales: [past] });
    for (const word of [...words, '22-11-2026 08:01 WIB', 'Rp 24.000']) {
      expect(text).toContain(word);
    }
    expect(text.match(/14:03/g)).toHaveLength(1);
  });

  test.each([
    ['id', 'BUKTI KLAIM', 'operator dapat mengembalikan'],
    ['en', 'CLAIM SLIP', 'operator can pay'],
  ] as const)('of a claim slip in %s has the sale’s number and no code', (language, ...words) => {
    const owing = { slip: 'claim', sale: { ...sale, saleId: saleB } } as const;
    const first = readQr(print(slip(owing, { scanner, language })));
    const copy = slip(reprint(owed), { sales: [owed], scanner, language });
    const text = readText(copy).replaceAll('\n', ' ');
    for (const word of [...words, 'Rp 5.000', saleB]) expect(text).toContain(word);
    const code = claimInScan(first ?? '');
    expect(code).toHaveLength(11);
    expect(text.replaceAll(' ', '')).not.toContain(code);
    expect(readQr(print(copy))).toBeUndefined();
  });

  test('of a claim that was honoured is a receipt, of the time when its goods came out', () => {
    const honouredAt = '2026-11-22T03:30:00.000Z';
    const honoured = { ...owed, honoured: 'd1', honouredAt };
    const text = read(reprint(honoured), { sales: [honoured] });
    expect(text).toContain('STRUK');
    expect(text).toContain('10:30 WIB');
    expect(text).not.toContain('BUKTI KLAIM');
  });

  test('of a sale whose row was altered is none', () => {
    expect(paper(reprint(past))).toBe('journal-damaged');
  });
});

describe('the day sheet', () => {
  const at = (hour: string): string => `2026-11-22T${hour}:00:00.000Z`;
  const sales: PastSale[] = [
    { ...past, begunAt: at('01') },
    { ...past, saleId: saleB, amountIdr: 6_000, begunAt: at('02') },
    { ...owed, begunAt: at('03') },
    { ...owed, amountIdr: 7_000, honoured: 'd1', begunAt: at('04') },
    { ...owed, amountIdr: 8_000, verdict: 'refunded', begunAt: at('05') },
    { ...owed, amountIdr: 9_000, fulfilment: undefined, begunAt: at('06') },
    { ...owed, amountIdr: 1, verdict: 'cancelled', fulfilment: undefined, begunAt: at('07') },
    { ...past, amountIdr: 99_000, begunAt: '2026-11-21T16:59:59.999Z' },
  ];

  test('counts each sale once, in sums that balance, with the first and the last that was paid', () => {
    const text = read({ slip: 'day' }, { sales });
    for (const line of [
      /22-11-2026 +ksk01/,
      /Terjual 2 +Rp 30\.000/,
      /Klaim dilayani 1 +Rp 7\.000/,
      /Klaim terbuka 1 +Rp 5\.000/,
      /Sedang berjalan 1 +Rp 9\.000/,
      /Dikembalikan 1 +Rp 8\.000/,
      /Tidak dibayar 1 +Rp 1/,
      /Uang diterima 6 +Rp 59\.000/,
      /Penjualan pertama\n +22-11-2026 08:00 WIB/,
      /Penjualan terakhir\n +22-11-2026 13:00 WIB/,
    ]) {
      expect(text).toMatch(line);
    }
  });

  test('carries the hash of the journal’s head, and no QR', () => {
    const document = slip({ slip: 'day' }, { sales, language: 'en' });
    const text = readText(document);
    expect(text).toContain('Journal up to entry 4711:');
    expect(text.replaceAll('\n', '')).toContain(head.hash);
    expect(readQr(print(document))).toBeUndefined();
  });

  test('of a day without sales is a sheet of noughts', () => {
    expect(read({ slip: 'day' })).toMatch(/Uang diterima 0 +Rp 0/);
  });

  test('what is refunded is not sold, whatever the kiosk did; what nobody paid is no money', () => {
    expect(fateOf({ ...past, verdict: 'refunded' })).toBe('refunded');
    expect(fateOf({ ...owed, verdict: 'expired', fulfilment: 'abandoned' })).toBe('unpaid');
    expect(fateOf({ ...owed, verdict: 'paid-late', fulfilment: undefined })).toBe('open');
    const { sums, received } = sumUp(sales);
    const paid = Object.entries(sums).filter(([fate]) => fate !== 'unpaid');
    expect(paid.reduce((sum, [, { sumIdr }]) => sum + sumIdr, 0)).toBe(received.sumIdr);
  });
});

describe('a day', () => {
  test('begins at midnight there', () => {
    const day = { from: '2026-11-21T17:00:00.000Z', until: '2026-11-22T17:00:00.000Z' };
    expect(dayOf(Date.parse('2026-11-21T17:00:00.000Z'), 'Asia/Jakarta')).toEqual(day);
    expect(dayOf(Date.parse('2026-11-22T16:59:59.999Z'), 'Asia/Jakarta')).toEqual(day);
    expect(dayNamed('2026-11-22', 'Asia/Jakarta')).toEqual(day);
    expect(dayNamed('2026-11-22', 'Asia/Jayapura')?.from).toBe('2026-11-21T15:00:00.000Z');
  });

  test('that is none is told', () => {
    for (const text of ['2026-02-30', 'today', '2026-1-1']) {
      expect(dayNamed(text, 'Asia/Jakarta')).toBeUndefined();
    }
    expect(localTime(NaN, 'Asia/Jakarta')).toBe('-');
  });
});
