// Paints the parts of a screen into rows of a frame. The same parts give the same pixels, however much of them is painted.
import type { Frame } from '../device.ts';
import { blendMask, fillBox, rgb565, type Box } from './blit.ts';
import { baselineIn, type Item } from './blocks.ts';
import type { GlyphMask } from './coverage.ts';
import type { Colour } from './palette.ts';
import { around, type Part } from './repaint.ts';
import type { RowRun } from './rows.ts';
import { createPen, largePx } from './text.ts';

export interface Painter {
  /** An item with its glyphs at their places. */
  partOf(item: Item): Part;
  /** Paints these rows anew; what leaves them is cut off. */
  paintRows(frame: Frame, ground: Colour, parts: readonly Part[], rows: RowRun): void;
}

export function createPainter(): Painter {
  const pen = createPen();
  const stampOf = createStamps();
  return {
    partOf: (item) => {
      if (item.kind === 'fill') return { item, ink: item.box, glyphs: [] };
      const { box, text, sizePx, bold } = item;
      const line = { text, sizePx, bold, x: box.x, baseline: box.y + baselineIn(sizePx) };
      const glyphs = pen.place(line);
      const boxes = glyphs.map(({ mask: { width, height }, x, y }) => ({ x, y, width, height }));
      return { item, glyphs, ink: around(boxes) };
    },
    paintRows: (whole, ground, parts, { first, count }) => {
      const { width } = whole;
      const pixels = whole.pixels.subarray(first * width, (first + count) * width);
      pixels.fill(rgb565(ground));
      const frame: Frame = { width, height: count, pixels };
      const fills: Box[] = [];
      for (const { item, ink, glyphs } of parts) {
        if (ink.y >= first + count || ink.y + ink.height <= first) continue;
        if (item.kind === 'fill') {
          fillBox(frame, { ...item.box, y: item.box.y - first }, item.colour, item.radius);
          fills.push(item.box);
          continue;
        }
        // Large letters stand alone on the ground: what is under them is known, and none reaches into another's box.
        const copies = item.sizePx >= largePx && !fills.some((box) => overlap(box, ink));
        let end = 0;
        for (const { mask, x, y } of glyphs) {
          if (copies && x >= end && x + mask.width <= width) {
            copyRows(frame, stampOf(mask, item.colour, ground), x, y - first);
          } else {
            blendMask(frame, mask, x, y - first, item.colour);
          }
          end = Math.max(end, x + mask.width);
        }
      }
    },
  };
}

function overlap(a: Box, b: Box): boolean {
  const beside = a.x + a.width <= b.x || b.x + b.width <= a.x;
  return !beside && a.y < b.y + b.height && b.y < a.y + a.height;
}

/** A glyph on its ground: rows of finished pixels, which are copied and not mixed one by one. */
interface Stamp {
  colour: Colour;
  ground: Colour;
  rows: readonly Uint16Array[];
}

/** The digits of an amount and the large words of a screen; a digit of 170 px takes 40 kB. */
const maxStamps = 48;

function createStamps(): (mask: GlyphMask, colour: Colour, ground: Colour) => Stamp {
  const stamps = new Map<GlyphMask, Stamp>();
  return (mask, colour, ground) => {
    const known = stamps.get(mask);
    if (known?.colour === colour && known.ground === ground) return known;
    const { width, height } = mask;
    const pixels = new Uint16Array(width * height).fill(rgb565(ground));
    blendMask({ width, height, pixels }, mask, 0, 0, colour);
    const rows = Array.from({ length: height }, (_, row) =>
      pixels.subarray(row * width, (row + 1) * width),
    );
    const stamp = { colour, ground, rows };
    if (stamps.size >= maxStamps) stamps.clear();
    stamps.set(mask, stamp);
    return stamp;
  };
}

function copyRows({ width, height, pixels }: Frame, { rows }: Stamp, x: number, y: number): void {
  let at = y * width + x;
  for (const row of rows) {
    if (at >= 0 && at < height * width) pixels.set(row, at);
    at += width;
  }
}
