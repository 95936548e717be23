// The article's number out of codes that say what they carry: GS1 element strings and Digital Links. PURE.
import type { Scan } from '../device.ts';

/** ISO/IEC 15424: GS1-128, GS1 DataBar, GS1 DataMatrix, GS1 QR, GS1 DotCode. */
const gs1Aims: readonly string[] = ['C1', 'e0', 'd2', 'Q3', 'J1'];
/** FNC1 in the middle of a code is transmitted as GS (GS1 General Specifications §7.8). */
const separator = '\x1d';
/** No code has more elements than this. */
const maxElements = 50;

/**
 * GS1 General Specifications, figure 7.8.5-2: how long an element is, with its identifier, by the first two digits. All
 * others end with a separator or with the code.
 */
const fixedLengths: ReadonlyMap<string, number> = new Map([
  ...['00'].map((start): [string, number] => [start, 20]),
  ...['01', '02', '03', '41'].map((start): [string, number] => [start, 16]),
  ...['04'].map((start): [string, number] => [start, 18]),
  ...['11', '12', '13', '14', '15', '16', '17', '18', '19'].map((start): [string, number] => [
    start,
    8,
  ]),
  ['20', 4],
  ...['31', '32', '33', '34', '35', '36'].map((start): [string, number] => [start, 10]),
]);

/** The fourteen digits of the article, not yet checked; undefined where the reading is no such code or names no article. */
export function gtinOfGs1({ text, aim }: Scan): string | undefined {
  const link = /^https?:\/\/[^\s?#]*\/01\/(\d{14})(?:[/?#]|$)/i.exec(text)?.[1];
  if (link !== undefined) return link;
  const says = aim === undefined ? text.includes(separator) : gs1Aims.includes(aim);
  // Without an identifier of the scanner: an article alone, or before anything else.
  if (says || (aim === undefined && /^01\d{14}$/.test(text))) return gtinOfElements(text);
  return undefined;
}

function gtinOfElements(text: string): string | undefined {
  let rest = text;
  for (let count = 0; count < maxElements && rest !== ''; count++) {
    if (rest.startsWith(separator)) {
      rest = rest.slice(1);
      continue;
    }
    const length = fixedLengths.get(rest.slice(0, 2));
    const end = length ?? rest.indexOf(separator);
    const element = end < 0 ? rest : rest.slice(0, end);
    // 02 names what is inside of a carton, and a carton is not what is sold.
    if (/^01\d{14}$/.test(element)) return element.slice(2);
    rest = rest.slice(element.length);
  }
  return undefined;
}
