// QRIS: against the published check value and the worked example of the reference, and under random text.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  checkQris,
  crc16,
  formatTlv,
  parseQris,
  parseTlv,
  withCrc,
} from '../../src/protocol/qris.ts';

/** A made-up merchant; the CRC was computed by a second implementation. */
const example =
  '00020101021226630015COM.EXAMPLE.WWW011993600000000000000170210G0000000010303UMI51440014ID.CO.QRIS.WWW0215ID10990000000010303UMI520458125303360540815000.005802ID5911KIOS CONTOH6007BANDUNG6105401116247503600000000-0000-4000-8000-0000000000010703A0163048D3C';
const payee = { nmid: 'ID1099000000001', pan: '9360000000000000017' };

/** The example with one object replaced, its CRC made right again. */
function changed(tag: string, value: string): string {
  const objects = [...(parseTlv(example) ?? [])].filter(([name]) => name !== '63');
  return withCrc(formatTlv(objects.map(([name, old]) => [name, name === tag ? value : old])));
}

test('CRC-16/CCITT-FALSE has its published check value', () => {
  expect(crc16('123456789')).toBe('29B1');
});

test('the worked example is read as it was meant', () => {
  expect(parseQris(example)).toEqual({
    ok: true,
    qris: {
      merchant: 'KIOS CONTOH',
      city: 'BANDUNG',
      nmid: 'ID1099000000001',
      pan: '9360000000000000017',
      amountIdr: 15_000,
      currency: '360',
      country: 'ID',
      dynamic: true,
      terminal: 'A01',
    },
  });
});

test('what is taken apart is put together again', () => {
  expect(withCrc(formatTlv([...(parseTlv(example) ?? [])].slice(0, -1)))).toBe(example);
});

describe('before a QR is shown', () => {
  test('the one that was charged passes', () => {
    expect(checkQris(example, 15_000, payee).ok).toBe(true);
  });

  test.each([
    ['another amount', example, 15_001, payee, 'qr-amount'],
    ['no amount', changed('54', '0'), 15_000, payee, 'qr-amount'],
    ['cents', changed('54', '15000.50'), 15_000, payee, 'qr-malformed'],
    ['another currency', changed('53', '840'), 15_000, payee, 'qr-currency'],
    ['another country', changed('58', 'SG'), 15_000, payee, 'qr-currency'],
    ['a static code', changed('01', '11'), 15_000, payee, 'qr-currency'],
    ['another NMID', example, 15_000, { ...payee, nmid: 'ID1099000000002' }, 'qr-merchant'],
    ['another PAN', example, 15_000, { ...payee, pan: '9360000000000000025' }, 'qr-merchant'],
  ])('%s is refused', (_name, text, amount, to, fault) => {
    expect(checkQris(text, amount, to)).toEqual({ ok: false, fault });
  });

  test('one changed character anywhere is found', () => {
    for (let i = 0; i < example.length; i++) {
      const other = example[i] === '1' ? '2' : '1';
      const text = `${example.slice(0, i)}${other}${example.slice(i + 1)}`;
      expect(parseQris(text).ok, `character ${i}`).toBe(false);
    }
  });
});

test('random text is refused and never breaks it', () => {
  fc.assert(
    fc.property(fc.string({ maxLength: 600 }), (text) => {
      expect(parseQris(text).ok).toBe(false);
      expect(parseQris(`000201${text}`).ok).toBe(false);
    }),
  );
});

test('a tag that comes twice is refused', () => {
  expect(parseTlv('000201000201')).toBeUndefined();
});
