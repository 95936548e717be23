// Paints the parts of a screen into rows of a frame. The same parts give the same pixels, however much of them is painted.
import {
  blankPixels,
  blendMask,
  fillBox,
  isWide,
  pixelOf,
  within,
  wholeOf,
  type Box,
  type Surface,
} from './blit.ts';
import { baselineIn, type Item } from './blocks.ts';
import type { GlyphMask } from './coverage.ts';
import type { Colour } from './palette.ts';
import { around, type Part, type PartGlyph } from './repaint.ts';
import { createPen, largePx } from './text.ts';
import { turnedBox, turnedSize, turnGrid, type Rotation, type Size } from './turn.ts';

export interface Painter {
  /** An item with its glyphs at their places on the panel. */
  partOf(item: Item): Part;
  /** Paints this box of a surface anew; what leaves it is cut off. */
  paintBox(surface: Surface, ground: Colour, parts: readonly Part[], box: Box): void;
}

/** @param picture its size as it is looked at; it is painted as it lies on the panel after the turn */
export function createPainter(picture: Size, turn: Rotation): Painter {
  const pen = createPen();
  const stampOf = createStamps();
  const turnedMask = createTurnedMasks(turn);
  return {
    partOf: (item) => {
      const box = turnedBox(item.box, picture, turn);
      if (item.kind === 'fill') return { item, ink: box, glyphs: [] };
      const { text, sizePx, bold } = item;
      const baseline = item.box.y + baselineIn(sizePx);
      let end = 0;
      const glyphs = pen
        .place({ text, sizePx, bold, x: item.box.x, baseline })
        .map(({ mask, x, y }): PartGlyph => {
          const { width, height } = mask;
          const apart = x >= end;
          end = Math.max(end, x + width);
          const place = turnedBox({ x, y, width, height }, picture, turn);
          return { mask: turnedMask(mask), place, apart };
        });
      return { item, glyphs, ink: around(glyphs.map(({ place }) => place)) };
    },
    paintBox: (surface, ground, parts, box) => {
      const clip = within(box, wholeOf(surface));
      fillBox(surface, clip, ground);
      const fills: Box[] = [];
      for (const { item, ink, glyphs } of parts) {
        if (!overlap(ink, clip)) continue;
        if (item.kind === 'fill') {
          fillBox(surface, ink, item.colour, item.radius, clip);
          fills.push(ink);
          continue;
        }
        // Large letters stand alone on the ground: what is under them is known, and none reaches into another's box.
        const copies = item.sizePx >= largePx && !fills.some((fill) => overlap(fill, ink));
        for (const { mask, place, apart } of glyphs) {
          if (copies && apart && isInside(place, clip)) {
            copyRows(surface, stampOf(surface, mask, item.colour, ground), place);
          } else {
            blendMask(surface, mask, place.x, place.y, item.colour, clip);
          }
        }
      }
    },
  };
}

function overlap(a: Box, b: Box): boolean {
  const beside = a.x + a.width <= b.x || b.x + b.width <= a.x;
  return !beside && a.y < b.y + b.height && b.y < a.y + a.height;
}

function isInside(a: Box, b: Box): boolean {
  const beyond = a.x + a.width > b.x + b.width || a.y + a.height > b.y + b.height;
  return !beyond && a.x >= b.x && a.y >= b.y;
}

/** Each glyph is turned once, and forgotten with the mask that it was made of. */
function createTurnedMasks(turn: Rotation): (mask: GlyphMask) => GlyphMask {
  if (turn === 0) return (mask) => mask;
  const known = new WeakMap<GlyphMask, GlyphMask>();
  return (mask) => {
    let turned = known.get(mask);
    if (turned === undefined) {
      const alpha = turnGrid(mask.alpha, mask, turn, new Uint8Array(mask.alpha.length));
      turned = { ...mask, ...turnedSize(mask, turn), alpha };
      known.set(mask, turned);
    }
    return turned;
  };
}

/** A glyph on its ground: rows of finished pixels, which are copied and not mixed one by one. */
interface Stamp {
  colour: Colour;
  ground: Colour;
  rows: readonly Surface['pixels'][];
}

/** The digits of an amount and the large words of a screen; a digit of 170 px takes 40 kB, and 80 kB on a panel of 32 bits. */
const maxStamps = 48;

function createStamps(): (
  surface: Surface,
  mask: GlyphMask,
  colour: Colour,
  ground: Colour,
) => Stamp {
  const stamps = new Map<GlyphMask, Stamp>();
  return (surface, mask, colour, ground) => {
    const known = stamps.get(mask);
    if (known?.colour === colour && known.ground === ground) return known;
    const { width, height } = mask;
    const glyph = { width, height, pixels: blankPixels(isWide(surface.pixels), width * height) };
    glyph.pixels.fill(pixelOf(surface, ground));
    blendMask(glyph, mask, 0, 0, colour);
    const rows = Array.from({ length: height }, (_, row) =>
      glyph.pixels.subarray(row * width, (row + 1) * width),
    );
    const stamp = { colour, ground, rows };
    if (stamps.size >= maxStamps) stamps.clear();
    stamps.set(mask, stamp);
    return stamp;
  };
}

function copyRows({ width, pixels }: Surface, { rows }: Stamp, { x, y }: Box): void {
  let at = y * width + x;
  for (const row of rows) {
    pixels.set(row, at);
    at += width;
  }
}
