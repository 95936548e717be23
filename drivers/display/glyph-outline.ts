// The shape of one glyph out of a TrueType file, without its hints. PURE. (OpenType specification, "glyf".)
import assert from 'node:assert/strict';

/** A point in font units, y upwards. Off the curve it is the control point of a quadratic Bézier. */
export interface Point {
  x: number;
  y: number;
  on: boolean;
}

/** A closed line. Two control points in a row have a point of the curve in the middle between them. */
export type Contour = readonly Point[];

/** Where the tables begin. `loca` has long offsets. */
export interface GlyphTables {
  loca: number;
  glyf: number;
}

/** An accent on a letter is one deep; the fonts of this folder go four deep at most. */
const deepest = 6;
const mostParts = 32;

/** The contours of a glyph; none for a space. */
export function readContours(
  view: DataView,
  tables: GlyphTables,
  glyph: number,
  depth = 0,
): Contour[] {
  const from = view.getUint32(tables.loca + 4 * glyph);
  if (from === view.getUint32(tables.loca + 4 * (glyph + 1))) return [];
  const at = tables.glyf + from;
  const count = view.getInt16(at);
  if (count >= 0) return readSimple(view, at + 10, count);
  assert(depth < deepest, 'a glyph is made of glyphs without end');
  return readComposite(view, tables, at + 10, depth);
}

const flag = { on: 1, shortX: 2, shortY: 4, repeat: 8, sameX: 0x10, sameY: 0x20 } as const;

function readSimple(view: DataView, at: number, count: number): Contour[] {
  const ends = Array.from({ length: count }, (_, i) => view.getUint16(at + 2 * i));
  const total = (ends.at(-1) ?? -1) + 1;
  // The program that would hint the glyph stands between its ends and its flags.
  const start = at + 2 * count + 2 + view.getUint16(at + 2 * count);
  const { flags, next } = readFlags(view, start, total);
  const x = readAxis(view, next, flags, flag.shortX, flag.sameX);
  const y = readAxis(view, x.next, flags, flag.shortY, flag.sameY);
  const points = flags.map((bits, i) => ({
    x: x.values[i] ?? 0,
    y: y.values[i] ?? 0,
    on: (bits & flag.on) !== 0,
  }));
  return ends.map((end, i) => points.slice(i === 0 ? 0 : (ends[i - 1] ?? 0) + 1, end + 1));
}

function readFlags(view: DataView, at: number, total: number): { flags: number[]; next: number } {
  const flags: number[] = [];
  let next = at;
  while (flags.length < total) {
    const bits = view.getUint8(next++);
    const times = (bits & flag.repeat) === 0 ? 1 : 1 + view.getUint8(next++);
    for (let i = 0; i < times && flags.length < total; i++) flags.push(bits);
  }
  return { flags, next };
}

/** One coordinate of every point, each told as its distance to the one before. */
function readAxis(
  view: DataView,
  at: number,
  flags: readonly number[],
  short: number,
  same: number,
): { values: number[]; next: number } {
  let [next, value] = [at, 0];
  const values = flags.map((bits) => {
    if ((bits & short) !== 0) {
      const distance = view.getUint8(next++);
      value += (bits & same) !== 0 ? distance : -distance;
    } else if ((bits & same) === 0) {
      value += view.getInt16(next);
      next += 2;
    }
    return value;
  });
  return { values, next };
}

const part = { words: 1, offsets: 2, scale: 8, more: 0x20, scales: 0x40, matrix: 0x80 } as const;

function readComposite(
  view: DataView,
  tables: GlyphTables,
  from: number,
  depth: number,
): Contour[] {
  const contours: Contour[] = [];
  let at = from;
  for (let i = 0; i < mostParts; i++) {
    const bits = view.getUint16(at);
    const glyph = view.getUint16(at + 2);
    assert((bits & part.offsets) !== 0, 'a part is placed by its points');
    const words = (bits & part.words) !== 0;
    const dx = words ? view.getInt16(at + 4) : view.getInt8(at + 4);
    const dy = words ? view.getInt16(at + 6) : view.getInt8(at + 5);
    at += words ? 8 : 6;
    const { xx, yx, xy, yy, bytes } = readScale(view, at, bits);
    at += bytes;
    for (const contour of readContours(view, tables, glyph, depth + 1)) {
      contours.push(
        contour.map(({ x, y, on }) => ({ x: xx * x + xy * y + dx, y: yx * x + yy * y + dy, on })),
      );
    }
    if ((bits & part.more) === 0) return contours;
  }
  assert.fail('a glyph has parts without end');
}

interface Scale {
  xx: number;
  yx: number;
  xy: number;
  yy: number;
  bytes: number;
}

/** How a part is turned and stretched: numbers of 2.14 bits. */
function readScale(view: DataView, at: number, bits: number): Scale {
  const fixed = (index: number): number => view.getInt16(at + 2 * index) / 0x4000;
  if ((bits & part.scale) !== 0) return { xx: fixed(0), yx: 0, xy: 0, yy: fixed(0), bytes: 2 };
  if ((bits & part.scales) !== 0) return { xx: fixed(0), yx: 0, xy: 0, yy: fixed(1), bytes: 4 };
  if ((bits & part.matrix) !== 0) {
    return { xx: fixed(0), yx: fixed(1), xy: fixed(2), yy: fixed(3), bytes: 8 };
  }
  return { xx: 1, yx: 0, xy: 0, yy: 1, bytes: 0 };
}
