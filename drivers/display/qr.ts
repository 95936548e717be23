// The QR on the screen: its matrix, its pixels, and the proof that the pixels say what they should.
import { decodeQR } from 'qr/decode.js';
import { DeviceError } from '../device.ts';
import { makeQr, type QrMatrix } from '../qr-matrix.ts';
import {
  bytesOf,
  fillBox,
  pixelAt,
  pixelOf,
  quietModules,
  rgb888,
  type Box,
  type Surface,
} from './blit.ts';
import { turnGrid, type Rotation } from './turn.ts';

/** EMVCo leaves a payment text at most 512 characters; anything longer is a fault of ours. */
const maxTextLength = 512;

/** Level M, digits and capitals packed by mode. @throws DeviceError `protocol` when the text is empty or too long */
export function qrMatrix(text: string): QrMatrix {
  if (text.length === 0 || text.length > maxTextLength) {
    throw new DeviceError('protocol', `a QR holds 1 to ${maxTextLength} characters`);
  }
  return makeQr(text, 'M');
}

/** The modules as they lie on the panel. */
export function turnedMatrix({ size, dark }: QrMatrix, turn: Rotation): QrMatrix {
  if (turn === 0) return { size, dark };
  const sides = { width: size, height: size };
  return { size, dark: turnGrid(dark, sides, turn, new Uint8Array(dark.length)) };
}

/** Draws a QR in black on white with its quiet zone. `box` is square: (size + 2 × quiet) × modulePx. */
export function drawQr(surface: Surface, matrix: QrMatrix, box: Box, modulePx: number): void {
  const { width, pixels } = surface;
  fillBox(surface, box, 0xffffff);
  const left = box.x + quietModules * modulePx;
  const top = box.y + quietModules * modulePx;
  const side = matrix.size * modulePx;
  const black = pixelOf(surface, 0x000000);
  for (let row = 0; row < matrix.size; row++) {
    const line = (top + row * modulePx) * width + left;
    for (let column = 0; column < matrix.size; column++) {
      if (matrix.dark[row * matrix.size + column] !== 1) continue;
      const at = line + column * modulePx;
      pixels.fill(black, at, at + modulePx);
    }
    for (let copy = 1; copy < modulePx; copy++) {
      pixels.copyWithin(line + copy * width, line, line + side);
    }
  }
}

/** A slow Pi needs more than the library's default of one sixtieth of a second. */
const decodeLimitMs = 3000;

/** The decoder gets so many pixels of each module's side: more say the same, because every one is looked at beside it. */
const decodedPx = 3;

/**
 * Reads the QR back out of a frame's own pixels: the text must be the one meant, and every module whole, because a
 * broken one that error correction mends here may be the one too many behind scratched glass.
 * @throws DeviceError `protocol`, reason `qr-unreadable`; the message names no content
 */
export function assertQrReadable(
  surface: Surface,
  matrix: QrMatrix,
  box: Box,
  modulePx: number,
  text: string,
): void {
  let read: string;
  try {
    const picture = cropRgba(surface, box, modulePx);
    read = decodeQR(picture, { format: 'RGBA', timeLimit: decodeLimitMs });
  } catch (error) {
    throw qrFault('the QR on the screen can not be read', error);
  }
  if (read !== text) throw qrFault('the QR on the screen says something else');
  if (!everyModuleWhole(surface, matrix, box, modulePx)) {
    throw qrFault('the QR on the screen has a broken module');
  }
}

function qrFault(message: string, cause?: unknown): DeviceError {
  return new DeviceError('protocol', message, { cause, reason: 'qr-unreadable' });
}

/** Whether each pixel of the box is as the matrix says. A QR that was read back once reads as the same text then. */
export function everyModuleWhole(
  surface: Surface,
  matrix: QrMatrix,
  box: Box,
  modulePx: number,
): boolean {
  const { width, pixels } = surface;
  const [white, black] = [pixelOf(surface, 0xffffff), pixelOf(surface, 0x000000)];
  const bytes = bytesOf(pixels);
  const pixelBytes = pixels.BYTES_PER_ELEMENT;
  const lineOf = (y: number): number => (box.y + y) * width + box.x;
  for (let y = 0; y < box.height; y++) {
    const row = Math.floor(y / modulePx) - quietModules;
    const line = lineOf(y);
    if (y % modulePx !== 0) {
      const [from, first] = [line * pixelBytes, lineOf(y - (y % modulePx)) * pixelBytes];
      const length = box.width * pixelBytes;
      if (bytes.compare(bytes, first, first + length, from, from + length) !== 0) return false;
      continue;
    }
    for (let x = 0; x < box.width; x++) {
      const column = Math.floor(x / modulePx) - quietModules;
      const inside = row >= 0 && row < matrix.size && column >= 0 && column < matrix.size;
      const dark = inside && matrix.dark[row * matrix.size + column] === 1;
      if (pixels[line + x] !== (dark ? black : white)) return false;
    }
  }
  return true;
}

/** The box with at most `decodedPx` pixels of each module's side, from its upper left corner on. */
function cropRgba(
  surface: Surface,
  box: Box,
  modulePx: number,
): { width: number; height: number; data: Uint8ClampedArray } {
  const kept = Math.min(modulePx, decodedPx);
  const side = Math.floor(box.width / modulePx) * kept;
  const data = new Uint8ClampedArray(side * side * 4).fill(255);
  const place = (at: number): number => Math.floor(at / kept) * modulePx + (at % kept);
  for (let y = 0, at = 0; y < side; y++) {
    const line = (box.y + place(y)) * surface.width + box.x;
    for (let x = 0; x < side; x++, at += 4) {
      const colour = rgb888(pixelAt(surface, line + place(x)));
      data[at] = colour >> 16;
      data[at + 1] = (colour >> 8) & 0xff;
      data[at + 2] = colour & 0xff;
    }
  }
  return { width: side, height: side, data };
}
