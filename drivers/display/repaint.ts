// What of a screen is painted anew when it follows another one: a key changes one line of it, the rest stands. PURE. It must
// never leave out a pixel in which the two differ.
import type { Box } from './blit.ts';
import type { Item } from './blocks.ts';
import type { GlyphMask } from './coverage.ts';

/** An item of a layout, ready to be painted; all places are those on the panel. */
export interface Part {
  item: Item;
  /** Holds every pixel that it paints. */
  ink: Box;
  /** Of a text. */
  glyphs: readonly PartGlyph[];
}

export interface PartGlyph {
  mask: GlyphMask;
  place: Box;
  /** It begins behind the end of those before it: nothing of this text is under it. */
  apart: boolean;
}

export interface Following {
  /** In the order of painting. */
  parts: readonly Part[];
  /** Holds every pixel that is not as it was. */
  changed: Box;
}

/** What follows `before`: parts that stand on both screens are taken over, `makePart` makes the others. */
export function partsAfter(
  before: readonly Part[],
  items: readonly Item[],
  makePart: (item: Item) => Part,
): Following {
  const shorter = Math.min(before.length, items.length);
  let head = 0;
  while (head < shorter && isSame(before[head]?.item, items[head])) head++;
  let tail = 0;
  while (tail < shorter - head && isSame(before.at(-1 - tail)?.item, items.at(-1 - tail))) tail++;
  const gone = before.slice(head, before.length - tail);
  const fresh = items.slice(head, items.length - tail).map(makePart);
  return {
    parts: [...before.slice(0, head), ...fresh, ...before.slice(before.length - tail)],
    changed: around([...gone, ...fresh].map(({ ink }) => ink)),
  };
}

/** The smallest box that holds all of them; an empty one if there are none. */
export function around(boxes: readonly Box[]): Box {
  let [left, top, right, bottom] = [Infinity, Infinity, -Infinity, -Infinity];
  for (const { x, y, width, height } of boxes) {
    if (width <= 0 || height <= 0) continue;
    left = Math.min(left, x);
    top = Math.min(top, y);
    right = Math.max(right, x + width);
    bottom = Math.max(bottom, y + height);
  }
  if (left === Infinity) return { x: 0, y: 0, width: 0, height: 0 };
  return { x: left, y: top, width: right - left, height: bottom - top };
}

function isSame(a: Item | undefined, b: Item | undefined): boolean {
  if (a === undefined || a.colour !== b?.colour || !isSameBox(a.box, b.box)) return false;
  if (a.kind === 'fill') return b.kind === 'fill' && a.radius === b.radius;
  return b.kind === 'text' && a.text === b.text && a.sizePx === b.sizePx && a.bold === b.bold;
}

export function isSameBox(a: Box, b: Box): boolean {
  return a.x === b.x && a.y === b.y && a.width === b.width && a.height === b.height;
}
