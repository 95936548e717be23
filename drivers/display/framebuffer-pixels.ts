// Pictures and the memory of a Linux framebuffer: another form of a frame, and its rows at the panel's stride. PURE.
// Kernel documentation fb/api: true colour, 16 bits = RGB565, 32 bits = XRGB8888, both little endian on every Pi.
import assert from 'node:assert/strict';
import type { Frame, PanelFrame, PixelForm } from '../device.ts';
import { blankPixels, bytesOf, isLittleEndian, rgb888 } from './blit.ts';
import type { RowRun } from './rows.ts';
import { turnedSize, turnGrid } from './turn.ts';

export interface Panel {
  width: number;
  height: number;
  /** Bytes from one row to the next; may be more than a row's pixels take. */
  stride: number;
  bitsPerPixel: 16 | 32;
}

/** A frame as it is looked at, a pixel at a time: for pictures that no renderer painted in the panel's own form. */
export function panelFrame(frame: Frame, form: PixelForm): PanelFrame {
  const size = turnedSize(frame, form.turn);
  const wide = form.bitsPerPixel === 32;
  const pixels = blankPixels(wide, frame.pixels.length);
  turnGrid(frame.pixels, frame, form.turn, pixels);
  return { ...size, form, pixels: wide ? pixels.map((pixel) => rgb888(pixel)) : pixels };
}

/** Copies rows of a frame into `memory`, the panel's; bytes between rows stay as they are. */
export function copyRows(
  frame: PanelFrame,
  panel: Panel,
  memory: Buffer,
  { first, count }: RowRun,
): void {
  assert(frame.width === panel.width && frame.height === panel.height, 'a frame of another size');
  assert(frame.form.bitsPerPixel === panel.bitsPerPixel, 'a frame of other pixels');
  assert(memory.length >= panel.stride * panel.height);
  const bytes = panelBytes(frame);
  const rowBytes = (panel.width * panel.bitsPerPixel) / 8;
  if (rowBytes === panel.stride) {
    bytes.copy(memory, first * rowBytes, first * rowBytes, (first + count) * rowBytes);
    return;
  }
  for (let row = first; row < first + count; row++) {
    bytes.copy(memory, row * panel.stride, row * rowBytes, (row + 1) * rowBytes);
  }
}

/** Little endian, whatever this machine is. */
function panelBytes({ pixels }: PanelFrame): Buffer {
  const bytes = bytesOf(pixels);
  if (isLittleEndian) return bytes;
  const turned = Buffer.from(bytes);
  return pixels.BYTES_PER_ELEMENT === 4 ? turned.swap32() : turned.swap16();
}
