// What a person with a phone would see: the QR in a picture, and whether a screen shows what it should. No side channel.
import { decodeQR } from 'qr/decode.js';
import type { Frame } from '../../drivers/device.ts';
import { frameRgba } from '../../drivers/display/png.ts';
import type { Sheet } from '../../drivers/printer/simulator.ts';

/** A busy machine needs more than the library's default of a sixtieth of a second. */
const decodeLimitMs = 2000;

/** The text of the QR on a screen, read out of its pixels. */
export function qrOnScreen(frame: Frame): string | undefined {
  return read(frame.width, frame.height, frameRgba(frame));
}

/** The text of the QR on paper, read out of its dots, with a blank edge as the paper has. */
export function qrOnPaper({ widthDots, heightDots, bitmap }: Sheet): string | undefined {
  const edge = 40;
  const [width, height] = [widthDots + 2 * edge, heightDots + 2 * edge];
  const rgba = new Uint8Array(width * height * 4).fill(255);
  bitmap.forEach((dot, i) => {
    if (dot !== 1) return;
    const [x, y] = [(i % widthDots) + edge, Math.floor(i / widthDots) + edge];
    rgba.fill(0, 4 * (y * width + x), 4 * (y * width + x) + 3);
  });
  return read(width, height, rgba);
}

/** Whether two pictures are the same in every pixel. */
export function sameFrame(a: Frame, b: Frame): boolean {
  if (a.width !== b.width || a.height !== b.height) return false;
  return a.pixels.every((pixel, i) => pixel === b.pixels[i]);
}

function read(width: number, height: number, data: Uint8Array): string | undefined {
  try {
    return decodeQR({ width, height, data }, { format: 'RGBA', timeLimit: decodeLimitMs });
  } catch (error) {
    // The library says "no QR here" by throwing a plain Error.
    if (error instanceof Error) return undefined;
    throw error;
  }
}
