// Contact sheets of the golden screens: all of one panel, language and tone in one picture, each whole, in the two colours
// that its letters are made of. 761 screens take 3.5 MB so; with every colour they would take 15. `pixels.txt` holds those.
import { existsSync } from 'node:fs';
import sharp from 'sharp';
import type { Frame, Geometry } from '../../drivers/device.ts';
import { rgb888 } from '../../drivers/display/blit.ts';
import { palettes, type Colour } from '../../drivers/display/palette.ts';
import type { Tone } from '../../drivers/display/scene.ts';

/** A screen in two colours: 1 where a pixel is nearer to the colour of its letters than to its ground's. */
export type Bits = Uint8Array;

/** Screens beside each other. */
const columns = 5;
/** Letters' colour between two screens, as their grounds are the same. */
const gapPx = 8;

const channels = (colour: Colour): [red: number, green: number, blue: number] => [
  colour >> 16,
  (colour >> 8) & 0xff,
  colour & 0xff,
];

function distance(one: Colour, other: Colour): number {
  const [a, b] = [channels(one), channels(other)];
  return a.reduce((sum, value, i) => sum + (value - (b[i] ?? 0)) ** 2, 0);
}

/** What each of the 65,536 colours becomes. */
function twoColours(tone: Tone): Bits {
  const { ground, text } = palettes[tone];
  return Uint8Array.from({ length: 0x1_0000 }, (_, pixel) => {
    const colour = rgb888(pixel);
    return distance(colour, text) < distance(colour, ground) ? 1 : 0;
  });
}

const tables = {
  neutral: twoColours('neutral'),
  good: twoColours('good'),
  warn: twoColours('warn'),
  bad: twoColours('bad'),
} satisfies Record<Tone, Bits>;

export function bitsOf({ pixels }: Frame, tone: Tone): Bits {
  const table = tables[tone];
  const bits = new Uint8Array(pixels.length);
  for (let i = 0; i < pixels.length; i++) bits[i] = table[pixels[i] ?? 0] ?? 0;
  return bits;
}

function sheetSize({ width, height }: Geometry, count: number): Geometry {
  const across = Math.min(columns, count);
  const down = Math.ceil(count / columns);
  return { width: across * (width + gapPx) - gapPx, height: down * (height + gapPx) - gapPx };
}

/** Where each row of a screen begins on its sheet, which is `across` pixels wide. */
function* rowsOf({ width, height }: Geometry, across: number, index: number): Iterable<number> {
  const left = (index % columns) * (width + gapPx);
  const top = Math.floor(index / columns) * (height + gapPx);
  for (let row = 0; row < height; row++) yield (top + row) * across + left;
}

/** The picture's file as it is to be. */
export async function drawSheet(
  panel: Geometry,
  tone: Tone,
  screens: readonly Bits[],
): Promise<Buffer> {
  const { width, height } = sheetSize(panel, screens.length);
  const { ground, text } = palettes[tone];
  const sheet = Buffer.alloc(width * height, 1);
  for (const [index, bits] of screens.entries()) {
    let row = 0;
    for (const at of rowsOf(panel, width, index)) {
      sheet.set(bits.subarray(row, row + panel.width), at);
      row += panel.width;
    }
  }
  const [light, dark] = [Buffer.from(channels(ground)), Buffer.from(channels(text))];
  const pixels = Buffer.alloc(width * height * 3);
  sheet.forEach((bit, i) => (bit === 1 ? dark : light).copy(pixels, 3 * i));
  return sharp(pixels, { raw: { width, height, channels: 3 } })
    .png({ palette: true, colours: 2, dither: 0, effort: 10, compressionLevel: 9 })
    .toBuffer();
}

/** The screens that a sheet holds, in their order; none if there is no such sheet, or it is made for others. */
export async function readSheet(
  file: string,
  panel: Geometry,
  tone: Tone,
  count: number,
): Promise<Bits[]> {
  if (!existsSync(file)) return [];
  const { data, info } = await sharp(file)
    .extractChannel('red')
    .raw()
    .toBuffer({ resolveWithObject: true });
  const size = sheetSize(panel, count);
  if (info.width !== size.width || info.height !== size.height) return [];
  const dark = channels(palettes[tone].text)[0];
  const sheet = data.map((red) => (red === dark ? 1 : 0));
  return Array.from({ length: count }, (_, index) => {
    const rows = [...rowsOf(panel, size.width, index)];
    return Buffer.concat(rows.map((at) => sheet.subarray(at, at + panel.width)));
  });
}

/** One screen as it stood on its sheet, as a picture of its own. */
export async function drawOne(panel: Geometry, tone: Tone, bits: Bits): Promise<Buffer> {
  return drawSheet(panel, tone, [bits]);
}
