// Words as pixels: measures and draws single lines with the font that ships beside this file, whatever the machine has.
// The same text gives the same pixels on every machine.
import { readFileSync } from 'node:fs';
import { coverage, type GlyphMask } from './coverage.ts';
import { readFont, type Font } from './font-file.ts';

/** Width in pixels of one line, as it will be drawn. */
export type Measure = (text: string, sizePx: number, bold: boolean) => number;

/** One line of drawable text; the pen starts at `x` on the line `baseline`. `sizePx` is a whole number. */
export interface Line {
  text: string;
  x: number;
  baseline: number;
  sizePx: number;
  bold: boolean;
}

/** A glyph's mask and where its upper left corner is. */
export interface PlacedGlyph {
  mask: GlyphMask;
  x: number;
  y: number;
}

export interface Pen {
  /** Where each glyph of a line goes. */
  place(line: Line): PlacedGlyph[];
}

const files = { regular: 'font/DejaVuSans.ttf', bold: 'font/DejaVuSans-Bold.ttf' } as const;
const read: Partial<Record<keyof typeof files, Font>> = {};

/** Read when it is first needed: a kiosk without a display carries no font. */
function fontOf(bold: boolean): Font {
  const face = bold ? 'bold' : 'regular';
  return (read[face] ??= readFont(readFileSync(new URL(files[face], import.meta.url))));
}

/** A layout tries the same words at many sizes; a screen has some twenty of them. */
const maxWidths = 500;
const widths = new Map<string, number>();

export const measureText: Measure = (text, sizePx, bold) => {
  const key = bold ? `b${text}` : `r${text}`;
  let ems = widths.get(key);
  if (ems === undefined) {
    ems = 0;
    forEachGlyph(text, fontOf(bold), (_, __, end) => (ems = end));
    if (widths.size >= maxWidths) widths.clear();
    widths.set(key, ems);
  }
  return ems * sizePx;
};

/** Goes through a line: each glyph with where the pen stands before and after it, in ems. */
function forEachGlyph(
  text: string,
  font: Font,
  each: (glyph: number, at: number, end: number) => void,
): void {
  let [pen, before] = [0, 0];
  for (const char of text) {
    const glyph = font.glyphOf(char.codePointAt(0) ?? 0);
    const at = pen + font.kern(before, glyph);
    pen = at + font.advance(glyph);
    each(glyph, at, pen);
    before = glyph;
  }
}

/** What was asked for last; the words of a screen are some twenty texts, most of them those of the screen before. */
const maxClean = 200;
const cleaned = new Map<string, string>();

/** Replaces what the font cannot draw, control characters among it, by `?`. Breaks become spaces. */
export function drawable(text: string): string {
  let clean = cleaned.get(text);
  if (clean === undefined) {
    clean = Array.from(text, drawableChar).join('');
    if (cleaned.size >= maxClean) cleaned.clear();
    cleaned.set(text, clean);
  }
  return clean;
}

function drawableChar(char: string): string {
  const code = char.codePointAt(0) ?? 0;
  if (/\s/.test(char) && code !== 0xa0) return ' ';
  return fontOf(false).glyphOf(code) !== 0 && fontOf(true).glyphOf(code) !== 0 ? char : '?';
}

/** An amount at 160 px needs 150 kB, the words of a screen 200 kB: this holds the screens of a sale. */
const cacheBytes = 1_500_000;
/** Small letters stand at quarters of a pixel, or their distances would look uneven; in large ones nobody sees it. */
const stepsPerPx = 4;
export const largePx = 48;

/** Draws glyphs, and keeps their masks for the next screen; the least recently used ones leave first. */
export function createPen(): Pen {
  const masks = new Map<string, GlyphMask>();
  let bytes = 0;
  const maskOf = (glyph: number, sizePx: number, bold: boolean, step: number): GlyphMask => {
    const key = `${glyph} ${sizePx} ${step} ${bold ? 'b' : 'r'}`;
    let mask = masks.get(key);
    if (mask === undefined) {
      const font = fontOf(bold);
      mask = coverage(font.contours(glyph), sizePx / font.unitsPerEm, step / stepsPerPx);
      bytes += mask.alpha.length;
    }
    masks.delete(key);
    masks.set(key, mask);
    for (const [oldKey, old] of masks) {
      if (bytes <= cacheBytes || oldKey === key) break;
      masks.delete(oldKey);
      bytes -= old.alpha.length;
    }
    return mask;
  };
  return {
    place: ({ text, x, baseline, sizePx, bold }) => {
      const glyphs: PlacedGlyph[] = [];
      const steps = sizePx < largePx ? stepsPerPx : 1;
      forEachGlyph(text, fontOf(bold), (glyph, at) => {
        const pen = Math.round((x + at * sizePx) * steps);
        const step = ((pen % steps) * stepsPerPx) / steps;
        const mask = maskOf(glyph, sizePx, bold, step);
        if (mask.width > 0)
          glyphs.push({ mask, x: Math.floor(pen / steps) + mask.left, y: baseline + mask.top });
      });
      return glyphs;
    },
  };
}
