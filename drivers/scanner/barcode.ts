// What kind of retail code a reading is, and whether its check digit is right. PURE.
import assert from 'node:assert/strict';
import type { Scan } from '../device.ts';

/**
 * `gtin` is the number filled with zeros to 14 digits, the form in which UPC-A and EAN-13 of one article are equal
 * (GS1 General Specifications §3.3). `other`: any code without a check digit that we know of.
 */
export type Barcode =
  | { kind: 'ean-8' | 'upc-a' | 'ean-13'; gtin: string }
  | { kind: 'bad-check-digit' }
  | { kind: 'other' };

const kindByLength = { 8: 'ean-8', 12: 'upc-a', 13: 'ean-13' } as const;
const gtinLength = 14;

/**
 * Judges a reading. With an AIM identifier only the EAN/UPC family (`]E…`) is judged, so that a Code 128 of thirteen
 * digits is `other`; without one, every text of 8, 12 or 13 digits is taken for a retail code.
 */
export function readBarcode({ text, aim }: Scan): Barcode {
  if (aim !== undefined && !aim.startsWith('E')) return { kind: 'other' };
  if (!/^(?:\d{8}|\d{12,13})$/.test(text)) return { kind: 'other' };
  const kind = kindByLength[text.length as keyof typeof kindByLength];
  if (checkDigit(text.slice(0, -1)) !== Number(text.at(-1))) return { kind: 'bad-check-digit' };
  return { kind, gtin: text.padStart(gtinLength, '0') };
}

/** The check digit of the digits before it: weights 3 and 1 from the right, modulo 10 (GS1 General Specifications §7.9). */
export function checkDigit(digits: string): number {
  assert(/^\d{1,17}$/.test(digits), 'only digits have a check digit');
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10;
}
