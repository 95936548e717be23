// What ISO/IEC 18004 lays down for each of the forty sizes of a QR: how much it holds, in how many blocks, and where its
// alignment patterns stand. PURE.

/** How much of a symbol may be lost: 7 %, 15 %, 25 %. */
export type QrLevel = 'L' | 'M' | 'Q';

export const maxVersion = 40;

/** Error correction codewords of one block, version 1 to 40 (table 9). */
const blockChecks: Readonly<Record<QrLevel, readonly number[]>> = {
  L: [
    ...[7, 10, 15, 20, 26, 18, 20, 24, 30, 18, 20, 24, 26, 30, 22, 24, 28, 30, 28, 28],
    ...[28, 28, 30, 30, 26, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  ],
  M: [
    ...[10, 16, 26, 18, 24, 16, 18, 22, 22, 26, 30, 22, 22, 24, 24, 28, 28, 26, 26, 26],
    ...[26, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28, 28],
  ],
  Q: [
    ...[13, 22, 18, 26, 18, 24, 18, 22, 20, 24, 28, 26, 24, 20, 30, 24, 28, 28, 26, 30],
    ...[28, 30, 30, 30, 30, 28, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30, 30],
  ],
};

/** Blocks, version 1 to 40 (table 9). */
const blockCounts: Readonly<Record<QrLevel, readonly number[]>> = {
  L: [
    ...[1, 1, 1, 1, 1, 2, 2, 2, 2, 4, 4, 4, 4, 4, 6, 6, 6, 6, 7, 8],
    ...[8, 9, 9, 10, 12, 12, 12, 13, 14, 15, 16, 17, 18, 19, 19, 20, 21, 22, 24, 25],
  ],
  M: [
    ...[1, 1, 1, 2, 2, 4, 4, 4, 5, 5, 5, 8, 9, 9, 10, 10, 11, 13, 14, 16],
    ...[17, 17, 18, 20, 21, 23, 25, 26, 28, 29, 31, 33, 35, 37, 38, 40, 43, 45, 47, 49],
  ],
  Q: [
    ...[1, 1, 2, 2, 4, 4, 6, 6, 8, 8, 8, 10, 12, 16, 12, 17, 16, 18, 21, 20],
    ...[23, 23, 25, 27, 29, 34, 34, 35, 38, 40, 43, 45, 48, 51, 53, 56, 59, 62, 65, 68],
  ],
};

/** How the codewords of a symbol are split: data first, then the checks of each block. */
export interface Blocks {
  count: number;
  /** Error correction codewords of each block. */
  checks: number;
  /** Data codewords of all blocks together. */
  data: number;
  /** Codewords in all. */
  total: number;
}

/** @param version 1 to 40 */
export function blocksOf(version: number, level: QrLevel): Blocks {
  const count = blockCounts[level][version - 1] ?? 0;
  const checks = blockChecks[level][version - 1] ?? 0;
  const total = Math.floor(freeModules(version) / 8);
  return { count, checks, total, data: total - count * checks };
}

/** Data codewords of each block: the first ones are shorter by one where they do not come out even (7.6, table 9). */
export function blockLengths({ count, data }: Blocks): number[] {
  const short = Math.floor(data / count);
  const firstLong = count - (data % count);
  return Array.from({ length: count }, (_, block) => (block < firstLong ? short : short + 1));
}

/** Modules on a side. */
export function sizeOf(version: number): number {
  return 17 + 4 * version;
}

/** Whether a symbol says its own version beside two finders (7.10). */
export function namesVersion(version: number): boolean {
  return version >= 7;
}

/** Rows, and columns, of the alignment patterns' middles: each crosses each, but for the three at the finders (annex E). */
export function alignmentLines(version: number): number[] {
  if (version === 1) return [];
  const count = Math.floor(version / 7) + 2;
  const step = version === 32 ? 26 : Math.ceil((version * 4 + 4) / (count * 2 - 2)) * 2;
  const last = sizeOf(version) - 7;
  return [6, ...Array.from({ length: count - 1 }, (_, line) => last - step * (count - 2 - line))];
}

/** Modules that no pattern takes: some of them, up to seven, are left over behind the last codeword. */
function freeModules(version: number): number {
  const size = sizeOf(version);
  const lines = alignmentLines(version).length;
  // Three finders with their separators, two formats with the dark module, both timings between the finders.
  let taken = 3 * 64 + 31 + 2 * (size - 16);
  // Of 25 modules each; those on a timing pattern share five of them with it.
  if (lines > 0) taken += (lines * lines - 3) * 25 - 2 * (lines - 2) * 5;
  if (namesVersion(version)) taken += 2 * 18;
  return size * size - taken;
}
