// A frame as the bytes of a Linux framebuffer: pixel format, stride and rotation. PURE.
// Kernel documentation fb/api: true colour, 16 bits = RGB565, 32 bits = XRGB8888, both little endian on every Pi.
import assert from 'node:assert/strict';
import type { Frame } from '../device.ts';
import type { Box } from './blit.ts';
import type { RowRun } from './rows.ts';

export interface Panel {
  width: number;
  height: number;
  /** Bytes from one row to the next; may be more than a row's pixels take. */
  stride: number;
  bitsPerPixel: 16 | 32;
}

/** How far the picture is turned clockwise on the panel, in degrees. */
export type Rotation = 0 | 90 | 180 | 270;

/** The size in which frames for a panel are drawn. */
export function frameSize(panel: Panel, rotation: Rotation): { width: number; height: number } {
  const turned = rotation === 90 || rotation === 270;
  return turned
    ? { width: panel.height, height: panel.width }
    : { width: panel.width, height: panel.height };
}

/**
 * Writes a frame into `target`, the panel's memory; bytes between rows stay as they are.
 * @param box of the frame, where only a part is wanted
 * @returns the panel's rows that it came into
 */
export function packFrame(
  frame: Frame,
  panel: Panel,
  rotation: Rotation,
  target: Uint8Array,
  box: Box = { x: 0, y: 0, width: frame.width, height: frame.height },
): RowRun {
  const size = frameSize(panel, rotation);
  assert(frame.width === size.width && frame.height === size.height, 'a frame of another size');
  assert(target.length >= panel.stride * panel.height);
  const place = onPanel(box, frame, rotation);
  assert(place.x >= 0 && place.x + place.width <= panel.width);
  assert(place.y >= 0 && place.y + place.height <= panel.height);
  const pixelBytes = panel.bitsPerPixel / 8;
  const isAligned = (target.byteOffset | panel.stride) % pixelBytes === 0;
  if (!isLittleEndian || !isAligned) packBytes(frame, panel, rotation, target, place);
  else if (panel.bitsPerPixel === 32) packWide(frame, panel, rotation, target, place);
  else if (rotation === 0) copyRows(frame, panel, target, place);
  else packTurned(frame, panel, rotation, target, place);
  return { first: place.y, count: place.height };
}

/** Where a box of the frame lies on the panel. */
function onPanel({ x, y, width, height }: Box, frame: Frame, rotation: Rotation): Box {
  const [right, below] = [frame.width - x - width, frame.height - y - height];
  switch (rotation) {
    case 0:
      return { x, y, width, height };
    case 90:
      return { x: below, y: x, width: height, height: width };
    case 180:
      return { x: right, y: below, width, height };
    case 270:
      return { x: y, y: right, width: height, height: width };
  }
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The usual panel: whole rows as they are. */
function copyRows(frame: Frame, panel: Panel, target: Uint8Array, { y, height }: Box): void {
  const { width, pixels } = frame;
  const rowPixels = panel.stride / 2;
  const memory = new Uint16Array(target.buffer, target.byteOffset, rowPixels * panel.height);
  if (rowPixels === width) {
    memory.set(pixels.subarray(y * width, (y + height) * width), y * width);
    return;
  }
  for (let row = y; row < y + height; row++) {
    memory.set(pixels.subarray(row * width, (row + 1) * width), row * rowPixels);
  }
}

// In the two loops below `| 0` keeps every number a whole one of 32 bits for the engine: half the time.

function packTurned(
  frame: Frame,
  panel: Panel,
  rotation: Rotation,
  target: Uint8Array,
  place: Box,
): void {
  const { pixels } = frame;
  const rowPixels = panel.stride / 2;
  const memory = new Uint16Array(target.buffer, target.byteOffset, rowPixels * panel.height);
  const { origin, right, down } = steps(frame, rotation);
  for (let y = place.y; y < place.y + place.height; y++) {
    let from = (origin + y * down + place.x * right) | 0;
    let to = (y * rowPixels + place.x) | 0;
    const end = (to + place.width) | 0;
    while (to < end) {
      memory[to] = pixels[from] ?? 0;
      to = (to + 1) | 0;
      from = (from + right) | 0;
    }
  }
}

function packWide(
  frame: Frame,
  panel: Panel,
  rotation: Rotation,
  target: Uint8Array,
  place: Box,
): void {
  const { pixels } = frame;
  const rowPixels = panel.stride / 4;
  const memory = new Uint32Array(target.buffer, target.byteOffset, rowPixels * panel.height);
  const { origin, right, down } = steps(frame, rotation);
  for (let y = place.y; y < place.y + place.height; y++) {
    let from = (origin + y * down + place.x * right) | 0;
    let to = (y * rowPixels + place.x) | 0;
    const end = (to + place.width) | 0;
    while (to < end) {
      const pixel = pixels[from] ?? 0;
      memory[to] = (wideUpper[pixel >> 8] ?? 0) | (wideLower[pixel & 0xff] ?? 0);
      to = (to + 1) | 0;
      from = (from + right) | 0;
    }
  }
}

/** Where words of the machine's own do not fit: a byte at a time. */
function packBytes(
  frame: Frame,
  panel: Panel,
  rotation: Rotation,
  target: Uint8Array,
  place: Box,
): void {
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const { origin, right, down } = steps(frame, rotation);
  const pixelBytes = panel.bitsPerPixel / 8;
  for (let y = place.y; y < place.y + place.height; y++) {
    let from = origin + y * down + place.x * right;
    let to = y * panel.stride + place.x * pixelBytes;
    for (let x = 0; x < place.width; x++, from += right, to += pixelBytes) {
      const pixel = frame.pixels[from] ?? 0;
      if (panel.bitsPerPixel === 16) view.setUint16(to, pixel, true);
      else view.setUint32(to, xrgb8888(pixel), true);
    }
  }
}

/** Where the panel's first pixel is in the frame, and how far the next one to the right and below it are. */
function steps(frame: Frame, rotation: Rotation): { origin: number; right: number; down: number } {
  const { width, height } = frame;
  switch (rotation) {
    case 0:
      return { origin: 0, right: 1, down: width };
    case 90:
      return { origin: (height - 1) * width, right: -width, down: 1 };
    case 180:
      return { origin: height * width - 1, right: -1, down: -width };
    case 270:
      return { origin: width - 1, right: width, down: -1 };
  }
}

function xrgb8888(pixel: number): number {
  const r = pixel >> 11;
  const g = (pixel >> 5) & 0x3f;
  const b = pixel & 0x1f;
  return (((r << 3) | (r >> 2)) << 16) | (((g << 2) | (g >> 4)) << 8) | ((b << 3) | (b >> 2));
}

/** Each bit of a pixel goes to places of its own, so that the wide ones of its two bytes make up its own. */
const wideUpper = Uint32Array.from({ length: 256 }, (_, byte) => xrgb8888(byte << 8));
const wideLower = Uint32Array.from({ length: 256 }, (_, byte) => xrgb8888(byte));
