// A frame as the bytes of a Linux framebuffer: pixel format, stride and rotation. PURE.
// Kernel documentation fb/api: true colour, 16 bits = RGB565, 32 bits = XRGB8888, both little endian on every Pi.
import assert from 'node:assert/strict';
import type { Frame } from '../device.ts';
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
 * @param rows of the panel, where only some are wanted
 */
export function packFrame(
  frame: Frame,
  panel: Panel,
  rotation: Rotation,
  target: Uint8Array,
  rows: RowRun = { first: 0, count: panel.height },
): void {
  const size = frameSize(panel, rotation);
  assert(frame.width === size.width && frame.height === size.height, 'a frame of another size');
  assert(target.length >= panel.stride * panel.height);
  assert(rows.first >= 0 && rows.first + rows.count <= panel.height);
  const isAligned = (target.byteOffset | panel.stride) % 4 === 0;
  if (rotation === 0 && isLittleEndian && isAligned) {
    copyRows(frame, panel, target, rows);
    return;
  }
  const view = new DataView(target.buffer, target.byteOffset, target.byteLength);
  const { origin, right, down } = steps(frame, rotation);
  for (let y = rows.first; y < rows.first + rows.count; y++) {
    let from = origin + y * down;
    let to = y * panel.stride;
    for (let x = 0; x < panel.width; x++, from += right) {
      const pixel = frame.pixels[from] ?? 0;
      if (panel.bitsPerPixel === 16) {
        view.setUint16(to, pixel, true);
        to += 2;
      } else {
        view.setUint32(to, xrgb8888(pixel), true);
        to += 4;
      }
    }
  }
}

const isLittleEndian = new Uint8Array(Uint16Array.of(1).buffer)[0] === 1;

/** The usual panel: whole words in the machine's own order, a tenth of the time. */
function copyRows(frame: Frame, panel: Panel, target: Uint8Array, rows: RowRun): void {
  const { width, pixels } = frame;
  for (let y = rows.first; y < rows.first + rows.count; y++) {
    const from = y * width;
    const place = [target.buffer, target.byteOffset + y * panel.stride, width] as const;
    if (panel.bitsPerPixel === 16) {
      new Uint16Array(...place).set(pixels.subarray(from, from + width));
      continue;
    }
    const row = new Uint32Array(...place);
    for (let x = 0; x < width; x++) row[x] = xrgb8888(pixels[from + x] ?? 0);
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
