// Puts shapes into pixels, in the form in which they are held. PURE. Knows nothing of scenes; draws nothing outside of them.
import type { Colour } from './palette.ts';

/**
 * Rows of pixels without padding, a frame's or a panel's: words of 16 bits are RGB565, words of 32 bits XRGB8888 with the
 * colours that RGB565 has, so that every display shows the same picture.
 */
export interface Surface {
  readonly width: number;
  readonly height: number;
  readonly pixels: Uint16Array | Uint32Array;
}

export interface Box {
  x: number;
  y: number;
  width: number;
  height: number;
}

/** Light modules on every side of a QR (ISO/IEC 18004, 5.3.8). */
export const quietModules = 4;

/** 0xRRGGBB to RGB565. */
export function rgb565(colour: Colour): number {
  return ((colour >> 8) & 0xf800) | ((colour >> 5) & 0x07e0) | ((colour >> 3) & 0x001f);
}

/** RGB565 to 0xRRGGBB; full white stays full white. */
export function rgb888(pixel: number): Colour {
  const r = pixel >> 11;
  const g = (pixel >> 5) & 0x3f;
  const b = pixel & 0x1f;
  return (((r << 3) | (r >> 2)) << 16) | (((g << 2) | (g >> 4)) << 8) | ((b << 3) | (b >> 2));
}

/** A colour as a surface holds it. */
export function pixelOf({ pixels }: Surface, colour: Colour): number {
  return isWide(pixels) ? rgb888(rgb565(colour)) : rgb565(colour);
}

/** The colour of a pixel as RGB565. */
export function pixelAt({ pixels }: Surface, at: number): number {
  const pixel = pixels[at] ?? 0;
  return isWide(pixels) ? rgb565(pixel) : pixel;
}

export function isWide(pixels: Surface['pixels']): boolean {
  return pixels.BYTES_PER_ELEMENT === 4;
}

export function blankPixels(wide: boolean, count: number): Surface['pixels'] {
  return wide ? new Uint32Array(count) : new Uint16Array(count);
}

export const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The pixels' own memory. */
export function bytesOf(pixels: Surface['pixels'] | Uint8Array): Buffer {
  return Buffer.from(pixels.buffer, pixels.byteOffset, pixels.byteLength);
}

export function wholeOf({ width, height }: Pick<Box, 'width' | 'height'>): Box {
  return { x: 0, y: 0, width, height };
}

/** What of a box lies in another one. */
export function within(box: Box, clip: Box): Box {
  const [left, top] = [Math.max(box.x, clip.x), Math.max(box.y, clip.y)];
  const right = Math.min(box.x + box.width, clip.x + clip.width);
  const bottom = Math.min(box.y + box.height, clip.y + clip.height);
  return { x: left, y: top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
}

/** Paints a box, with rounded corners of `radius` pixels if given, and of it what lies in `clip`, itself in the surface. */
export function fillBox(
  surface: Surface,
  box: Box,
  colour: Colour,
  radius = 0,
  clip = wholeOf(surface),
): void {
  const { width, pixels } = surface;
  const pixel = pixelOf(surface, colour);
  const part = within(box, clip);
  const right = part.x + part.width;
  for (let y = part.y; y < part.y + part.height; y++) {
    const row = y * width;
    const inner = radius > 0 && (y < box.y + radius || y >= box.y + box.height - radius);
    if (!inner) {
      pixels.fill(pixel, row + part.x, row + right);
      continue;
    }
    for (let x = part.x; x < right; x++) {
      const alpha = Math.round(255 * cornerCover(box, radius, x, y));
      pixels[row + x] = blended(pixels, row + x, colour, alpha);
    }
  }
}

/** How much of a pixel lies inside of the rounded box, 0 to 1. */
function cornerCover(box: Box, radius: number, x: number, y: number): number {
  const nearest = (at: number, from: number, length: number): number =>
    Math.min(Math.max(at, from + radius), from + length - radius);
  const dx = x + 0.5 - nearest(x + 0.5, box.x, box.width);
  const dy = y + 0.5 - nearest(y + 0.5, box.y, box.height);
  // Beside the corners, which is most of it.
  if (dx === 0 || dy === 0) return 1;
  return Math.min(Math.max(radius + 0.5 - Math.hypot(dx, dy), 0), 1);
}

export interface AlphaMask {
  width: number;
  height: number;
  alpha: Uint8Array;
}

/** Paints a colour through a mask whose upper left corner is at (x, y), and of it what lies in `clip`. */
export function blendMask(
  surface: Surface,
  mask: AlphaMask,
  x: number,
  y: number,
  colour: Colour,
  clip = wholeOf(surface),
): void {
  const { width, pixels } = surface;
  const pixel = pixelOf(surface, colour);
  const part = within({ x, y, width: mask.width, height: mask.height }, clip);
  for (let row = part.y; row < part.y + part.height; row++) {
    const from = (row - y) * mask.width - x;
    const to = row * width;
    for (let column = part.x; column < part.x + part.width; column++) {
      const alpha = mask.alpha[from + column] ?? 0;
      // Most of a letter is all of its colour or none: one test each.
      if (alpha === 255) pixels[to + column] = pixel;
      else if (alpha !== 0) pixels[to + column] = blended(pixels, to + column, colour, alpha);
    }
  }
}

/** What a pixel becomes: `alpha` 255ths of the way from what it is to a colour. */
function blended(pixels: Surface['pixels'], at: number, colour: Colour, alpha: number): number {
  const wide = isWide(pixels);
  const word = pixels[at] ?? 0;
  const under = wide ? rgb565(word) : word;
  const over = rgb565(colour);
  const pixel =
    (mix(under >> 11, over >> 11, alpha) << 11) |
    (mix((under >> 5) & 0x3f, (over >> 5) & 0x3f, alpha) << 5) |
    mix(under & 0x1f, over & 0x1f, alpha);
  return wide ? rgb888(pixel) : pixel;
}

/** Rounded, and in whole numbers: letters are mixed a pixel at a time. A 255th of what is below 0x10000, without dividing. */
function mix(from: number, to: number, alpha: number): number {
  const sum = from * (255 - alpha) + to * alpha + 128;
  return (sum + (sum >> 8)) >> 8;
}
