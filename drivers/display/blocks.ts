// The parts a screen is made of: wrapped text, time bar, moving mark, key caps. PURE. Each says how high it is at a width.
import { type Box } from './blit.ts';
import { type Colour, type Palette } from './palette.ts';
import { type Scene } from './scene.ts';

/** Width in pixels of one line of text. */
export type MeasureWidth = (text: string, sizePx: number, bold: boolean) => number;

/** What blocks of words are made with. */
export interface Typesetter {
  measure: MeasureWidth;
  /** The block of this key, if it was made before; the key says all that it is made of. */
  remember: (key: string, make: () => Block) => Block;
}

/** One thing to paint. A text is one line; its box has room for every accent and descender. */
export type Item =
  | { kind: 'fill'; box: Box; colour: Colour; radius: number }
  | { kind: 'text'; box: Box; text: string; sizePx: number; bold: boolean; colour: Colour };

/** Something of a fixed size, its items counted from its own upper left corner. */
export interface Block {
  width: number;
  height: number;
  items: readonly Item[];
}

/** Smaller than this nobody reads: a screen that needs it is refused. */
export const smallestTextPx = 5;

export const lineHeight = (sizePx: number): number => Math.ceil(sizePx * 1.2);

/** How far below its upper edge the letters of a line stand: above there is room for accents, below for descenders. */
export const baselineIn = (sizePx: number): number => Math.round(sizePx * 0.94);

export function moved(items: readonly Item[], dx: number, dy: number): readonly Item[] {
  if (dx === 0 && dy === 0) return items;
  return items.map((item) => ({
    ...item,
    box: { ...item.box, x: item.box.x + dx, y: item.box.y + dy },
  }));
}

export interface Words {
  text: string;
  sizePx: number;
  bold: boolean;
  colour: Colour;
  align: 'left' | 'centre';
}

/** A piece of a line that stays together. */
interface Piece {
  text: string;
  width: number;
}

/**
 * Wraps words to a width. A word that is too wide makes the whole text smaller; only at the smallest size it is broken.
 * Lines are balanced, so that no word stands alone on the last one.
 */
export function paragraph(words: Words, width: number, { measure, remember }: Typesetter): Block {
  const { text, sizePx, bold, colour, align } = words;
  const key = `words ${width} ${sizePx} ${bold} ${colour} ${align} ${text}`;
  return remember(key, () => wordsIn(words, width, measure));
}

function wordsIn(words: Words, width: number, measure: MeasureWidth): Block {
  const { text, bold, colour, align } = words;
  // A number stays with what it counts: an amount in two lines is two amounts.
  const parts = text
    .replace(/(Rp|:) (?=\d)/g, '$1\u00a0')
    .split(/ +/)
    .filter((word) => word !== '');
  const widest = Math.max(0, ...parts.map((part) => measure(part, 1, bold)));
  const fitting = widest === 0 ? words.sizePx : Math.floor(width / widest);
  const sizePx = Math.max(smallestTextPx, Math.min(words.sizePx, fitting));
  const widthOf = (line: string): number => measure(line, sizePx, bold);
  const pieces = parts.flatMap((part) => brokenWord(part, width, widthOf));
  const height = lineHeight(sizePx);
  const lines = balanced(pieces, widthOf(' '), width);
  const items = lines.map((line, i): Item => {
    const lineWidth = Math.ceil(line.width);
    const x = align === 'centre' ? Math.floor((width - lineWidth) / 2) : 0;
    const box = { x, y: i * height, width: lineWidth, height };
    return { kind: 'text', box, text: line.text, sizePx, bold, colour };
  });
  const natural = Math.ceil(Math.max(0, ...lines.map((line) => line.width)));
  return { width: natural, height: height * lines.length, items };
}

/** A word in pieces that each fit. At least one character a piece, so it always ends. */
function brokenWord(word: string, width: number, widthOf: (line: string) => number): Piece[] {
  const whole = { text: word, width: widthOf(word) };
  if (whole.width <= width) return [whole];
  const pieces: Piece[] = [];
  let piece: Piece = { text: '', width: 0 };
  for (const char of word) {
    const charWidth = widthOf(char);
    if (piece.text !== '' && piece.width + charWidth > width) {
      pieces.push(piece);
      piece = { text: '', width: 0 };
    }
    piece = { text: piece.text + char, width: piece.width + charWidth };
  }
  return [...pieces, piece];
}

/** The narrowest lines that are not more than those of the whole width. */
function balanced(pieces: readonly Piece[], space: number, width: number): Piece[] {
  const loose = wrapped(pieces, space, width);
  let enough = width;
  let tooNarrow = Math.max(0, ...pieces.map((piece) => piece.width)) - 1;
  while (loose.length > 1 && enough - tooNarrow > 1) {
    const middle = (enough + tooNarrow) / 2;
    if (wrapped(pieces, space, middle).length === loose.length) enough = middle;
    else tooNarrow = middle;
  }
  return wrapped(pieces, space, enough);
}

function wrapped(pieces: readonly Piece[], space: number, width: number): Piece[] {
  const lines: Piece[] = [];
  let line: Piece | undefined;
  for (const piece of pieces) {
    if (line === undefined) {
      line = piece;
    } else if (line.width + space + piece.width > width) {
      lines.push(line);
      line = piece;
    } else {
      line = { text: `${line.text} ${piece.text}`, width: line.width + space + piece.width };
    }
  }
  return line === undefined ? lines : [...lines, line];
}

/** Words across a filled strip. */
export function banner(words: Words, ground: Colour, width: number, typesetter: Typesetter): Block {
  const pad = Math.ceil(words.sizePx * 0.35);
  const text = paragraph({ ...words, align: 'centre' }, width - 2 * pad, typesetter);
  const height = text.height + 2 * pad;
  const strip: Item = {
    kind: 'fill',
    box: { x: 0, y: 0, width, height },
    colour: ground,
    radius: 0,
  };
  return { width, height, items: [strip, ...moved(text.items, pad, pad)] };
}

/** Below this share of time the bar changes its colour. */
const lowShare = 0.25;

/** The time left as a bar. */
export function timeBar(share: number, thickPx: number, width: number, palette: Palette): Block {
  const height = Math.max(2, thickPx);
  const radius = Math.floor(height / 2);
  const full = Math.round(width * Math.min(Math.max(share, 0), 1));
  const items: Item[] = [
    {
      kind: 'fill',
      box: { x: 0, y: 0, width, height },
      colour: palette.track,
      radius,
    },
  ];
  if (full > 0) {
    const colour = share < lowShare ? palette.barLow : palette.bar;
    // Never narrower than its round ends, so that the last seconds still show something.
    const box = { x: 0, y: 0, width: Math.min(width, Math.max(full, height)), height };
    items.push({ kind: 'fill', box, colour, radius });
  }
  return { width, height, items };
}

const markDots = 8;

/** A dot that steps along a row of dots: a picture of this screen stands still, the screen does not. */
export function movingMark(count: number, dotPx: number, width: number, palette: Palette): Block {
  const dot = Math.max(2, Math.min(dotPx, Math.floor(width / (2 * markDots))));
  const step = Math.min(dot * 2, Math.floor((width - dot) / (markDots - 1)));
  const lit = ((Math.floor(count) % markDots) + markDots) % markDots;
  const items = Array.from({ length: markDots }, (_, i): Item => {
    const box = { x: i * step, y: 0, width: dot, height: dot };
    const colour = i === lit ? palette.bar : palette.track;
    return { kind: 'fill', box, colour, radius: Math.floor(dot / 2) };
  });
  return { width: step * (markDots - 1) + dot, height: dot, items };
}

type Hint = Scene['hints'][number];

/** Keys that would need a second row may get this much smaller first. */
const smallestHintShare = 0.72;

export interface HintStyle {
  sizePx: number;
  align: 'left' | 'centre';
  palette: Palette;
  typesetter: Typesetter;
}

/** Which key does what: caps with their words, in one row if they can, else in as many as they need. */
export function keyHints(hints: readonly Hint[], style: HintStyle, width: number): Block {
  const { sizePx, align, palette, typesetter } = style;
  const words = hints.map(({ key, text }) => `${key}\t${text}`).join('\n');
  const key = `hints ${width} ${sizePx} ${align} ${palette.ground} ${words}`;
  return typesetter.remember(key, () => hintsIn(hints, style, width));
}

function hintsIn(hints: readonly Hint[], style: HintStyle, width: number): Block {
  const least = Math.max(smallestTextPx, Math.ceil(style.sizePx * smallestHintShare));
  for (let sizePx = style.sizePx; sizePx >= least; sizePx--) {
    const rows = hintRows(hints, { ...style, sizePx }, width);
    if (rows.length === 1) return placedRows(rows, { ...style, sizePx }, width);
  }
  return placedRows(hintRows(hints, style, width), style, width);
}

interface HintRow {
  blocks: Block[];
  width: number;
}

const hintGap = (sizePx: number): number => Math.ceil(sizePx * 1.1);

function hintRows(hints: readonly Hint[], style: HintStyle, width: number): HintRow[] {
  const gap = hintGap(style.sizePx);
  const rows: HintRow[] = [];
  for (const hint of hints) {
    const block = keyHint(hint, style, width);
    const row = rows.at(-1);
    if (row !== undefined && row.width + gap + block.width <= width) {
      row.blocks.push(block);
      row.width += gap + block.width;
    } else {
      rows.push({ blocks: [block], width: block.width });
    }
  }
  return rows;
}

function placedRows(rows: readonly HintRow[], style: HintStyle, width: number): Block {
  const between = Math.ceil(style.sizePx * 0.35);
  const items: Item[] = [];
  let y = 0;
  for (const row of rows) {
    const height = Math.max(...row.blocks.map((block) => block.height));
    let x = style.align === 'centre' ? Math.floor((width - row.width) / 2) : 0;
    for (const block of row.blocks) {
      items.push(...moved(block.items, x, y + Math.floor((height - block.height) / 2)));
      x += block.width + hintGap(style.sizePx);
    }
    y += height + between;
  }
  return { width, height: Math.max(0, y - between), items };
}

function keyHint(hint: Hint, style: HintStyle, width: number): Block {
  const { sizePx, palette, typesetter } = style;
  const edge = Math.max(1, Math.round(sizePx * 0.08));
  const pad = Math.ceil(sizePx * 0.4);
  const words = { sizePx, align: 'left' } as const;
  const key = paragraph(
    { ...words, text: hint.key.replaceAll(' ', '\u00a0'), bold: true, colour: palette.keyText },
    Math.floor(width / 2) - 2 * pad,
    typesetter,
  );
  const capHeight = key.height + 2 * Math.ceil(pad / 3) + 2 * edge;
  // A cap is never narrower than high, as on a keypad.
  const capWidth = Math.max(key.width + 2 * pad, capHeight);
  const room = width - capWidth - Math.ceil(pad * 0.8);
  const text = paragraph(
    { ...words, text: hint.text, bold: false, colour: palette.text },
    room,
    typesetter,
  );
  const height = Math.max(capHeight, text.height);
  const top = Math.floor((height - capHeight) / 2);
  const radius = Math.min(Math.ceil(sizePx * 0.3), Math.floor(capHeight / 2));
  const cap = { x: 0, y: top, width: capWidth, height: capHeight };
  // The lower edge is thicker: it reads as a key and not as a frame.
  const face = {
    x: edge,
    y: top + edge,
    width: capWidth - 2 * edge,
    height: capHeight - 3 * edge,
  };
  const items: Item[] = [
    { kind: 'fill', box: cap, colour: palette.keyEdge, radius },
    { kind: 'fill', box: face, colour: palette.keyCap, radius: Math.max(0, radius - edge) },
    ...moved(
      key.items,
      Math.floor((capWidth - key.width) / 2),
      top + Math.floor((capHeight - edge - key.height) / 2),
    ),
    ...moved(text.items, capWidth + Math.ceil(pad * 0.8), Math.floor((height - text.height) / 2)),
  ];
  return { width: capWidth + Math.ceil(pad * 0.8) + text.width, height, items };
}
