// Words as pixels: measures and draws single lines with the font that ships beside this file, whatever the machine has.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type Sharp from 'sharp';
import { DeviceError } from '../device.ts';
import { readFontMetrics } from './font-metrics.ts';

/** How opaque each pixel of a line of text is. The pen starts at (`left`, `baseline`). */
export interface Mask {
  width: number;
  height: number;
  left: number;
  baseline: number;
  alpha: Uint8Array;
}

/** Width in pixels of one line. */
export type Measure = (text: string, sizePx: number, bold: boolean) => number;

const fontFolder = new URL('font/', import.meta.url);
const regular = readFontMetrics(readFileSync(new URL('DejaVuSans.ttf', fontFolder)));
const boldFace = readFontMetrics(readFileSync(new URL('DejaVuSans-Bold.ttf', fontFolder)));

export const measureText: Measure = (text, sizePx, bold) =>
  (bold ? boldFace : regular).widthPx(text, sizePx);

/** Replaces what the font cannot draw, control characters among it, by `?`. Breaks become spaces. */
export function drawable(text: string): string {
  let clean = '';
  for (const char of text) {
    const code = char.codePointAt(0) ?? 0;
    const known = regular.has(code) && boldFace.has(code);
    clean += /\s/.test(char) && code !== 0xa0 ? ' ' : known ? char : '?';
  }
  return clean;
}

export interface TextRuns {
  /** The mask of one line of drawable text. @throws DeviceError `hardware` when the picture library fails */
  mask(text: string, sizePx: number, bold: boolean): Promise<Mask>;
}

/** An amount at 160 px takes 150 kB, a screen of words 300 kB: this holds the screens of a sale. */
const cacheBytes = 4_000_000;

/** A bounded cache of lines, the least recently used one leaves first. */
export function createTextRuns(): TextRuns {
  const runs = new Map<string, Mask>();
  let bytes = 0;
  const keep = (key: string, mask: Mask): void => {
    bytes += mask.alpha.length - (runs.get(key)?.alpha.length ?? 0);
    runs.delete(key);
    runs.set(key, mask);
    for (const [oldKey, old] of runs) {
      if (bytes <= cacheBytes || oldKey === key) break;
      runs.delete(oldKey);
      bytes -= old.alpha.length;
    }
  };
  return {
    mask: async (text, sizePx, bold) => {
      const key = `${sizePx} ${bold ? 'b' : 'r'} ${text}`;
      const mask = runs.get(key) ?? (await drawLine(text, sizePx, bold));
      keep(key, mask);
      return mask;
    },
  };
}

let loaded: Promise<typeof Sharp> | undefined;

/** The picture library, told about our font before it is loaded: fontconfig reads its environment once. */
export async function loadSharp(): Promise<typeof Sharp> {
  process.env['FONTCONFIG_FILE'] = fileURLToPath(new URL('fonts.conf', fontFolder));
  loaded ??= import('sharp').then(({ default: sharp }) => {
    sharp.cache(false); // Our own cache holds masks; the library's would hold what is never asked for again.
    return sharp;
  });
  return loaded;
}

const escapes: Record<string, string> = { '<': '&lt;', '>': '&gt;', '&': '&amp;' };

async function drawLine(text: string, sizePx: number, bold: boolean): Promise<Mask> {
  // Room on every side: strokes reach over the advance, accents over the ascent.
  const pad = Math.ceil(sizePx * 0.2) + 1;
  const width = Math.ceil(measureText(text, sizePx, bold)) + 2 * pad;
  const height = Math.ceil(sizePx * 1.2) + 2 * pad;
  const baseline = pad + Math.round(sizePx * 0.94);
  const svg =
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
    `<text x="${pad}" y="${baseline}" font-family="DejaVu Sans" font-size="${sizePx}px" ` +
    `font-weight="${bold ? 'bold' : 'normal'}" xml:space="preserve">` +
    `${text.replace(/[<>&]/g, (char) => escapes[char] ?? '')}</text></svg>`;
  try {
    const sharp = await loadSharp();
    const alpha = await sharp(Buffer.from(svg)).extractChannel('alpha').raw().toBuffer();
    return { width, height, left: pad, baseline, alpha };
  } catch (error) {
    throw new DeviceError('hardware', 'a line of text could not be drawn', { cause: error });
  }
}
