// The QR on the screen: its matrix, its pixels, and the proof that the pixels say what they should.
import { decodeQR } from 'qr/decode.js';
import { DeviceError, type Frame } from '../device.ts';
import { makeQr, type QrMatrix } from '../qr-matrix.ts';
import { fillBox, quietModules, rgb565, rgb888, type Box } from './blit.ts';

/** EMVCo leaves a payment text at most 512 characters; anything longer is a fault of ours. */
const maxTextLength = 512;

/** Level M, digits and capitals packed by mode. @throws DeviceError `protocol` when the text is empty or too long */
export function qrMatrix(text: string): QrMatrix {
  if (text.length === 0 || text.length > maxTextLength) {
    throw new DeviceError('protocol', `a QR holds 1 to ${maxTextLength} characters`);
  }
  return makeQr(text, 'M');
}

/** Draws a QR in black on white with its quiet zone. `box` is square: (size + 2 × quiet) × modulePx. */
export function drawQr(frame: Frame, matrix: QrMatrix, box: Box, modulePx: number): void {
  fillBox(frame, box, 0xffffff);
  const left = box.x + quietModules * modulePx;
  const top = box.y + quietModules * modulePx;
  const side = matrix.size * modulePx;
  const black = rgb565(0x000000);
  for (let row = 0; row < matrix.size; row++) {
    const line = (top + row * modulePx) * frame.width + left;
    for (let column = 0; column < matrix.size; column++) {
      if (matrix.dark[row * matrix.size + column] !== 1) continue;
      const at = line + column * modulePx;
      frame.pixels.fill(black, at, at + modulePx);
    }
    for (let copy = 1; copy < modulePx; copy++) {
      frame.pixels.copyWithin(line + copy * frame.width, line, line + side);
    }
  }
}

/** A slow Pi needs more than the library's default of one sixtieth of a second. */
const decodeLimitMs = 3000;

/**
 * Reads the QR back out of a frame's own pixels: the text must be the one meant, and every module whole, because a
 * broken one that error correction mends here may be the one too many behind scratched glass.
 * @throws DeviceError `protocol`, reason `qr-unreadable`; the message names no content
 */
export function assertQrReadable(
  frame: Frame,
  matrix: QrMatrix,
  box: Box,
  modulePx: number,
  text: string,
): void {
  let read: string;
  try {
    read = decodeQR(cropRgba(frame, box), { format: 'RGBA', timeLimit: decodeLimitMs });
  } catch (error) {
    throw qrFault('the QR on the screen can not be read', error);
  }
  if (read !== text) throw qrFault('the QR on the screen says something else');
  if (!everyModuleWhole(frame, matrix, box, modulePx)) {
    throw qrFault('the QR on the screen has a broken module');
  }
}

function qrFault(message: string, cause?: unknown): DeviceError {
  return new DeviceError('protocol', message, { cause, reason: 'qr-unreadable' });
}

function everyModuleWhole(frame: Frame, matrix: QrMatrix, box: Box, modulePx: number): boolean {
  for (let y = 0; y < box.height; y++) {
    const row = Math.floor(y / modulePx) - quietModules;
    for (let x = 0; x < box.width; x++) {
      const column = Math.floor(x / modulePx) - quietModules;
      const inside = row >= 0 && row < matrix.size && column >= 0 && column < matrix.size;
      const dark = inside && matrix.dark[row * matrix.size + column] === 1;
      const pixel = frame.pixels[(box.y + y) * frame.width + box.x + x];
      if (pixel !== (dark ? 0x0000 : 0xffff)) return false;
    }
  }
  return true;
}

function cropRgba(
  frame: Frame,
  box: Box,
): { width: number; height: number; data: Uint8ClampedArray } {
  const data = new Uint8ClampedArray(box.width * box.height * 4).fill(255);
  for (let y = 0; y < box.height; y++) {
    for (let x = 0; x < box.width; x++) {
      const colour = rgb888(frame.pixels[(box.y + y) * frame.width + box.x + x] ?? 0);
      const at = 4 * (y * box.width + x);
      data[at] = colour >> 16;
      data[at + 1] = (colour >> 8) & 0xff;
      data[at + 2] = colour & 0xff;
    }
  }
  return { width: box.width, height: box.height, data };
}

/** The pixels of a box, to see whether a later frame has the very same ones. */
export function cropPixels(frame: Frame, box: Box): Uint16Array {
  const pixels = new Uint16Array(box.width * box.height);
  for (let y = 0; y < box.height; y++) {
    const from = (box.y + y) * frame.width + box.x;
    pixels.set(frame.pixels.subarray(from, from + box.width), y * box.width);
  }
  return pixels;
}
