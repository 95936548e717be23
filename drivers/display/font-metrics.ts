// How wide text will be, from the TrueType file itself, so that a layout is decided before anything is drawn.
// PURE. Reads four tables (Microsoft OpenType specification: cmap, head, hhea, hmtx); knows the Basic Plane alone.
import assert from 'node:assert/strict';

export interface FontMetrics {
  /** Whether the font has a glyph for this code point. */
  has(codePoint: number): boolean;
  /** Sum of the advances in pixels at a size in pixels, without kerning: an upper bound but for rounding. */
  widthPx(text: string, sizePx: number): number;
}

/** Reads a TrueType file. A damaged one is a damaged installation: it asserts. */
export function readFontMetrics(file: Uint8Array): FontMetrics {
  const view = new DataView(file.buffer, file.byteOffset, file.byteLength);
  const tables = readTables(view);
  const table = (tag: string): number => {
    const at = tables.get(tag);
    assert(at !== undefined, `the font has no table ${tag}`);
    return at;
  };
  const unitsPerEm = view.getUint16(table('head') + 18);
  const longMetrics = view.getUint16(table('hhea') + 34);
  const advances = table('hmtx');
  const glyphs = readBasicPlane(view, table('cmap'));
  // hmtx: glyphs after the last long metric all have the last one's advance.
  const advance = (glyph: number): number =>
    view.getUint16(advances + 4 * Math.min(glyph, longMetrics - 1));
  const widths = new Map([...glyphs].map(([code, glyph]) => [code, advance(glyph) / unitsPerEm]));
  const missing = advance(0) / unitsPerEm;
  return {
    has: (codePoint) => widths.has(codePoint),
    widthPx: (text, sizePx) => {
      let ems = 0;
      for (const char of text) ems += widths.get(char.codePointAt(0) ?? 0) ?? missing;
      return ems * sizePx;
    },
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
function readBasicPlane(view: DataView, cmap: number): Map<number, number> {
  const subtables = view.getUint16(cmap + 2);
  for (let i = 0; i < subtables; i++) {
    const record = cmap + 4 + 8 * i;
    const at = cmap + view.getUint32(record + 4);
    const windowsUnicode = view.getUint16(record) === 3 && view.getUint16(record + 2) === 1;
    if (windowsUnicode && view.getUint16(at) === 4) return readFormat4(view, at);
  }
  assert.fail('the font has no Unicode map of format 4');
}

function readFormat4(view: DataView, at: number): Map<number, number> {
  const glyphs = new Map<number, number>();
  const doubled = view.getUint16(at + 6);
  const ends = at + 14;
  const starts = ends + doubled + 2;
  const deltas = starts + doubled;
  const offsets = deltas + doubled;
  for (let s = 0; s < doubled; s += 2) {
    const end = Math.min(view.getUint16(ends + s), 0xfffe); // 0xFFFF closes the table and is no character.
    const offset = view.getUint16(offsets + s);
    for (let code = view.getUint16(starts + s); code <= end; code++) {
      const start = view.getUint16(starts + s);
      const listed =
        offset === 0 ? code : view.getUint16(offsets + s + offset + 2 * (code - start));
      const glyph = listed === 0 ? 0 : (listed + view.getUint16(deltas + s)) & 0xffff;
      if (glyph !== 0) glyphs.set(code, glyph);
    }
  }
  return glyphs;
}
