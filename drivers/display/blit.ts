// Puts shapes into a frame of RGB565 pixels. PURE. Knows nothing of scenes; draws nothing outside of the frame.
import type { Frame } from '../device.ts';
import type { Colour } from './palette.ts';

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

/** Paints a box, with rounded corners of `radius` pixels if given. */
export function fillBox(frame: Frame, box: Box, colour: Colour, radius = 0): void {
  const pixel = rgb565(colour);
  const right = Math.min(box.x + box.width, frame.width);
  const bottom = Math.min(box.y + box.height, frame.height);
  for (let y = Math.max(box.y, 0); y < bottom; y++) {
    const row = y * frame.width;
    const inner = radius > 0 && (y < box.y + radius || y >= box.y + box.height - radius);
    if (!inner) {
      frame.pixels.fill(pixel, row + Math.max(box.x, 0), row + right);
      continue;
    }
    for (let x = Math.max(box.x, 0); x < right; x++) {
      const alpha = Math.round(255 * cornerCover(box, radius, x, y));
      frame.pixels[row + x] = blended(frame.pixels[row + x] ?? 0, pixel, alpha);
    }
  }
}

/** How much of a pixel lies inside of the rounded box, 0 to 1. */
function cornerCover(box: Box, radius: number, x: number, y: number): number {
  const nearest = (at: number, from: number, length: number): number =>
    Math.min(Math.max(at, from + radius), from + length - radius);
  const dx = x + 0.5 - nearest(x + 0.5, box.x, box.width);
  const dy = y + 0.5 - nearest(y + 0.5, box.y, box.height);
  return Math.min(Math.max(radius + 0.5 - Math.hypot(dx, dy), 0), 1);
}

export interface AlphaMask {
  width: number;
  height: number;
  alpha: Uint8Array;
}

/** Paints a colour through a mask whose upper left corner is at (x, y). */
export function blendMask(
  frame: Frame,
  mask: AlphaMask,
  x: number,
  y: number,
  colour: Colour,
): void {
  const pixel = rgb565(colour);
  const left = Math.max(0, -x);
  const right = Math.min(mask.width, frame.width - x);
  const bottom = Math.min(mask.height, frame.height - y);
  const { pixels } = frame;
  for (let my = Math.max(0, -y); my < bottom; my++) {
    const from = my * mask.width;
    const to = (y + my) * frame.width + x;
    for (let mx = left; mx < right; mx++) {
      const alpha = mask.alpha[from + mx] ?? 0;
      // Most of a letter is all of its colour or none: one test each.
      if (alpha === 255) pixels[to + mx] = pixel;
      else if (alpha !== 0) pixels[to + mx] = blended(pixels[to + mx] ?? 0, pixel, alpha);
    }
  }
}

/** `alpha` 255ths of the way from one pixel to another. */
function blended(under: number, pixel: number, alpha: number): number {
  return (
    (mix(under >> 11, pixel >> 11, alpha) << 11) |
    (mix((under >> 5) & 0x3f, (pixel >> 5) & 0x3f, alpha) << 5) |
    mix(under & 0x1f, pixel & 0x1f, alpha)
  );
}

/** Rounded, and in whole numbers: letters are mixed a pixel at a time. A 255th of what is below 0x10000, without dividing. */
function mix(from: number, to: number, alpha: number): number {
  const sum = from * (255 - alpha) + to * alpha + 128;
  return (sum + (sum >> 8)) >> 8;
}
