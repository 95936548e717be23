// A text as the modules of a QR, without quiet zone. PURE: the package `qrcode` lays them out, module for module the symbol
// that it would make alone, but the mask is chosen by qr-mask.ts, in an eighth of the time.
import { create } from 'qrcode/lib/core/qrcode.js';
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

/** How much of a symbol may be lost: 7 %, 15 %, 25 %. */
export type QrLevel = 'L' | 'M' | 'Q';

export interface QrMatrix {
  /** Modules on a side. */
  size: number;
  /** One entry a module, row by row; 1 is dark. */
  dark: Uint8Array;
}

/** What `qrcode` takes: a text, each part packed by its own mode, or bytes as they are. */
type Content = string | { data: Uint8Array; mode: 'byte' }[];

/** The mask that `qrcode` is told, so that it looks for none. */
const givenMask = 0;

/** ISO/IEC 18004, table 12. */
const levelBits = { L: 1, M: 0, Q: 3 } as const;
/** 7.9.1: the generator of the format's BCH code, and what is laid over it. */
const [formatGenerator, formatCover] = [0x537, 0x5412];
const formatLength = 15;

/** @throws Error when the content is empty, or fits into no symbol of this level */
export function makeQr(content: Content, level: QrLevel): QrMatrix {
  const { modules } = create(content, { errorCorrectionLevel: level, maskPattern: givenMask });
  const both = linesOf(modules.size, modules.data, modules.reservedBit);
  return matrixOf(best(both, level).rows);
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

/** The modules as bits, without the mask that `qrcode` was told. */
function linesOf(size: number, dark: Uint8Array, reserved: Uint8Array): Laid {
  const masked = blank(size);
  const free = blank(size);
  for (let row = 0, at = 0; row < size; row++) {
    for (let column = 0; column < size; column++, at++) {
      if (dark[at] === 1) put(masked, row, column, true);
      if (reserved[at] === 0) put(free, row, column, true);
    }
  }
  applyMask(givenMask, false, masked.rows, free.rows, masked.rows);
  applyMask(givenMask, true, masked.columns, free.columns, masked.columns);
  return { ...masked, free };
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
