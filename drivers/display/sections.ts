// A scene's parts, made at one text size: which words are large, which are quiet, what stands above what. PURE.
import {
  banner,
  keyHints,
  moved,
  movingMark,
  paragraph,
  smallestTextPx,
  timeBar,
  type Block,
  type Item,
  type Typesetter,
  type Words,
} from './blocks.ts';
import { palettes } from './palette.ts';
import { type Scene, type Tone } from './scene.ts';

/** A block with its place in a column. */
export interface Placed {
  block: Block;
  x: number;
  /** Distance to the block above, as a share of the gap. */
  above: number;
}

export interface Sections {
  /** Banner and merchant. */
  top: Placed[];
  /** Sign, heading, amount and body. */
  middle: Placed[];
  /** Time left, and the moving mark. */
  timing: Placed[];
  /** Ids and keys. */
  bottom: Placed[];
  /** Between blocks, in pixels. */
  gap: number;
  /** At the edges, in pixels. */
  margin: number;
}

export interface ColumnStyle {
  /** Of the column with its margins. */
  width: number;
  /** The side that limits: every wanted size is a share of it. */
  unit: number;
  align: 'left' | 'centre';
  /** Share of the wanted text size, 0 to 1. */
  factor: number;
  typesetter: Typesetter;
}

/** Signs that are understood before the words are read. */
const toneSign: Record<Tone, string | undefined> = {
  neutral: undefined,
  good: '\u2714',
  warn: '\u26a0',
  bad: '\u2716',
};

/** Wanted sizes as shares of the unit, and the least that is tried first on a tiny display, in pixels. */
const sizes = {
  banner: [0.06, 8],
  merchant: [0.055, 8],
  sign: [0.2, 12],
  heading: [0.095, 9],
  amount: [0.21, 14],
  body: [0.065, 8],
  time: [0.075, 8],
  ids: [0.05, 7],
  hints: [0.06, 7],
} as const;

type Part = keyof typeof sizes;

/** At the edges of a column, in pixels. */
export const marginOf = (unit: number): number => Math.max(2, Math.round(unit * 0.045));

/** Makes every part of a scene. */
export function sections(scene: Scene, style: ColumnStyle): Sections {
  const { unit, factor } = style;
  const margin = marginOf(unit);
  const gap = Math.max(1, Math.round(unit * 0.03 * Math.min(1, factor * 1.2)));
  return {
    top: topParts(scene, style, margin),
    middle: middleParts(scene, style, margin),
    timing: timingParts(scene, style, margin),
    bottom: bottomParts(scene, style, margin),
    gap,
    margin,
  };
}

function textPx(part: Part, { unit, factor }: ColumnStyle): number {
  const [share, least] = sizes[part];
  return Math.max(smallestTextPx, Math.round(Math.max(unit * share, least) * factor));
}

function text(
  part: Part,
  words: Pick<Words, 'text' | 'bold' | 'colour'>,
  above: number,
  style: ColumnStyle,
  margin: number,
): Placed {
  const { align, width, typesetter } = style;
  const sized = { ...words, align, sizePx: textPx(part, style) };
  return { block: paragraph(sized, width - 2 * margin, typesetter), x: margin, above };
}

function topParts(scene: Scene, style: ColumnStyle, margin: number): Placed[] {
  const palette = palettes[scene.tone];
  const parts: Placed[] = [];
  if (scene.banner !== undefined) {
    const words: Words = {
      text: scene.banner,
      sizePx: textPx('banner', style),
      bold: true,
      colour: palette.bannerText,
      align: 'centre',
    };
    const block = banner(words, palette.banner, style.width, style.typesetter);
    parts.push({ block, x: 0, above: 0 });
  }
  if (scene.merchant !== '') {
    const words = { text: scene.merchant, bold: true, colour: palette.quiet };
    parts.push(text('merchant', words, 1, style, margin));
  }
  return parts;
}

function middleParts(scene: Scene, style: ColumnStyle, margin: number): Placed[] {
  const palette = palettes[scene.tone];
  const loud = { bold: true, colour: palette.text };
  const quiet = { bold: false, colour: palette.quiet };
  const sign = scene.qr === undefined ? toneSign[scene.tone] : undefined;
  const parts: Placed[] = [];
  if (sign !== undefined) parts.push(text('sign', { text: sign, ...loud }, 0.5, style, margin));
  if (scene.heading !== '') {
    parts.push(text('heading', { text: scene.heading, ...loud }, 1, style, margin));
  }
  if (scene.amount !== undefined) {
    // One line whatever its spaces are: an amount in two lines is two amounts.
    const amount = scene.amount.replaceAll(' ', '\u00a0');
    parts.push(text('amount', { text: amount, ...loud }, 0.5, style, margin));
  }
  for (const line of scene.lines) {
    parts.push(text('body', { text: line, ...quiet }, 0.8, style, margin));
  }
  return parts;
}

function timingParts(scene: Scene, style: ColumnStyle, margin: number): Placed[] {
  const { unit, factor, width, align } = style;
  const palette = palettes[scene.tone];
  const inner = width - 2 * margin;
  const parts: Placed[] = [];
  if (scene.timeLeft !== undefined) {
    const words = { text: scene.timeLeft.words, bold: true, colour: palette.text };
    parts.push(text('time', words, 1.2, style, margin));
    const block = timeBar(scene.timeLeft.share, Math.round(unit * 0.03 * factor), inner, palette);
    parts.push({ block, x: margin, above: 0.3 });
  }
  if (scene.mark !== undefined) {
    const block = movingMark(scene.mark, Math.round(unit * 0.028 * factor), inner, palette);
    const x = align === 'left' ? margin : Math.floor((width - block.width) / 2);
    parts.push({ block, x, above: 0.7 });
  }
  return parts;
}

function bottomParts(scene: Scene, style: ColumnStyle, margin: number): Placed[] {
  const { align, width, typesetter } = style;
  const palette = palettes[scene.tone];
  const ids = scene.qr?.lines ?? [];
  // Beside a QR the ids stand under each other; above and below one, height is what is scarce.
  const idLines = align === 'left' || ids.length === 0 ? ids : [ids.join(' · ')];
  const parts = idLines.map((line, i) => {
    const words = { text: line, bold: false, colour: palette.quiet };
    return text('ids', words, i === 0 ? 1 : 0.2, style, margin);
  });
  if (scene.hints.length > 0) {
    const keys = { sizePx: textPx('hints', style), align, palette, typesetter };
    const block = keyHints(scene.hints, keys, width - 2 * margin);
    parts.push({ block, x: margin, above: 1.3 });
  }
  return parts;
}

/** Blocks one under the other. */
export function stack(
  parts: readonly Placed[],
  gap: number,
  width: number,
): { block: Block; tooWide: boolean } {
  const items: Item[] = [];
  let y = 0;
  for (const { block, x, above } of parts) {
    y += Math.round(gap * above);
    items.push(...moved(block.items, x, y));
    y += block.height;
  }
  const tooWide = items.some(({ box }) => box.x < 0 || box.x + box.width > width);
  return { block: { width, height: y, items }, tooWide };
}
