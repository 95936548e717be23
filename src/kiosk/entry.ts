// What keys and scans do before there is a sale: digits of an amount, lines of a basket. PURE.
import type { Key, Scan } from '../../drivers/device.ts';
import { catalogueNames, readBarcode } from '../../drivers/scanner/barcode.ts';
import { readPriceLabel } from '../../drivers/scanner/price-label.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { SaleItem } from '../protocol/sale.ts';
import { maxItems } from '../protocol/api.ts';
import type { CatalogueItem, Rules } from './rules.ts';

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

/** Why a typed amount cannot be charged, if it cannot. */
export function typedFault(amountIdr: number, rules: Rules): ErrorCode | undefined {
  const fault = amountFault(amountIdr, rules.limits);
  if (fault !== undefined || rules.idrPerPulse === undefined) return fault;
  if (amountIdr % rules.idrPerPulse !== 0) return 'amount-not-multiple';
  return amountIdr / rules.idrPerPulse > rules.maxPieces ? 'amount-above-limit' : undefined;
}

/** Why this amount cannot be charged, if it cannot. */
export function amountFault(amountIdr: number, limits: Rules['limits']): ErrorCode | undefined {
  if (amountIdr === 0) return 'amount-zero';
  if (amountIdr < limits.minIdr) return 'amount-below-limit';
  if (amountIdr > limits.maxIdr) return 'amount-above-limit';
  return undefined;
}

/** How many pieces this buys: the basket's, or so many steps of the price; without a price it is one hand-over. */
export function piecesOf(
  amountIdr: number,
  items: readonly SaleItem[],
  { idrPerPulse }: Pick<Rules, 'idrPerPulse'>,
): number {
  if (items.length > 0) return basketPieces(items);
  return idrPerPulse === undefined ? 1 : amountIdr / idrPerPulse;
}

function basketPieces(items: readonly SaleItem[]): number {
  return items.reduce((sum, { quantity }) => sum + quantity, 0);
}

export function basketTotalIdr(items: readonly SaleItem[]): number {
  return items.reduce((sum, item) => sum + item.priceIdr * item.quantity, 0);
}

/** Puts one more of `found` into the basket; refused when the basket is full or the total exceeds the limit. */
export function addToBasket(
  items: readonly SaleItem[],
  found: CatalogueItem,
  rules: Rules,
): Edited<readonly SaleItem[]> {
  if (basketPieces(items) >= rules.maxPieces) return { value: items, notice: 'basket-full' };
  // Two labels of one item may carry two prices: they are two lines.
  const line = items.find((item) => item.id === found.id && item.priceIdr === found.priceIdr);
  const added =
    line === undefined
      ? [...items, { ...found, quantity: 1 }]
      : items.map((item) => (item === line ? { ...item, quantity: item.quantity + 1 } : item));
  if (added.length > maxItems || (line?.quantity ?? 0) >= maxQuantity) {
    return { value: items, notice: 'basket-full' };
  }
  if (basketTotalIdr(added) > rules.limits.maxIdr)
    return { value: items, notice: 'amount-above-limit' };
  return { value: added };
}

/** Takes the last thing out again. */
export function removeFromBasket(items: readonly SaleItem[]): readonly SaleItem[] {
  const last = items.at(-1);
  if (last === undefined) return items;
  const rest = items.slice(0, -1);
  return last.quantity > 1 ? [...rest, { ...last, quantity: last.quantity - 1 }] : rest;
}

/** What a reading means to this kiosk. Every form of an article's number finds it. */
export function findScanned(scan: Scan, rules: Rules): CatalogueItem | ErrorCode {
  const labelled = labelledItem(scan, rules);
  if (labelled !== undefined) return labelled;
  for (const name of catalogueNames(scan)) {
    const found = rules.catalogue.get(name);
    if (found !== undefined) return found;
  }
  return readBarcode(scan).kind === 'bad-check-digit' ? 'barcode-check-digit' : 'barcode-unknown';
}

/** An item whose label says what it costs. One that says nothing is never given away. */
function labelledItem(scan: Scan, { priceLabels }: Rules): CatalogueItem | ErrorCode | undefined {
  if (priceLabels === undefined) return undefined;
  const label = readPriceLabel(scan, priceLabels);
  const item = label === undefined ? undefined : priceLabels.items.get(label.item);
  if (label === undefined || item === undefined) return undefined;
  return label.priceIdr === 0 ? 'amount-zero' : { ...item, priceIdr: label.priceIdr };
}
