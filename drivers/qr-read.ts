// Reads the text out of the modules of a QR that must be whole: no error is mended, each one is a fault, because a phone may
// need all the mending behind scratched glass. PURE. The way back of qr-matrix.ts, worked out anew from the same standard
// (ISO/IEC 18004, 12), so that a slip in the one is not made in the other.
import { timesPower } from './qr-field.ts';
import { turnsOver, type Mask } from './qr-mask.ts';
import {
  alignmentLines,
  blockLengths,
  blocksOf,
  maxVersion,
  namesVersion,
  type Blocks,
  type QrLevel,
} from './qr-versions.ts';

/** Whether the module there is dark. */
export type IsDark = (row: number, column: number) => boolean;

/** @param size modules on a side. @throws RangeError saying what is wrong with the symbol, never what it says */
export function readQr(size: number, isDark: IsDark): string {
  const version = (size - 17) / 4;
  if (!Number.isInteger(version) || version < 1 || version > maxVersion) {
    throw new RangeError('a QR has no such size');
  }
  const { level, mask } = readFormat(size, isDark);
  const blocks = blocksOf(version, level);
  const words = readWords(version, blocks.total, (row, column) => {
    return isDark(row, column) !== turnsOver(mask, row, column);
  });
  return readText(readBlocks(words, blocks), version);
}

/** By its two bits (7.9.1); the one that is missing is made by nobody here. */
const levels: readonly (QrLevel | undefined)[] = ['M', 'L', undefined, 'Q'];
const formatCover = 0b101_0100_0001_0010;
/** x^10 + x^8 + x^5 + x^4 + x^2 + x + 1. */
const formatDivisor = 0b101_0011_0111;

function readFormat(size: number, isDark: IsDark): { level: QrLevel; mask: Mask } {
  let [down, along] = [0, 0];
  for (let bit = 14; bit >= 0; bit--) {
    const row = bit < 6 ? bit : bit < 8 ? bit + 1 : size - 15 + bit;
    const column = bit < 8 ? size - 1 - bit : bit === 8 ? 7 : 14 - bit;
    down = 2 * down + Number(isDark(row, 8));
    along = 2 * along + Number(isDark(8, column));
  }
  if (down !== along) throw new RangeError('the two formats of a QR differ');
  const told = down ^ formatCover;
  let rest = told;
  for (let bit = 14; bit >= 10; bit--) {
    if (rest >= 1 << bit) rest ^= formatDivisor << (bit - 10);
  }
  const level = levels[told >> 13];
  if (rest !== 0 || level === undefined) throw new RangeError('the format of a QR is broken');
  return { level, mask: ((told >> 10) % 8) as Mask };
}

/** Up and down in strips of two columns, from the right, around everything that is no text. */
function readWords(version: number, count: number, isSet: IsDark): Uint8Array {
  const size = 17 + 4 * version;
  const isPattern = patternAt(version, size);
  const words = new Uint8Array(count);
  let at = 0;
  for (let strip = 0; strip < (size - 1) / 2; strip++) {
    const right = size - 1 - 2 * strip;
    // Column 6 is the timing pattern's: what is left of it is one further left.
    const first = right > 6 ? right : right - 1;
    for (let step = 0; step < size; step++) {
      const row = strip % 2 === 0 ? size - 1 - step : step;
      for (let column = first; column > first - 2; column--) {
        if (isPattern(row, column)) continue;
        if (at < count * 8 && isSet(row, column)) {
          words[at >> 3] = (words[at >> 3] ?? 0) + 2 ** (7 - (at % 8));
        }
        at++;
      }
    }
  }
  return words;
}

/** Where finders, formats, timing, alignment and version stand. */
function patternAt(version: number, size: number): IsDark {
  const lines = alignmentLines(version);
  const last = size - 7;
  const nearLine = (at: number): number | undefined =>
    lines.find((line) => Math.abs(at - line) <= 2);
  const inAlignment = (row: number, column: number): boolean => {
    const [across, down] = [nearLine(row), nearLine(column)];
    if (across === undefined || down === undefined) return false;
    const corners = [across, down].filter((line) => line === 6 || line === last).length;
    // Both at an edge is one of the four corners: three are finders.
    return corners < 2 || (across === last && down === last);
  };
  return (row, column) => {
    const [low, left] = [row >= size - 8, column >= size - 8];
    if (row === 6 || column === 6) return true;
    if (row <= 8 && (column <= 8 || left)) return true;
    if (column <= 8 && low) return true;
    if (namesVersion(version) && row < 6 && column >= size - 11) return true;
    if (namesVersion(version) && column < 6 && row >= size - 11) return true;
    return inAlignment(row, column);
  };
}

/** The data of all blocks, one behind the other. @throws RangeError when a block is not as its checks say */
function readBlocks(words: Uint8Array, { checks, ...blocks }: Blocks): Uint8Array {
  const lengths = blockLengths({ checks, ...blocks });
  const whole = lengths.map((length) => new Uint8Array(length + checks));
  let at = 0;
  for (let turn = 0; turn < Math.max(...lengths); turn++) {
    whole.forEach((block, index) => {
      // The shorter ones have none for the last turn.
      if (turn < (lengths[index] ?? 0)) block[turn] = words[at++] ?? 0;
    });
  }
  for (let turn = checks; turn > 0; turn--) {
    for (const block of whole) block[block.length - turn] = words[at++] ?? 0;
  }
  if (!whole.every((block) => isWhole(block, checks))) {
    throw new RangeError('a block of a QR is broken');
  }
  return Buffer.concat(whole.map((block) => block.subarray(0, block.length - checks)));
}

/** A block as a polynomial is 0 for each of the generator's roots. */
function isWhole(block: Uint8Array, checks: number): boolean {
  for (let root = 0; root < checks; root++) {
    let value = 0;
    for (const word of block) value = timesPower(value, root) ^ word;
    if (value !== 0) return false;
  }
  return true;
}

const signs = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:';

/** Bits of a segment's length (table 3), by its mode. */
const lengthBits = new Map([
  [1, { narrow: 10, middle: 12, wide: 14 }],
  [2, { narrow: 9, middle: 11, wide: 13 }],
  [4, { narrow: 8, middle: 16, wide: 16 }],
]);

/** 7.4: segment after segment until the terminator, or until there is no room for one. */
function readText(data: Uint8Array, version: number): string {
  let at = 0;
  const take = (bits: number): number => {
    if (at + bits > data.length * 8) throw new RangeError('the text of a QR breaks off');
    let value = 0;
    for (const end = at + bits; at < end; at++) {
      value = 2 * value + (((data[at >> 3] ?? 0) >> (7 - (at & 7))) & 1);
    }
    return value;
  };
  const group = version < 10 ? 'narrow' : version < 27 ? 'middle' : 'wide';
  const parts: Uint8Array[] = [];
  while (at + 4 <= data.length * 8) {
    const mode = take(4);
    if (mode === 0) break;
    const bits = lengthBits.get(mode);
    if (bits === undefined) throw new RangeError('a QR in a mode that is never made');
    const length = take(bits[group]);
    parts.push(
      mode === 4
        ? Uint8Array.from({ length }, () => take(8))
        : Buffer.from(mode === 1 ? takeDigits(length, take) : takeSigns(length, take)),
    );
  }
  const bytes = Buffer.concat(parts);
  const text = bytes.toString('utf8');
  if (!bytes.equals(Buffer.from(text))) throw new RangeError('a QR of bytes that are no text');
  return text;
}

type Take = (bits: number) => number;

function takeDigits(length: number, take: Take): string {
  let text = '';
  while (text.length < length) {
    const digits = Math.min(3, length - text.length);
    text += String(take(1 + 3 * digits)).padStart(digits, '0');
  }
  return text;
}

function takeSigns(length: number, take: Take): string {
  let text = '';
  while (text.length + 1 < length) {
    const both = take(11);
    text += signs.charAt(Math.floor(both / 45)) + signs.charAt(both % 45);
  }
  return text.length < length ? text + signs.charAt(take(6)) : text;
}
