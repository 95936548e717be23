// Prices inside of a scale's EAN-13: each split, each check digit, and that nothing else is ever taken for a price.
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { checkDigit } from '../../drivers/scanner/barcode.ts';
import {
  priceCheckDigit,
  readPriceLabel,
  type PriceLabelLayout,
} from '../../drivers/scanner/price-label.ts';

const ean = (body: string): string => `${body}${checkDigit(body)}`;
const usual: PriceLabelLayout = { prefixes: ['21'], itemDigits: 5, priceDigits: 5, stepIdr: 1 };

describe('a split of the configuration', () => {
  test.each([
    [usual, '210012315000', { item: '2100123', priceIdr: 15_000 }],
    [
      { ...usual, itemDigits: 4, priceDigits: 6 },
      '210123015000',
      { item: '210123', priceIdr: 15_000 },
    ],
    [{ ...usual, priceDigits: 4 }, '210012371500', { item: '2100123', priceIdr: 1_500 }],
    [{ ...usual, stepIdr: 100 }, '210012300150', { item: '2100123', priceIdr: 15_000 }],
    [{ ...usual, prefixes: ['20', '21'] }, '200012315000', { item: '2000123', priceIdr: 15_000 }],
  ])('%j reads %s', (layout, body, label) => {
    expect(readPriceLabel({ text: ean(body) }, layout)).toEqual(label);
  });

  test('a code of another prefix, length, family or check digit has no price', () => {
    const right = ean('210012315000');
    const wrong = `${right.slice(0, -1)}${(Number(right.at(-1)) + 1) % 10}`;
    for (const text of [ean('220012315000'), ean('899100210123'), ean('21001231500'), wrong]) {
      expect(readPriceLabel({ text }, usual)).toBeUndefined();
    }
    expect(readPriceLabel({ text: right, aim: 'C0' }, usual)).toBeUndefined();
    expect(readPriceLabel({ text: right, aim: 'E0' }, usual)).toBeDefined();
    expect(readPriceLabel({ text: `${right}05`, aim: 'E3' }, usual)?.priceIdr).toBe(15_000);
  });
});

describe('the check digit of a price (GS1 General Specifications §7.9.3)', () => {
  const checked: PriceLabelLayout = { ...usual, priceDigits: 4, priceCheck: true };

  test('of four and five digits', () => {
    expect(priceCheckDigit('2875')).toBe(9);
    expect(priceCheckDigit('14685')).toBe(6);
    expect(priceCheckDigit('0000')).toBe(0);
    expect(priceCheckDigit('00000')).toBe(0);
  });

  test('a wrong one is no label, where the operator says that there is one', () => {
    expect(readPriceLabel({ text: ean('210012392875') }, checked)?.priceIdr).toBe(2_875);
    expect(readPriceLabel({ text: ean('210012382875') }, checked)).toBeUndefined();
    expect(
      readPriceLabel({ text: ean('210012382875') }, { ...checked, priceCheck: false }),
    ).toEqual({
      ...{ item: '2100123', priceIdr: 2_875 },
    });
  });

  test('any single digit of a price misread is found by it', () => {
    fc.assert(
      fc.property(
        fc.stringMatching(/^\d{4,5}$/),
        fc.nat(4),
        fc.integer({ min: 1, max: 9 }),
        (price, place, by) => {
          const at = place % price.length;
          const digit = (Number(price[at]) + by) % 10;
          const misread = `${price.slice(0, at)}${digit}${price.slice(at + 1)}`;
          expect(priceCheckDigit(misread)).not.toBe(priceCheckDigit(price));
        },
      ),
    );
  });
});

test('no text ever throws', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string(), fc.stringMatching(/^2\d{12}$/)), (text) => {
      readPriceLabel({ text }, { ...usual, priceDigits: 4, priceCheck: true });
    }),
  );
});
