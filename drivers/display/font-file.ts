// A TrueType font as its file has it: the glyph of a character, how wide it is, how pairs close up. PURE.
// Reads cmap, head, hhea, hmtx, kern, loca and glyf (Microsoft OpenType specification); knows the Basic Plane alone.
import assert from 'node:assert/strict';
import { readContours, type Contour } from './glyph-outline.ts';

/** All lengths in ems: times a size in pixels they are pixels. */
export interface Font {
  /** 0: the font has no glyph for this code point; glyph 0 is the empty box. */
  glyphOf(codePoint: number): number;
  /** How far the pen goes on. */
  advance(glyph: number): number;
  /** How much farther the pen goes between these two; below 0 where they close up. */
  kern(left: number, right: number): number;
  /** Points in font units, y upwards; `unitsPerEm` of them are an em. */
  contours(glyph: number): readonly Contour[];
  readonly unitsPerEm: number;
}

/** Reads a TrueType file. A damaged one is a damaged installation: it asserts. */
export function readFont(file: Uint8Array): Font {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const tables = readTables(view);
  const table = (tag: string): number => {
    const at = tables.get(tag);
    assert(at !== undefined, `the font has no table ${tag}`);
    return at;
  };
  const head = table('head');
  assert(view.getInt16(head + 50) === 1, 'the font has no long offsets (head, indexToLocFormat)');
  const unitsPerEm = view.getUint16(head + 18);
  const longMetrics = view.getUint16(table('hhea') + 34);
  const [advances, cmap, kern, loca, glyf] = [
    table('hmtx'),
    findBasicPlane(view, table('cmap')),
    table('kern'),
    table('loca'),
    table('glyf'),
  ];
  return {
    unitsPerEm,
    glyphOf: (codePoint) => readGlyphOf(view, cmap, codePoint),
    // hmtx: glyphs after the last long metric all have the last one's advance.
    advance: (glyph) =>
      view.getUint16(advances + 4 * Math.min(glyph, longMetrics - 1)) / unitsPerEm,
    kern: (left, right) => readKern(view, kern, left, right) / unitsPerEm,
    contours: (glyph) => readContours(view, { loca, glyf }, glyph),
  };
}

function readTables(view: DataView): Map<string, number> {
  const tables = new Map<string, number>();
  const count = view.getUint16(4);
  for (let i = 0; i < count; i++) {
    const at = 12 + 16 * i;
    const tag = String.fromCharCode(...[0, 1, 2, 3].map((n) => view.getUint8(at + n)));
    tables.set(tag, view.getUint32(at + 8));
  }
  return tables;
}

/** cmap format 4, platform 3 (Windows), encoding 1 (Unicode BMP): every TrueType text font has it. */
function findBasicPlane(view: DataView, cmap: number): number {
  const subtables = view.getUint16(cmap + 2);
  for (let i = 0; i < subtables; i++) {
    const record = cmap + 4 + 8 * i;
    const at = cmap + view.getUint32(record + 4);
    const windowsUnicode = view.getUint16(record) === 3 && view.getUint16(record + 2) === 1;
    if (windowsUnicode && view.getUint16(at) === 4) return at;
  }
  assert.fail('the font has no Unicode map of format 4');
}

/** cmap format 4: segments in the order of their last characters. */
function readGlyphOf(view: DataView, at: number, code: number): number {
  // 0xFFFF closes the table and is no character.
  if (code >= 0xffff) return 0;
  const doubled = view.getUint16(at + 6);
  const ends = at + 14;
  const starts = ends + doubled + 2;
  const segment = firstAt(doubled / 2, (index) => view.getUint16(ends + 2 * index) >= code);
  const start = view.getUint16(starts + 2 * segment);
  if (start > code) return 0;
  const delta = view.getUint16(starts + doubled + 2 * segment);
  const offsetAt = starts + 2 * doubled + 2 * segment;
  const offset = view.getUint16(offsetAt);
  if (offset === 0) return (code + delta) & 0xffff;
  const listed = view.getUint16(offsetAt + offset + 2 * (code - start));
  return listed === 0 ? 0 : (listed + delta) & 0xffff;
}

/** kern version 0, its first subtable of format 0: pairs in the order of left and right glyph, six bytes each. */
function readKern(view: DataView, kern: number, left: number, right: number): number {
  const pairs = kern + 18;
  const count = view.getUint16(kern + 10);
  const wanted = left * 0x10000 + right;
  const index = firstAt(count, (pair) => view.getUint32(pairs + 6 * pair) >= wanted);
  const at = pairs + 6 * index;
  return index < count && view.getUint32(at) === wanted ? view.getInt16(at + 4) : 0;
}

/** The first of `count` places where this holds; it holds from there on. `count` if nowhere. */
function firstAt(count: number, holds: (index: number) => boolean): number {
  let [low, high] = [0, count];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
