// Rupiah as people read them, and the names of sales.
import { expect, test } from 'vitest';
import { kioskOfSale, saleId, shortSaleId } from '../../src/protocol/ids.ts';
import { amountIdr, formatRupiah } from '../../src/protocol/money.ts';

test.each([
  [0, 'Rp 0'],
  [700, 'Rp 700'],
  [15_000, 'Rp 15.000'],
  [10_000_000, 'Rp 10.000.000'],
  [-2500, '-Rp 2.500'],
])('%i is written %s', (amount, text) => {
  expect(formatRupiah(amount)).toBe(text);
});

test.each([0, -1, 1.5, 10_000_001, Number.NaN])('%d is no amount', (amount) => {
  expect(amountIdr.safeParse(amount).success).toBe(false);
});

test('a sale id is a kiosk and a ULID', () => {
  const id = 'ksk01-01JD0000000000000000000ABC';
  expect(saleId.safeParse(id).success).toBe(true);
  expect(kioskOfSale(id)).toBe('ksk01');
  expect(shortSaleId(id)).toBe('0ABC');
  for (const bad of [
    'KSK01-01JD0000000000000000000ABC',
    'ksk01-81JD0000000000000000000ABC',
    'ksk01-01JD',
    `${id}X`,
  ]) {
    expect(saleId.safeParse(bad).success, bad).toBe(false);
    expect(kioskOfSale(bad)).toBeUndefined();
  }
});
