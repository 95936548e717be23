// Frames as ordinary pictures: for tests, and for whoever shows a frame elsewhere. Lossless.
import { type Frame } from '../device.ts';
import { rgb888 } from './blit.ts';
import { loadSharp } from './text.ts';

/** 8 bits a channel, red first, opaque. */
export function frameRgba(frame: Frame): Uint8Array {
  const rgba = new Uint8Array(frame.pixels.length * 4);
  frame.pixels.forEach((pixel, i) => {
    const colour = rgb888(pixel);
    rgba[4 * i] = colour >> 16;
    rgba[4 * i + 1] = (colour >> 8) & 0xff;
    rgba[4 * i + 2] = colour & 0xff;
    rgba[4 * i + 3] = 255;
  });
  return rgba;
}

/** A PNG whose pixels are exactly the frame's. */
export async function framePng(frame: Frame): Promise<Buffer> {
  const sharp = await loadSharp();
  const raw = { width: frame.width, height: frame.height, channels: 4 } as const;
  return sharp(frameRgba(frame), { raw }).removeAlpha().png({ compressionLevel: 9 }).toBuffer();
}
