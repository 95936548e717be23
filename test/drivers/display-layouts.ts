// What can be wrong with a screen: found in its layout and its letters' own pixels, for every screen that a test draws.
import type { Geometry } from '../../drivers/device.ts';
import { rgb565, rgb888, type Box } from '../../drivers/display/blit.ts';
import { createBlockMemory } from '../../drivers/display/block-memory.ts';
import { type Item } from '../../drivers/display/blocks.ts';
import { layoutScene, type Layout } from '../../drivers/display/layout.ts';
import { createPainter } from '../../drivers/display/paint.ts';
import { contrast, type Colour } from '../../drivers/display/palette.ts';
import { qrMatrix } from '../../drivers/display/qr.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { drawable, measureText } from '../../drivers/display/text.ts';

export type TextItem = Extract<Item, { kind: 'text' }>;
type FillItem = Extract<Item, { kind: 'fill' }>;

const leastContrast = 7;
const typesetter = { measure: measureText, remember: createBlockMemory() };

export function layoutOf(scene: Scene, panel: Geometry): Layout {
  const modules = scene.qr === undefined ? 0 : qrMatrix(scene.qr.text).size;
  const layout = layoutScene(scene, panel, modules, typesetter);
  if (layout === undefined) throw new Error('does not fit');
  return layout;
}

export const textsOf = (layout: Layout): TextItem[] =>
  layout.items.filter((item): item is TextItem => item.kind === 'text');

/** Everything that a person would complain about; empty for a good screen. */
export function faultsOf(scene: Scene, panel: Geometry): string[] {
  const layout = layoutOf(scene, panel);
  const texts = textsOf(layout);
  const faults = layout.complete ? [] : ['parts are left out'];
  const boxes = texts.map((item) => item.box);
  if (layout.qr !== undefined) boxes.push(layout.qr.box);
  for (const box of boxes) if (!inside(box, panel)) faults.push(`outside: ${JSON.stringify(box)}`);
  boxes.forEach((box, i) => {
    if (boxes.slice(i + 1).some((other) => overlap(box, other))) {
      faults.push(`covered: ${texts[i]?.text ?? 'QR'}`);
    }
  });
  const drawn = letters(texts.map((item) => item.text));
  for (const text of everyText(scene)) {
    if (!drawn.includes(letters([text]))) faults.push(`missing: ${text}`);
    if (drawable(text) !== text) faults.push(`not in the font: ${text}`);
  }
  for (const item of texts) {
    const ratio = contrastOf(item, layout);
    if (ratio < leastContrast) faults.push(`contrast ${ratio.toFixed(1)}: ${item.text}`);
    if (!keepsToItsBox(item)) faults.push(`strokes outside of the room of: ${item.text}`);
  }
  return faults;
}

const inside = (box: Box, { width, height }: Geometry): boolean =>
  box.x >= 0 && box.y >= 0 && box.x + box.width <= width && box.y + box.height <= height;

function overlap(a: Box, b: Box): boolean {
  const apart =
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
  return !apart;
}

export const letters = (texts: readonly string[]): string => texts.join('').replace(/[\s·]/g, '');

function everyText(scene: Scene): string[] {
  return [
    scene.merchant,
    scene.heading,
    ...scene.lines,
    ...scene.hints.flatMap((hint) => [hint.key, hint.text]),
    ...(scene.amount === undefined ? [] : [scene.amount]),
    ...(scene.qr?.lines ?? []),
    ...(scene.timeLeft === undefined ? [] : [scene.timeLeft.words]),
    ...(scene.banner === undefined ? [] : [scene.banner]),
  ];
}

/** Against what lies under it, in the colours that a panel really gets; a text half on something has none. */
function contrastOf(item: TextItem, layout: Layout): number {
  const under = layout.items
    .slice(0, layout.items.indexOf(item))
    .filter((other): other is FillItem => other.kind === 'fill')
    .findLast(({ box }) => overlap(box, item.box));
  if (under === undefined) return seenContrast(item.colour, layout.ground);
  const { x, y, width, height } = under.box;
  const within = { ...item.box, x: item.box.x - x, y: item.box.y - y };
  return inside(within, { width, height }) ? seenContrast(item.colour, under.colour) : 0;
}

export function seenContrast(ink: Colour, paper: Colour): number {
  const seen = (colour: Colour): Colour => rgb888(rgb565(colour));
  return contrast(seen(ink), seen(paper));
}

/** A J reaches to the left of where it begins, by less than the margin of any screen. */
const overhang = 0.13;

/** Draws the text alone and looks where its strokes are. */
function keepsToItsBox(item: TextItem): boolean {
  const { sizePx, box } = item;
  const edge = sizePx;
  const side = Math.ceil(sizePx * overhang);
  const [width, height] = [box.width + 2 * edge, box.height + 2 * edge];
  const frame = { width, height, pixels: new Uint16Array(width * height) };
  const painter = createPainter({ width, height }, 0);
  const part = painter.partOf({ ...item, box: { ...box, x: edge, y: edge }, colour: 0xffffff });
  painter.paintBox(frame, 0x000000, [part], { x: 0, y: 0, width, height });
  for (const [i, pixel] of frame.pixels.entries()) {
    if (pixel === 0) continue;
    const [x, y] = [(i % width) - edge, Math.floor(i / width) - edge];
    if (y < 0 || y >= box.height || x < -side || x >= box.width + side) return false;
  }
  return true;
}
