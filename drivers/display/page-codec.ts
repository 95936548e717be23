// What a kiosk and a page say to each other about frames, as bytes. PURE. Nonsense is an answer here, never an exception.
//
//   page → kiosk, first:  "KG01" u16 width, height, widthMm (0 = unknown)
//   kiosk → page:         "KF01" u16 width, height, firstRow, rowCount, then rowCount × width pixels of RGB565
//   All numbers are little endian.
import assert from 'node:assert/strict';
import type { Frame, Geometry } from '../device.ts';
import { bytesOf, isLittleEndian } from './blit.ts';
import { type RowRun } from './rows.ts';

/** Rows of a frame that changed. */
export interface RowsMessage extends RowRun {
  width: number;
  height: number;
  /** `count` × `width` pixels. */
  pixels: Uint16Array;
}

/** No virtual screen is larger: 4096² pixels are 32 MB. */
export const maxPageSidePx = 4096;

/** Ten bytes. */
export function encodeGeometry(geometry: Geometry): Uint8Array {
  assert(validSize(geometry.width, geometry.height));
  return header('KG01', [geometry.width, geometry.height, geometry.widthMm ?? 0]);
}

/** Bytes before the pixels. */
const rowsHeadBytes = 12;

/** How long a message of `count` rows is. */
export function rowsBytes(width: number, count: number): number {
  return rowsHeadBytes + 2 * width * count;
}

/** One message with the rows of a run. @param room what it may be written into, where its sender has some */
export function encodeRows(frame: Frame, run: RowRun, room?: Uint8Array): Uint8Array {
  const { width, height, pixels } = frame;
  assert(validSize(width, height) && run.first + run.count <= height);
  const length = rowsBytes(width, run.count);
  const bytes = (room ?? new Uint8Array(length)).subarray(0, length);
  bytes.set(header('KF01', [width, height, run.first, run.count]));
  const rows = pixels.subarray(run.first * width, (run.first + run.count) * width);
  bytes.set(bytesOf(rows), rowsHeadBytes);
  if (!isLittleEndian) bytesOf(bytes.subarray(rowsHeadBytes)).swap16();
  return bytes;
}

/** Takes bytes as they come and gives whole messages; undefined once nonsense came, and for ever after. */
export interface Decoder<Message> {
  push(bytes: Uint8Array): Message[] | undefined;
}

export function createGeometryDecoder(): Decoder<Geometry> {
  return createDecoder('KG01', 3, {
    bodyLength: ([width = 0, height = 0]) => (validSize(width, height) ? 0 : undefined),
    message: ([width = 0, height = 0, widthMm = 0]) =>
      widthMm === 0 ? { width, height } : { width, height, widthMm },
  });
}

export function createRowsDecoder(): Decoder<RowsMessage> {
  return createDecoder('KF01', 4, {
    bodyLength: ([width = 0, height = 0, first = 0, count = 0]) =>
      validSize(width, height) && count >= 1 && first + count <= height
        ? 2 * width * count
        : undefined,
    message: ([width = 0, height = 0, first = 0, count = 0], body) => {
      const pixels = new Uint16Array(width * count);
      const bytes = bytesOf(pixels);
      bytes.set(body);
      if (!isLittleEndian) bytes.swap16();
      return { width, height, first, count, pixels };
    },
  });
}

function validSize(width: number, height: number): boolean {
  return width >= 1 && height >= 1 && width <= maxPageSidePx && height <= maxPageSidePx;
}

function header(magic: string, numbers: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(4 + 2 * numbers.length);
  bytes.set(magicBytes(magic));
  const view = new DataView(bytes.buffer);
  numbers.forEach((number, i) => {
    view.setUint16(4 + 2 * i, number, true);
  });
  return bytes;
}

const magicBytes = (magic: string): Uint8Array =>
  Uint8Array.from(magic, (char) => char.charCodeAt(0));

interface MessageShape<Message> {
  /** Undefined when the numbers make no sense. */
  bodyLength(numbers: readonly number[]): number | undefined;
  message(numbers: readonly number[], body: Uint8Array): Message;
}

function createDecoder<Message>(
  magic: string,
  numberCount: number,
  shape: MessageShape<Message>,
): Decoder<Message> {
  const start = magicBytes(magic);
  const head = new Uint8Array(4 + 2 * numberCount);
  let headFilled = 0;
  let body: Uint8Array | undefined;
  let bodyFilled = 0;
  let numbers: number[] = [];
  let broken = false;

  /** Takes what it can from `bytes`; how many bytes that were. */
  const fill = (target: Uint8Array, filled: number, bytes: Uint8Array): number => {
    const part = bytes.subarray(0, target.length - filled);
    target.set(part, filled);
    return part.length;
  };
  const readHead = (): void => {
    const view = new DataView(head.buffer);
    numbers = Array.from({ length: numberCount }, (_, i) => view.getUint16(4 + 2 * i, true));
    const length = shape.bodyLength(numbers);
    if (length === undefined) broken = true;
    else body = new Uint8Array(length);
  };

  return {
    push: (bytes) => {
      const messages: Message[] = [];
      let rest = bytes;
      // Each turn takes at least a byte or finishes a message.
      while (!broken && rest.length > 0) {
        if (body === undefined) {
          const taken = fill(head, headFilled, rest);
          headFilled += taken;
          rest = rest.subarray(taken);
          broken = start.some((byte, i) => i < headFilled && head[i] !== byte);
          if (!broken && headFilled === head.length) readHead();
        } else {
          const taken = fill(body, bodyFilled, rest);
          bodyFilled += taken;
          rest = rest.subarray(taken);
        }
        if (bodyFilled === body?.length) {
          messages.push(shape.message(numbers, body));
          body = undefined;
          headFilled = 0;
          bodyFilled = 0;
        }
      }
      return broken ? undefined : messages;
    },
  };
}
