// What keys and scans do before there is a sale: digits of an amount, lines of a basket. PURE.
import type { Key } from '../../drivers/device.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { SaleItem } from '../protocol/sale.ts';
import { maxItems } from '../protocol/api.ts';
import type { CatalogueItem, Rules } from './state.ts';

/** Ten million has eight digits; more keys than that are refused, not swallowed. */
export const maxDigits = 8;
const maxQuantity = 99;

export interface Edited<T> {
  value: T;
  notice?: ErrorCode;
}

/** Appends a digit key. Leading zeros vanish; what would exceed the limit is refused and changes nothing. */
export function typeDigits(digits: string, key: Key, limits: Rules['limits']): Edited<string> {
  const typed = `${digits}${key}`.replace(/^0+/, '');
  if (typed.length > maxDigits || Number(typed) > limits.maxIdr) {
    return { value: digits, notice: 'amount-above-limit' };
  }
  return { value: typed };
}

/** Why this amount cannot be charged, if it cannot. */
export function amountFault(amountIdr: number, limits: Rules['limits']): ErrorCode | undefined {
  if (amountIdr === 0) return 'amount-zero';
  if (amountIdr < limits.minIdr) return 'amount-below-limit';
  if (amountIdr > limits.maxIdr) return 'amount-above-limit';
  return undefined;
}

export function basketTotalIdr(items: readonly SaleItem[]): number {
  return items.reduce((sum, item) => sum + item.priceIdr * item.quantity, 0);
}

/** Puts one more of `found` into the basket; refused when the basket is full or the total exceeds the limit. */
export function addToBasket(
  items: readonly SaleItem[],
  found: CatalogueItem,
  limits: Rules['limits'],
): Edited<readonly SaleItem[]> {
  const line = items.find((item) => item.id === found.id);
  const added =
    line === undefined
      ? [...items, { ...found, quantity: 1 }]
      : items.map((item) => (item === line ? { ...item, quantity: item.quantity + 1 } : item));
  if (added.length > maxItems || (line?.quantity ?? 0) >= maxQuantity) {
    return { value: items, notice: 'basket-full' };
  }
  if (basketTotalIdr(added) > limits.maxIdr) return { value: items, notice: 'amount-above-limit' };
  return { value: added };
}

/** Takes the last thing out again. */
export function removeFromBasket(items: readonly SaleItem[]): readonly SaleItem[] {
  const last = items.at(-1);
  if (last === undefined) return items;
  const rest = items.slice(0, -1);
  return last.quantity > 1 ? [...rest, { ...last, quantity: last.quantity - 1 }] : rest;
}

/** What a scanned text means to this kiosk. */
export function readBarcode(text: string, rules: Rules): CatalogueItem | ErrorCode {
  const found = rules.catalogue.get(text);
  if (found !== undefined) return found;
  return isGtin(text) && !hasCheckDigit(text) ? 'barcode-check-digit' : 'barcode-unknown';
}

function isGtin(text: string): boolean {
  return /^(\d{8}|\d{12}|\d{13}|\d{14})$/.test(text);
}

/** GS1 General Specifications 7.9: weights 3 and 1 from the right, without the check digit itself. */
function hasCheckDigit(gtin: string): boolean {
  let sum = 0;
  for (let i = gtin.length - 2, weight = 3; i >= 0; i--, weight = 4 - weight) {
    sum += Number(gtin[i]) * weight;
  }
  return (10 - (sum % 10)) % 10 === Number(gtin.at(-1));
}
