// Pictures and the memory of a Linux framebuffer: another form of a frame, and its rows at the panel's stride. PURE.
// Kernel documentation fb/api: true colour, 16 bits = RGB565, 32 bits = XRGB8888, both little endian on every Pi.
import assert from 'node:assert/strict';
import type { Frame, PanelFrame, PixelForm } from '../device.ts';
import { blankPixels, bytesOf, isLittleEndian, rgb888, type Box } from './blit.ts';
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

/** Copying so many bytes more takes as long as copying once more. */
const callBytes = 1536;

/**
 * Copies what of a frame lies in a box into `memory`, the panel's, where the frame before it is already. On a turned panel
 * an amount is a narrow box through nearly all rows: of long rows then only their part of it is copied.
 */
export function copyBox(frame: PanelFrame, panel: Panel, memory: Buffer, box: Box): void {
  const pixelBytes = panel.bitsPerPixel / 8;
  if ((panel.width - box.width) * pixelBytes < callBytes) {
    copyRows(frame, panel, memory, { first: box.y, count: box.height });
    return;
  }
  assertFits(frame, panel, memory);
  const bytes = panelBytes(frame);
  const left = box.x * pixelBytes;
  const right = left + box.width * pixelBytes;
  const rowBytes = panel.width * pixelBytes;
  for (let row = box.y; row < box.y + box.height; row++) {
    bytes.copy(memory, row * panel.stride + left, row * rowBytes + left, row * rowBytes + right);
  }
}

/** Copies rows of a frame into `memory`, the panel's; bytes between rows stay as they are. */
export function copyRows(
  frame: PanelFrame,
  panel: Panel,
  memory: Buffer,
  { first, count }: RowRun,
): void {
  assertFits(frame, panel, memory);
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

function assertFits(frame: PanelFrame, panel: Panel, memory: Buffer): void {
  assert(frame.width === panel.width && frame.height === panel.height, 'a frame of another size');
  assert(frame.form.bitsPerPixel === panel.bitsPerPixel, 'a frame of other pixels');
  assert(memory.length >= panel.stride * panel.height);
}

/** Little endian, whatever this machine is. */
function panelBytes({ pixels }: PanelFrame): Buffer {
  const bytes = bytesOf(pixels);
  if (isLittleEndian) return bytes;
  const turned = Buffer.from(bytes);
  return pixels.BYTES_PER_ELEMENT === 4 ? turned.swap32() : turned.swap16();
}
