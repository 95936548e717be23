// What stands in a QR whatever it says: finders, timing, alignment, version; and the way that the codewords take around them
// (ISO/IEC 18004, 6.3, 7.7, 7.10). PURE.
import { alignmentLines, namesVersion, sizeOf } from './qr-versions.ts';

/** The modules of one version before a text is in them. */
export interface Patterns {
  size: number;
  /** One entry a module, row by row: 1 where a pattern has it dark. Formats are left light. */
  dark: Uint8Array;
  /** One entry a module: 1 where a text may be. */
  free: Uint8Array;
  /** The free modules in the order in which the bits of the codewords come. */
  path: Uint16Array;
}

/** One symbol after another is of the same version: a kiosk's texts are of much the same length. */
let latest: { version: number; patterns: Patterns } | undefined;

export function patternsOf(version: number): Patterns {
  if (latest?.version !== version) latest = { version, patterns: makePatterns(version) };
  return latest.patterns;
}

const finderSide = 7;
/** A separator behind the finder, and the format beside that. */
const cornerSide = 9;

function makePatterns(version: number): Patterns {
  const size = sizeOf(version);
  const dark = new Uint8Array(size * size);
  const free = new Uint8Array(size * size).fill(1);
  const put = (row: number, column: number, isDark: boolean): void => {
    dark[row * size + column] = isDark ? 1 : 0;
    free[row * size + column] = 0;
  };
  putCorner(put, 0, 0, cornerSide, cornerSide);
  putCorner(put, 0, size - cornerSide + 1, cornerSide, cornerSide - 1);
  putCorner(put, size - cornerSide + 1, 0, cornerSide - 1, cornerSide);
  putTiming(size, put);
  putAlignments(version, put);
  putFinder(put, 0, 0);
  putFinder(put, 0, size - finderSide);
  putFinder(put, size - finderSide, 0);
  // 7.9.1: the one module that is always dark.
  put(size - cornerSide + 1, cornerSide - 1, true);
  if (namesVersion(version)) putVersion(version, put);
  return { size, dark, free, path: pathOf(size, free) };
}

type Put = (row: number, column: number, isDark: boolean) => void;

/** Light, and taken. */
function putCorner(put: Put, top: number, left: number, height: number, width: number): void {
  for (let row = top; row < top + height; row++) {
    for (let column = left; column < left + width; column++) put(row, column, false);
  }
}

/** A dark ring around a light one around a dark square of three. */
function putFinder(put: Put, top: number, left: number): void {
  for (let row = 0; row < finderSide; row++) {
    for (let column = 0; column < finderSide; column++) {
      put(top + row, left + column, Math.max(Math.abs(row - 3), Math.abs(column - 3)) !== 2);
    }
  }
}

function putTiming(size: number, put: Put): void {
  for (let at = 0; at < size; at++) {
    put(6, at, at % 2 === 0);
    put(at, 6, at % 2 === 0);
  }
}

function putAlignments(version: number, put: Put): void {
  const lines = alignmentLines(version);
  const last = lines.at(-1);
  for (const middle of lines) {
    for (const across of lines) {
      const atFinder = [middle, across].filter((line) => line === 6).length;
      if (atFinder === 2 || (atFinder === 1 && (middle === last || across === last))) continue;
      for (let row = -2; row <= 2; row++) {
        for (let column = -2; column <= 2; column++) {
          const ring = Math.max(Math.abs(row), Math.abs(column));
          put(middle + row, across + column, ring !== 1);
        }
      }
    }
  }
}

/** 7.10: the version, guarded by a BCH (18, 6) code. */
const versionGenerator = 0x1f25;

function putVersion(version: number, put: Put): void {
  let rest = version << 12;
  for (let bit = 17; bit >= 12; bit--) {
    if (((rest >> bit) & 1) === 1) rest ^= versionGenerator << (bit - 12);
  }
  const bits = (version << 12) | rest;
  const first = sizeOf(version) - 11;
  for (let bit = 0; bit < 18; bit++) {
    const [along, across] = [Math.floor(bit / 3), first + (bit % 3)];
    const isDark = ((bits >> bit) & 1) === 1;
    put(along, across, isDark);
    put(across, along, isDark);
  }
}

/** 7.7.3: up and down in strips of two columns, from the right; the column of the timing pattern is left out. */
function pathOf(size: number, free: Uint8Array): Uint16Array {
  const path: number[] = [];
  let upwards = true;
  for (let right = size - 1; right > 0; right -= 2) {
    if (right === 6) right = 5;
    for (let step = 0; step < size; step++) {
      const row = upwards ? size - 1 - step : step;
      for (const column of [right, right - 1]) {
        if (free[row * size + column] === 1) path.push(row * size + column);
      }
    }
    upwards = !upwards;
  }
  return Uint16Array.from(path);
}
