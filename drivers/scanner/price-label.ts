// A price inside a barcode: an EAN-13 that a shop's own scales print, item and price side by side. PURE.
// Who may print such a label decides what is paid, so nothing is read without the operator's word how it is laid out.
import assert from 'node:assert/strict';
import { readBarcode } from './barcode.ts';
import type { Scan } from '../device.ts';

/**
 * How the shop lays them out. GS1 leaves what follows a prefix of 20 to 29 to the shop (General Specifications
 * §2.1.14.2, restricted circulation numbers): prefix, item, then perhaps a check digit of the price, then the price.
 */
export interface PriceLabelLayout {
  /** Two digits, `20` to `29`. */
  prefixes: readonly string[];
  /** 4 to 6 digits after the prefix say which item it is. */
  itemDigits: number;
  /** 4 to 6 digits before the last one are the price. */
  priceDigits: number;
  /** What one step of these digits is worth. */
  stepIdr: number;
  /** The digit before a price of 4 or 5 digits is its check digit; without this it is not looked at. */
  priceCheck?: boolean;
}

export interface PriceLabel {
  /** Prefix and item: what the catalogue knows it by. */
  item: string;
  priceIdr: number;
}

/** Digits between the prefix and the check digit. */
export const priceLabelRoom = 10;
const prefixDigits = 2;

/** The item and price of a reading; undefined when it is no such label, or a check digit of it is wrong. */
export function readPriceLabel(scan: Scan, layout: PriceLabelLayout): PriceLabel | undefined {
  const { prefixes, itemDigits, priceDigits, stepIdr, priceCheck = false } = layout;
  const checkDigits = priceCheck ? 1 : 0;
  assert(
    itemDigits + checkDigits + priceDigits <= priceLabelRoom,
    'item and price fit between prefix and check digit',
  );
  const barcode = readBarcode(scan);
  if (barcode.kind !== 'ean-13') return undefined;
  const text = barcode.gtin.slice(1);
  if (!prefixes.includes(text.slice(0, prefixDigits))) return undefined;
  const price = text.slice(-1 - priceDigits, -1);
  if (priceCheck && priceCheckDigit(price) !== Number(text.at(-2 - priceDigits))) return undefined;
  return { item: text.slice(0, prefixDigits + itemDigits), priceIdr: Number(price) * stepIdr };
}

/** GS1 General Specifications §7.9.3: what each digit counts at a place of that weight. */
const counts = {
  '2-': [0, 2, 4, 6, 8, 9, 1, 3, 5, 7],
  '3': [0, 3, 6, 9, 2, 5, 8, 1, 4, 7],
  '5+': [0, 5, 1, 6, 2, 7, 3, 8, 4, 9],
  '5-': [0, 5, 9, 4, 8, 3, 7, 2, 6, 1],
} as const;
type Weight = keyof typeof counts;
const weightsOf: Readonly<Record<number, readonly Weight[]>> = {
  4: ['2-', '2-', '3', '5-'],
  5: ['5+', '2-', '5-', '5+', '2-'],
};

/** The check digit of a price of four or five digits, by GS1 General Specifications §7.9.3. */
export function priceCheckDigit(price: string): number {
  assert(/^\d{4,5}$/.test(price), 'only prices of four and five digits have a check digit');
  const weights = weightsOf[price.length] ?? [];
  const sum = weights.reduce(
    (total, weight, index) => total + (counts[weight][Number(price[index])] ?? 0),
    0,
  );
  if (price.length === 4) return (sum * 3) % 10;
  const missing = (10 - (sum % 10)) % 10;
  return counts['5-'].findIndex((count) => count === missing);
}
