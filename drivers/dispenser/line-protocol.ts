// The language of a vend board on a line: one ASCII line a message, with a checksum (README.md). PURE.
// A line that is not perfect is no line: a motor moves on none that was damaged.
import assert from 'node:assert';
import type { DispenseOrder } from '../device.ts';

export type HostLine =
  /** Who are you? */
  | { kind: 'I' }
  /** Vend `count` items for this order, unless the order is known already. */
  | { kind: 'V'; id: string; count: number }
  /** What became of this order? */
  | { kind: 'Q'; id: string };

export type BoardLine =
  | { kind: 'I'; name: string }
  /** Accepted and running. · Done. · Unknown: the power went away in the middle. · Never begun. · Busy with another. */
  | { kind: 'R' | 'D' | 'U' | 'N' | 'B'; id: string }
  /** Failed, after so many items had moved. */
  | { kind: 'F'; id: string; moved: number };

/** The most items of one order: two digits. A basket with more can not be handed over. */
export const maxCount = 99;

/** Longer lines are noise. The longest real one has 50 bytes. */
const maxLineBytes = 80;

const LF = 0x0a;
const idForm = /^[0-9A-Za-z-]{1,40}$/;

/** Whether a board can be told this id: it must fit into a line and be one word. */
export function isOrderId(id: string): boolean {
  return idForm.test(id);
}

/** Whether it is an order that a dispenser can be given at all. */
export function isOrder({ id, pieces }: DispenseOrder): boolean {
  return isOrderId(id) && Number.isInteger(pieces) && pieces >= 1 && pieces <= maxCount;
}

export function encodeHostLine(line: HostLine): Uint8Array {
  switch (line.kind) {
    case 'I':
      return framed('I');
    case 'V':
      assert(Number.isInteger(line.count));
      assert(line.count >= 1 && line.count <= maxCount);
      return framed(`V ${checkedId(line.id)} ${line.count}`);
    case 'Q':
      return framed(`Q ${checkedId(line.id)}`);
  }
}

export function encodeBoardLine(line: BoardLine): Uint8Array {
  if (line.kind === 'I') return framed(`I ${line.name}`);
  const words = `${line.kind} ${checkedId(line.id)}`;
  return framed(line.kind === 'F' ? `${words} ${line.moved}` : words);
}

/** Undefined for whatever is no perfect message of a host. */
export function parseHostLine(text: string): HostLine | undefined {
  const [kind, id = '', count = '', ...more] = wordsOf(text);
  if (more.length > 0) return undefined;
  if (kind === 'I' && id === '') return { kind };
  if (!isOrderId(id)) return undefined;
  if (kind === 'Q' && count === '') return { kind, id };
  if (kind === 'V' && /^[1-9]\d?$/.test(count)) return { kind, id, count: Number(count) };
  return undefined;
}

/** Undefined for whatever is no perfect message of a board. */
export function parseBoardLine(text: string): BoardLine | undefined {
  const [kind, id = '', moved = '', ...more] = wordsOf(text);
  if (more.length > 0 || !isOrderId(id)) return undefined;
  if (kind === 'F' && /^\d{1,2}$/.test(moved)) return { kind, id, moved: Number(moved) };
  if (moved !== '') return undefined;
  if (kind === 'I') return { kind, name: id };
  if (kind === 'R' || kind === 'D' || kind === 'U' || kind === 'N' || kind === 'B') {
    return { kind, id };
  }
  return undefined;
}

/** Cuts bytes into lines. Keeps at most one line's length of what has not ended yet. */
export class LineCutter {
  #line = '';
  #overlong = false;

  /** The lines that these bytes complete, without their end. Lines that are too long are left out. */
  take(bytes: Uint8Array): string[] {
    const lines: string[] = [];
    for (const byte of bytes) {
      if (byte === LF) {
        if (!this.#overlong) lines.push(this.#line);
        this.#line = '';
        this.#overlong = false;
      } else if (this.#line.length >= maxLineBytes) this.#overlong = true;
      else this.#line += String.fromCharCode(byte);
    }
    return lines;
  }
}

/**
 * CRC-16/CCITT-FALSE (poly 0x1021, init 0xFFFF), as most microcontrollers' libraries have it.
 * The QRIS codec has the same one: drivers may not import the protocol, and the protocol imports nothing.
 */
export function crc16(text: string): number {
  let crc = 0xffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++)
      crc = ((crc << 1) ^ ((crc & 0x8000) === 0 ? 0 : 0x1021)) & 0xffff;
  }
  return crc;
}

function framed(text: string): Uint8Array {
  return new TextEncoder().encode(`${text} *${checksum(text)}\n`);
}

function checksum(text: string): string {
  return crc16(text).toString(16).toUpperCase().padStart(4, '0');
}

/** The words of a line whose checksum is right; none otherwise. */
function wordsOf(line: string): string[] {
  const match = /^([ -~]+) \*([0-9A-F]{4})$/.exec(line);
  const text = match?.[1];
  return text !== undefined && match?.[2] === checksum(text) ? text.split(' ') : [];
}

function checkedId(id: string): string {
  assert(isOrderId(id));
  return id;
}
