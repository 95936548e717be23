// One reading out of the bytes between the borders of a scanner: prefix, AIM identifier, text. PURE. Never throws on bytes.
import type { Scan } from '../device.ts';

/** Longest text of one reading, in characters; what is longer is dropped whole. */
export const maxScanLength = 512;
/** ISO/IEC 15424: `]`, a code character, a modifier. */
export const aimLength = 3;

export interface ScanTextOptions {
  /** What must stand before the code; empty for nothing. */
  prefix: Uint8Array;
  /**
   * Whether the scanner is set to send AIM identifiers: true, a reading without one is none; false, nothing is taken for
   * one; undefined, what looks like one is one.
   */
  aim: boolean | undefined;
}

/** Undefined for what is no reading: without the prefix, without anything in it, or too long. */
export function readScan(bytes: Uint8Array, options: ScanTextOptions): Scan | undefined {
  const start = afterPrefix(bytes, options.prefix);
  if (start === undefined) return undefined;
  const whole = decodeScanText(bytes.subarray(start));
  const aim = options.aim === false ? undefined : aimOf(whole);
  if (options.aim === true && aim === undefined) return undefined;
  const text = aim === undefined ? whole : whole.slice(aimLength);
  if (text === '' || text.length > maxScanLength) return undefined;
  return aim === undefined ? { text } : { text, aim };
}

/** The identifier at the start of a text, without its `]`; undefined where there is none. */
export function aimOf(text: string): string | undefined {
  return /^\][A-Za-z][0-9A-Za-z]/.exec(text)?.[0].slice(1);
}

/** Noise before the prefix (a line sends some when it is plugged in) is skipped; anything else there is refused. */
function afterPrefix(frame: Uint8Array, prefix: Uint8Array): number | undefined {
  for (let start = 0; start <= frame.length - prefix.length; start++) {
    const fits = prefix.every((byte, index) => frame[start + index] === byte);
    if (fits) return start + prefix.length;
    if (!isNoise(frame[start] ?? 0)) return undefined;
  }
  return undefined;
}

/** UTF-8 where it is, else Latin-1: a scanner does not say which. Control characters that no code uses are left out. */
export function decodeScanText(bytes: Uint8Array): string {
  const clean = Buffer.from(bytes.filter((byte) => !isNoise(byte)));
  const text = clean.toString('utf8');
  return text.includes('\ufffd') ? clean.toString('latin1') : text;
}

/** GS1 General Specifications §7.8 and ISO/IEC 15434 use FS, GS, RS and EOT inside of a code; Tab occurs in QR text. */
const meaningful: readonly number[] = [0x04, 0x09, 0x1c, 0x1d, 0x1e];

function isNoise(byte: number): boolean {
  return (byte < 0x20 && !meaningful.includes(byte)) || byte === 0x7f;
}
