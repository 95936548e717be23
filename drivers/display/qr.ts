// The QR on the screen: its matrix, its pixels, and the proof that the pixels say what they should.
import { DeviceError } from '../device.ts';
import { makeQr, smallest, type QrMatrix } from '../qr-matrix.ts';
import { readQr } from '../qr-read.ts';
import { sizeOf } from '../qr-versions.ts';
import { bytesOf, fillBox, pixelOf, quietModules, type Box, type Surface } from './blit.ts';
import { turnGrid, type Rotation } from './turn.ts';

/** EMVCo leaves a payment text at most 512 characters; anything longer is a fault of ours. */
const maxTextLength = 512;

const level = 'M';

/** Level M, digits and capitals packed by mode. @throws DeviceError `protocol` when the text is empty or too long */
export function qrMatrix(text: string): QrMatrix {
  checkLength(text);
  return makeQr(text, level);
}

/** Modules on a side of this text's symbol, which is not made for it. @throws as `qrMatrix` */
export function qrSize(text: string): number {
  checkLength(text);
  return sizeOf(smallest(text, level).version);
}

function checkLength({ length }: string): void {
  if (length > 0 && length <= maxTextLength) return;
  throw new DeviceError('protocol', `a QR holds 1 to ${maxTextLength} characters`);
}

/** A symbol as it lies on the panel. */
export interface PanelMatrix extends QrMatrix {
  /** How far it was turned. */
  turn: Rotation;
}

export function turnedMatrix({ size, dark }: QrMatrix, turn: Rotation): PanelMatrix {
  return { size, turn, dark: turnedModules(dark, size, turn) };
}

function turnedModules(dark: Uint8Array, size: number, turn: Rotation): Uint8Array {
  if (turn === 0) return dark;
  return turnGrid(dark, { width: size, height: size }, turn, new Uint8Array(dark.length));
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

/**
 * Reads the QR back out of a frame's own pixels: the text must be the one meant, and every module whole, because a
 * broken one that error correction mends here may be the one too many behind scratched glass.
 * @throws DeviceError `protocol`, reason `qr-unreadable`; the message names no content
 */
export function assertQrReadable(
  surface: Surface,
  matrix: PanelMatrix,
  box: Box,
  modulePx: number,
  text: string,
): void {
  if (!everyModuleWhole(surface, matrix, box, modulePx)) {
    throw qrFault('the QR on the screen has a broken module');
  }
  const modules = uprightModules(surface, matrix, box, modulePx);
  let read: string;
  try {
    read = readQr(matrix.size, (row, column) => modules[row * matrix.size + column] === 1);
  } catch (error) {
    throw qrFault('the QR on the screen can not be read', error);
  }
  if (read !== text) throw qrFault('the QR on the screen says something else');
}

/** Of each module one pixel, which is as good as all of them, turned back. */
function uprightModules(
  surface: Surface,
  { size, turn }: PanelMatrix,
  box: Box,
  modulePx: number,
): Uint8Array {
  const black = pixelOf(surface, 0x000000);
  const found = new Uint8Array(size * size);
  const placeOf = (module: number): number => (quietModules + module) * modulePx;
  for (let row = 0, at = 0; row < size; row++) {
    const line = (box.y + placeOf(row)) * surface.width + box.x;
    for (let column = 0; column < size; column++, at++) {
      if (surface.pixels[line + placeOf(column)] === black) found[at] = 1;
    }
  }
  return turnedModules(found, size, backFrom[turn]);
}

const backFrom = { 0: 0, 90: 270, 180: 180, 270: 90 } as const;

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
