// Frames as ordinary pictures: for tests, and for whoever shows a frame elsewhere. Lossless. (PNG, third edition.)
import { crc32, deflateSync } from 'node:zlib';
import { type Frame } from '../device.ts';
import { rgb888 } from './blit.ts';

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

/** A PNG whose pixels are exactly the frame's: by palette where 256 colours are enough, as they are for a screen. */
export function framePng(frame: Frame): Buffer {
  const places = new Map<number, number>();
  for (const pixel of frame.pixels) if (!places.has(pixel)) places.set(pixel, places.size);
  const colours = [...places.keys()].flatMap(rgbOf);
  const indexed = places.size <= 256;
  const samples = indexed
    ? (pixel: number): number[] => [places.get(pixel) ?? 0]
    : (pixel: number): number[] => rgbOf(pixel);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk('IHDR', header(frame, indexed)),
    ...(indexed ? [chunk('PLTE', Buffer.from(colours))] : []),
    chunk('IDAT', deflateSync(scanLines(frame, indexed ? 1 : 3, samples), { level: 9 })),
    chunk('IEND', Buffer.alloc(0)),
  ]);
}

function rgbOf(pixel: number): [red: number, green: number, blue: number] {
  const colour = rgb888(pixel);
  return [colour >> 16, (colour >> 8) & 0xff, colour & 0xff];
}

/** 8 bits a sample; colour type 3 has a palette, 2 has red, green and blue. Neither filtered nor interlaced. */
function header({ width, height }: Frame, indexed: boolean): Buffer {
  const bytes = Buffer.alloc(13);
  bytes.writeUInt32BE(width, 0);
  bytes.writeUInt32BE(height, 4);
  bytes.set([8, indexed ? 3 : 2], 8);
  return bytes;
}

/** Each row begins with the byte of its filter: none. */
function scanLines(
  { width, height, pixels }: Frame,
  channels: number,
  samples: (pixel: number) => number[],
): Buffer {
  const stride = 1 + width * channels;
  const bytes = Buffer.alloc(stride * height);
  pixels.forEach((pixel, i) => {
    const [row, column] = [Math.floor(i / width), i % width];
    bytes.set(samples(pixel), row * stride + 1 + column * channels);
  });
  return bytes;
}

function chunk(type: string, content: Buffer): Buffer {
  const named = Buffer.concat([Buffer.from(type, 'latin1'), content]);
  const ends = Buffer.alloc(8);
  ends.writeUInt32BE(content.length, 0);
  ends.writeUInt32BE(crc32(named), 4);
  return Buffer.concat([ends.subarray(0, 4), named, ends.subarray(4)]);
}
