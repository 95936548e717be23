// Finds out what a scanner sends around a code, from scans of goods whose codes have check digits. PURE. Never throws on bytes.
import { checkDigit } from './barcode.ts';
import type { ScanFraming } from './codec.ts';

/** What the configuration can hold (codec.ts). */
const maxAffixLength = 8;
/** Lengths of EAN-13, UPC-A and EAN-8. */
const codeLengths = [13, 12, 8] as const;
/** More than any code of goods with its affixes; the rest of a longer scan is not looked at. */
const maxLooked = 64;

export type LearnedFraming =
  | { kind: 'learned'; framing: Required<Pick<ScanFraming, 'prefix' | 'aim'>> & ScanFraming }
  | { kind: 'no-code'; scan: number }
  | { kind: 'no-suffix' }
  | { kind: 'affix-too-long' }
  | { kind: 'differ' };

interface Reading {
  prefix: string;
  suffix: string;
  aim: boolean;
  codeLength: number;
  /** No digit stands beside the code. */
  isApart: boolean;
}

/** `scans`: what came for each, as it came. A suffix of CR, LF or both is the usual one and is left out. */
export function learnFraming(scans: readonly Uint8Array[]): LearnedFraming {
  // One code three times proves nothing of digits beside it: a voucher has a code of goods somewhere within, now and then.
  const isOne = scans.every((scan) => Buffer.compare(scan, scans[0] ?? scan) === 0);
  const readings = scans.map((scan) => readingsOf(scan).filter((one) => !isOne || one.isApart));
  const without = readings.findIndex((found) => found.length === 0);
  if (without >= 0) return { kind: 'no-code', scan: without + 1 };
  const [first = [], ...rest] = readings;
  // A code within a code has a right check digit now and then: what all scans share, and explains the most, is meant.
  const shared = first.filter((one) =>
    rest.every((found) => found.some((other) => isSame(one, other))),
  );
  const best = shared.reduce<Reading | undefined>(
    (most, one) => (most === undefined || one.codeLength > most.codeLength ? one : most),
    undefined,
  );
  if (best === undefined) return { kind: 'differ' };
  const { prefix, suffix, aim } = best;
  if (suffix === '') return { kind: 'no-suffix' };
  if (prefix.length > maxAffixLength || suffix.length > maxAffixLength) {
    return { kind: 'affix-too-long' };
  }
  const usual = ['\r', '\n', '\r\n'].includes(suffix);
  return { kind: 'learned', framing: { prefix, aim, ...(usual ? {} : { suffix }) } };
}

function isSame(one: Reading, other: Reading): boolean {
  return one.prefix === other.prefix && one.suffix === other.suffix && one.aim === other.aim;
}

function readingsOf(scan: Uint8Array): Reading[] {
  const text = Buffer.from(scan.subarray(0, maxLooked)).toString('latin1');
  return Array.from({ length: text.length }, (_, start) =>
    codeLengths.flatMap((codeLength): Reading[] => {
      const code = text.slice(start, start + codeLength);
      if (code.length < codeLength || !/^\d+$/.test(code)) return [];
      if (checkDigit(code.slice(0, -1)) !== Number(code.at(-1))) return [];
      const before = text.slice(0, start);
      const suffix = text.slice(start + codeLength);
      // ISO/IEC 15424: EAN and UPC are `]E` and a modifier, which differs between them.
      const aim = /\]E[0-4]$/.test(before);
      const prefix = aim ? before.slice(0, -3) : before;
      const isApart = (aim || !/\d$/.test(before)) && !/^\d/.test(suffix);
      return [{ prefix, suffix, aim, codeLength, isApart }];
    }),
  ).flat();
}
