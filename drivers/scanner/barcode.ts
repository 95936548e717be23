// What kind of retail code a reading is, whether its check digit is right, and by which number it is known. PURE.
import assert from 'node:assert/strict';
import type { Scan } from '../device.ts';
import { gtinOfGs1 } from './gs1.ts';

/**
 * `gtin` is the number filled with zeros to 14 digits, the form in which UPC-A and EAN-13 of one article are equal
 * (GS1 General Specifications §3.3). `gs1`: a code that says by itself what it carries (GS1-128, GS1 QR, Digital Link).
 * `other`: any code without a check digit that we know of.
 */
export type Barcode =
  | { kind: 'ean-8' | 'upc-a' | 'upc-e' | 'ean-13' | 'itf-14' | 'gs1'; gtin: string }
  | { kind: 'bad-check-digit' }
  | { kind: 'other' };

const gtinLength = 14;
const kindByLength = { 8: 'ean-8', 12: 'upc-a', 13: 'ean-13' } as const;
/** ISO/IEC 15424: EAN-8; of `]E0` are EAN-13, UPC-A and UPC-E; `]E3` is one of them with an add-on of 2 or 5 digits. */
const ean8Aim = 'E4';
const addOnAim = 'E3';

/**
 * Judges a reading. With an AIM identifier a code of another family (Code 128, QR) is never taken for a retail code, even
 * where it has thirteen digits; without one, every text of 8, 12 or 13 digits is.
 */
export function readBarcode(scan: Scan): Barcode {
  const { aim } = scan;
  const gs1 = gtinOfGs1(scan);
  if (gs1 !== undefined) {
    return isGtin(gs1) ? { kind: 'gs1', gtin: gs1 } : { kind: 'bad-check-digit' };
  }
  if (/^\d{14}$/.test(scan.text) && (aim === undefined || aim.startsWith('I'))) {
    // Not every Interleaved 2 of 5 of fourteen digits is an article.
    return isGtin(scan.text) ? { kind: 'itf-14', gtin: scan.text } : { kind: 'other' };
  }
  if (aim !== undefined && !aim.startsWith('E')) return { kind: 'other' };
  return readRetail(aim === addOnAim ? scan.text.slice(0, 13) : scan.text, aim);
}

function readRetail(text: string, aim: string | undefined): Barcode {
  if (!/^(?:\d{8}|\d{12,13})$/.test(text)) return { kind: 'other' };
  const upcA = aim === ean8Aim ? undefined : expandUpcE(text);
  const isUpcE = upcA !== undefined && isGtin(upcA);
  // Eight digits can be right as both. EAN-8 is meant then, unless the scanner says that it is none.
  if (isUpcE && (aim !== undefined || !isGtin(text))) {
    return { kind: 'upc-e', gtin: upcA.padStart(gtinLength, '0') };
  }
  if (!isGtin(text)) return { kind: 'bad-check-digit' };
  const kind = kindByLength[text.length as keyof typeof kindByLength];
  return { kind, gtin: text.padStart(gtinLength, '0') };
}

/**
 * The numbers by which a catalogue may list what was read, the likeliest first: as it was read, and the number of the
 * article with as many leading zeros as its other forms have.
 */
export function catalogueNames(scan: Scan): string[] {
  const barcode = readBarcode(scan);
  if (!('gtin' in barcode)) return [scan.text];
  const zeros = /^0*/.exec(barcode.gtin)?.[0].length ?? 0;
  const forms = [13, 12, 8, gtinLength]
    .filter((length) => gtinLength - length <= zeros)
    .map((length) => barcode.gtin.slice(gtinLength - length));
  return [...new Set([scan.text, ...forms])];
}

/** UPC-E's eight digits as the UPC-A that they shorten (GS1 General Specifications §5.2.2.4.2). */
function expandUpcE(text: string): string | undefined {
  const parts = /^([01])(\d)(\d)(\d)(\d)(\d)(\d)(\d)$/.exec(text);
  if (parts === null) return undefined;
  const [system = '', a = '', b = '', c = '', d = '', e = '', last = '', check = ''] =
    parts.slice(1);
  const body =
    last <= '2'
      ? `${a}${b}${last}0000${c}${d}${e}`
      : last === '3'
        ? `${a}${b}${c}00000${d}${e}`
        : last === '4'
          ? `${a}${b}${c}${d}00000${e}`
          : `${a}${b}${c}${d}${e}0000${last}`;
  return `${system}${body}${check}`;
}

function isGtin(digits: string): boolean {
  return checkDigit(digits.slice(0, -1)) === Number(digits.at(-1));
}

/** The check digit of the digits before it: weights 3 and 1 from the right, modulo 10 (GS1 General Specifications §7.9). */
export function checkDigit(digits: string): number {
  assert(/^\d{1,17}$/.test(digits), 'only digits have a check digit');
  const sum = Array.from(digits)
    .reverse()
    .reduce((total, digit, index) => total + Number(digit) * (index % 2 === 0 ? 3 : 1), 0);
  return (10 - (sum % 10)) % 10;
}
