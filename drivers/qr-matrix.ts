// A text as the modules of a QR, without quiet zone. PURE: same text, same symbol, and the smallest that holds it.
import { codewordsOf } from './qr-codewords.ts';
import {
  applyMask,
  blankLines,
  isDark,
  masks,
  penaltyOf,
  putModule,
  type Lines,
  type Mask,
} from './qr-mask.ts';
import { patternsOf } from './qr-patterns.ts';
import {
  bestSegments,
  bitsOf,
  lastOfGroup,
  type Segment,
  type VersionGroup,
} from './qr-segments.ts';
import { blocksOf, type QrLevel } from './qr-versions.ts';

export type { QrLevel } from './qr-versions.ts';

export interface QrMatrix {
  /** Modules on a side. */
  size: number;
  /** One entry a module, row by row; 1 is dark. */
  dark: Uint8Array;
}

/** ISO/IEC 18004, table 12. */
const levelBits = { L: 1, M: 0, Q: 3 } as const;
/** 7.9.1: the generator of the format's BCH code, and what is laid over it. */
const [formatGenerator, formatCover] = [0x537, 0x5412];
const formatLength = 15;

/**
 * @param content a text, each part of it packed by its own mode, or bytes as they are
 * @throws RangeError when it is empty, or fits into no symbol of this level
 */
export function makeQr(content: string | Uint8Array, level: QrLevel): QrMatrix {
  const { version, group, segments } = smallest(content, level);
  const words = codewordsOf(segments, group, blocksOf(version, level));
  const { size, dark, free, path } = patternsOf(version);
  const modules = dark.slice();
  // What is left over behind the last codeword stays light (7.6).
  for (let bit = 0; bit < words.length * 8; bit++) {
    modules[path[bit] ?? 0] = ((words[bit >> 3] ?? 0) >> (7 - (bit & 7))) & 1;
  }
  return matrixOf(best(linesOf(size, modules, free), level).rows);
}

/** What is said, and in which size of symbol. */
export interface Said {
  /** 1 to 40. */
  version: number;
  group: VersionGroup;
  segments: readonly Segment[];
}

/** The smallest symbol of this level that holds it. @throws RangeError as `makeQr` */
export function smallest(content: string | Uint8Array, level: QrLevel): Said {
  const isText = typeof content === 'string';
  const bytes = isText ? new TextEncoder().encode(content) : content;
  if (bytes.length === 0) throw new RangeError('a QR without content');
  let version = 1;
  for (const group of [0, 1, 2] as const) {
    const segments = isText ? bestSegments(bytes, group) : [{ mode: 'byte' as const, bytes }];
    const bits = bitsOf(segments, group);
    for (; version <= lastOfGroup[group]; version++) {
      if (bits <= blocksOf(version, level).data * 8) return { version, group, segments };
    }
  }
  throw new RangeError('the content is too long for a QR');
}

/** A symbol by its rows and by its columns. */
interface Both {
  rows: Lines;
  columns: Lines;
}

interface Laid extends Both {
  /** The modules that a mask turns over. */
  free: Both;
}

function blank(size: number): Both {
  return { rows: blankLines(size), columns: blankLines(size) };
}

/** The modules as bits. */
function linesOf(size: number, dark: Uint8Array, free: Uint8Array): Laid {
  const laid = blank(size);
  const turned = blank(size);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++, at++) {
      if (dark[at] === 1) put(laid, row, column, true);
      if (free[at] === 1) put(turned, row, column, true);
    }
  }
  return { ...laid, free: turned };
}

/** The first of those with the least penalty. */
function best({ rows, columns, free }: Laid, level: QrLevel): Both {
  let [chosen, spare] = [blank(rows.size), blank(rows.size)];
  let least = Infinity;
  for (const mask of masks) {
    applyMask(mask, false, rows, free.rows, spare.rows);
    applyMask(mask, true, columns, free.columns, spare.columns);
    putFormat(spare, formatBits(level, mask));
    const penalty = penaltyOf(spare.rows, spare.columns);
    if (penalty >= least) continue;
    least = penalty;
    [chosen, spare] = [spare, chosen];
  }
  return chosen;
}

/** 7.9.1: level and mask, guarded by a BCH (15, 5) code. */
function formatBits(level: QrLevel, mask: Mask): number {
  const content = (levelBits[level] << 3) | mask;
  let rest = content << 10;
  for (let bit = formatLength - 1; bit >= 10; bit--) {
    if (((rest >> bit) & 1) === 1) rest ^= formatGenerator << (bit - 10);
  }
  return ((content << 10) | rest) ^ formatCover;
}

/** 7.9.1, figure 25: once down column 8 and once along row 8, around the finders. */
function putFormat(symbol: Both, bits: number): void {
  const { size } = symbol.rows;
  for (let bit = 0; bit < formatLength; bit++) {
    const dark = ((bits >> bit) & 1) === 1;
    put(symbol, bit < 6 ? bit : bit < 8 ? bit + 1 : size - formatLength + bit, 8, dark);
    put(symbol, 8, bit < 8 ? size - 1 - bit : bit < 9 ? 7 : formatLength - 1 - bit, dark);
  }
}

function put({ rows, columns }: Both, row: number, column: number, dark: boolean): void {
  putModule(rows, row, column, dark);
  putModule(columns, column, row, dark);
}

function matrixOf(rows: Lines): QrMatrix {
  const { size } = rows;
  const dark = new Uint8Array(size * size);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++, at++)
      dark[at] = isDark(rows, row, column) ? 1 : 0;
  }
  return { size, dark };
}
