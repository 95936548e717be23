// Where everything of a scene goes at a geometry. PURE. Nothing is ever cut off: what does not fit is made smaller.
import { type Geometry } from '../device.ts';
import { quietModules, type Box } from './blit.ts';
import { moved, type Item, type Typesetter } from './blocks.ts';
import { palettes, type Colour } from './palette.ts';
import { type Scene } from './scene.ts';
import { marginOf, sections, stack } from './sections.ts';

export interface Layout {
  ground: Colour;
  /** Whether every part of the scene found its place. */
  complete: boolean;
  /** In the order of painting. */
  items: readonly Item[];
  /** The QR with its quiet zone. */
  qr?: { box: Box; modulePx: number };
}

/** A QR's symbol should be this wide where the panel's size is known: a phone reads it at arm's length. */
const targetQrMm = 40;
/** Where it is not known: this share of the largest QR that the screen could hold. */
const targetQrShare = 0.7;
/** As long as text stays comfortable, the QR keeps this share of the largest. */
const comfortableQrShare = 0.85;
/** Beside a QR the words keep at least this share of a landscape screen. */
const leastColumnShare = 0.36;

/**
 * Digits so high, in millimetres, are seen at two metres under 10 minutes of arc: twice what a good eye needs, and what one
 * of half its sharpness reads.
 */
const readableAmountMm = 5.8;
/** How high a digit is, in ems: it stands as high in the font that ships with this driver. */
export const digitEms = 0.73;

/** Shares of the wanted text size that are tried, largest first: 1 down to 0.04. */
const factors = Array.from({ length: 33 }, (_, i) => 1 - 0.03 * i);
const comfortable = factors.filter((factor) => factor >= 0.6);
const legible = factors.filter((factor) => factor >= 0.4);

/**
 * Lays a scene out. `qrModules` is the side of its QR without quiet zone, 0 without a QR. Texts must be drawable.
 * On a display too small for all of it (a terminal) whole parts are left out, the least needed first; heading, amount,
 * QR and banner never. Undefined when those do not fit.
 */
export function layoutScene(
  scene: Scene,
  geometry: Geometry,
  qrModules: number,
  typesetter: Typesetter,
): Layout | undefined {
  let left: Scene | undefined = scene;
  // Each turn leaves one part out, and a scene has at most maxParts.
  for (let turn = 0; turn <= maxParts && left !== undefined; turn++) {
    const layout =
      qrModules === 0
        ? layoutWords(left, geometry, typesetter)
        : layoutWithQr(left, geometry, qrModules, typesetter);
    if (layout !== undefined) {
      return { ground: palettes[scene.tone].ground, complete: turn === 0, ...layout };
    }
    left = withoutLeastNeeded(left);
  }
  return undefined;
}

/** Body lines, ids, hints, merchant, time and mark: more than any scene has. */
const maxParts = 32;

function withoutLeastNeeded(scene: Scene): Scene | undefined {
  const { mark, timeLeft, ...rest } = scene;
  if (scene.qr !== undefined && scene.qr.lines.length > 0) {
    return { ...scene, qr: { ...scene.qr, lines: scene.qr.lines.slice(0, -1) } };
  }
  if (scene.merchant !== '') return { ...scene, merchant: '' };
  if (scene.lines.length > 0) return { ...scene, lines: scene.lines.slice(0, -1) };
  if (scene.hints.length > 0) return { ...scene, hints: scene.hints.slice(0, -1) };
  if (mark !== undefined) return { ...rest, ...(timeLeft === undefined ? {} : { timeLeft }) };
  return timeLeft === undefined ? undefined : rest;
}

type Placement = Pick<Layout, 'items' | 'qr'>;

function layoutWords(
  scene: Scene,
  geometry: Geometry,
  typesetter: Typesetter,
): Placement | undefined {
  const area = { x: 0, y: 0, width: geometry.width, height: geometry.height };
  for (const factor of factors) {
    const items = column(scene, area, 'centre', factor, typesetter);
    if (items !== undefined) return { items };
  }
  return undefined;
}

/** The largest QR beside which the words are comfortable, or else legible, or else there at all. */
function layoutWithQr(
  scene: Scene,
  geometry: Geometry,
  qrModules: number,
  typesetter: Typesetter,
): Placement | undefined {
  const { width, height } = geometry;
  const landscape = width > height;
  const room = landscape ? Math.min(height, Math.floor(width * (1 - leastColumnShare))) : width;
  const modules = qrModules + 2 * quietModules;
  const most = Math.floor(Math.min(room, height) / modules);
  const target = Math.min(most, targetModulePx(geometry, qrModules, most));
  const largest = landscape
    ? besideAmount(scene, geometry, modules, [target, most], typesetter)
    : most;
  const attempts: [leastPx: number, tried: readonly number[]][] = [
    [Math.max(target, Math.ceil(largest * comfortableQrShare)), comfortable],
    [target, legible],
    [1, factors],
  ];
  for (const [leastPx, tried] of attempts) {
    for (let modulePx = largest; modulePx >= Math.max(leastPx, 1); modulePx--) {
      for (const factor of tried) {
        const layout = landscape
          ? besideQr(scene, geometry, modulePx * modules, factor, typesetter)
          : aroundQr(scene, geometry, modulePx * modules, factor, typesetter);
        if (layout !== undefined) {
          return { items: layout.items, qr: { box: layout.qrBox, modulePx } };
        }
      }
    }
  }
  return undefined;
}

function targetModulePx(geometry: Geometry, qrModules: number, largest: number): number {
  if (geometry.widthMm === undefined) return Math.ceil(largest * targetQrShare);
  return Math.ceil((targetQrMm * geometry.width) / geometry.widthMm / qrModules);
}

/** The largest modules that leave the amount room to be read from two metres; the least if none do. */
function besideAmount(
  { amount }: Scene,
  geometry: Geometry,
  modules: number,
  [least, most]: [number, number],
  typesetter: Typesetter,
): number {
  if (amount === undefined || geometry.widthMm === undefined) return most;
  const wantedPx = (readableAmountMm * geometry.width) / geometry.widthMm / digitEms;
  const wantedWidth = typesetter.measure(amount, Math.ceil(wantedPx), true);
  for (let modulePx = most; modulePx > least; modulePx--) {
    const column = columnWidth(geometry, modulePx * modules);
    const unit = columnUnit({ width: column, height: geometry.height }, 'left');
    if (column - 2 * marginOf(unit) >= wantedWidth) return modulePx;
  }
  return least;
}

/** Beside a QR with its quiet zone, which is a margin already; what is left over goes around it evenly. */
function columnWidth({ width, height }: Geometry, side: number): number {
  const inset = Math.floor((height - side) / 2);
  return width - side - Math.min(inset, Math.floor((width * (1 - leastColumnShare) - side) / 2));
}

/** The side that limits a column: every size in it is a share of this. */
const columnUnit = (
  { width, height }: Pick<Box, 'width' | 'height'>,
  align: 'left' | 'centre',
): number => Math.min(height, width * (align === 'left' ? 1.2 : 1));

interface QrLayout {
  items: readonly Item[];
  qrBox: Box;
}

function besideQr(
  scene: Scene,
  geometry: Geometry,
  side: number,
  factor: number,
  typesetter: Typesetter,
): QrLayout | undefined {
  const x = columnWidth(geometry, side);
  const area = { x: 0, y: 0, width: x, height: geometry.height };
  const items = column(scene, area, 'left', factor, typesetter);
  const y = Math.floor((geometry.height - side) / 2);
  return items && { items, qrBox: { x, y, width: side, height: side } };
}

function aroundQr(
  scene: Scene,
  geometry: Geometry,
  side: number,
  factor: number,
  typesetter: Typesetter,
): QrLayout | undefined {
  const { width, height } = geometry;
  const unit = Math.min(width, height);
  const parts = sections(scene, { width, unit, align: 'centre', factor, typesetter });
  const above = stack([...parts.top, ...parts.middle], parts.gap, width);
  const below = stack([...parts.timing, ...parts.bottom], parts.gap, width);
  const gaps = above.block.height > 0 ? parts.gap : 0;
  const bottomMargin = parts.margin;
  const spare = height - above.block.height - gaps - side - below.block.height - bottomMargin;
  if (spare < parts.gap || above.tooWide || below.tooWide) return undefined;
  // What is left over is shared above and below the QR, and the last part keeps to the edge.
  const y = above.block.height + gaps + Math.floor(spare / 3);
  const belowY = height - bottomMargin - below.block.height - Math.floor(spare / 3);
  return {
    items: [...above.block.items, ...moved(below.block.items, 0, belowY)],
    qrBox: { x: Math.floor((width - side) / 2), y, width: side, height: side },
  };
}

/** Everything but the QR in one column: head at its top, keys at its bottom, the rest in the middle. */
function column(
  scene: Scene,
  area: Box,
  align: 'left' | 'centre',
  factor: number,
  typesetter: Typesetter,
): readonly Item[] | undefined {
  const unit = columnUnit(area, align);
  const parts = sections(scene, { width: area.width, unit, align, factor, typesetter });
  const top = stack(parts.top, parts.gap, area.width);
  const middle = stack([...parts.middle, ...parts.timing], parts.gap, area.width);
  const bottom = stack(parts.bottom, parts.gap, area.width);
  if (top.tooWide || middle.tooWide || bottom.tooWide) return undefined;
  const used = top.block.height + middle.block.height + bottom.block.height + parts.margin;
  const spare = area.height - used;
  if (spare < 2 * parts.gap) return undefined;
  // A little above the middle looks like the middle.
  const middleY = top.block.height + Math.floor(spare * 0.46);
  const bottomY = area.height - parts.margin - bottom.block.height;
  const items = [
    ...top.block.items,
    ...moved(middle.block.items, 0, middleY),
    ...moved(bottom.block.items, 0, bottomY),
  ];
  return moved(items, area.x, area.y);
}
