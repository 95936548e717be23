// A document as ESC/POS bytes. PURE. Commands are named as in Epson's "ESC/POS Command Reference".
// Text never carries a command (`printable`), and the document always ends with a cut.
import assert from 'node:assert';
import type { PrintBlock, PrintDocument } from '../device.ts';
import type { QrMatrix } from '../qr-matrix.ts';
import { encodeText, escTOperand, printable } from './code-page.ts';
import { pairLines, wrap } from './layout.ts';
import type { PrinterProfile } from './profiles.ts';
import { byteSymbolSize, moduleDots, smallestSymbol } from './qr-symbol.ts';

const LF = 0x0a;
const ESC = 0x1b;
const FS = 0x1c;
const GS = 0x1d;

/** Longest roll end to end that one job may take; a longer document is a mistake of its maker. */
const maxDocumentBytes = 64 * 1024;

/** Where a slip is put together before it is as long as it is: one at a time, because nobody waits for anything here. */
const room = new Uint8Array(4096);

/** The most lines that ESC d feeds at once. */
const maxFeedLines = 255;

/** Lines from the head to the tear bar of a printer without a cutter. */
export const tearLines = 4;

interface Style {
  centred: boolean;
  double: boolean;
  bold: boolean;
}
const plain: Style = { centred: false, double: false, bold: false };

/**
 * The bytes of a whole slip, from ESC @ to the cut.
 * @throws RangeError when a QR does not fit on the paper, or the slip is longer than 64 KiB.
 */
export function encodeDocument(document: PrintDocument, profile: PrinterProfile): Uint8Array {
  const slip = new Slip(profile);
  for (const block of document.blocks) slip.block(block);
  return slip.end();
}

export function hasQr(document: PrintDocument): boolean {
  return document.blocks.some((block) => block.kind === 'qr');
}

/** Collects bytes and remembers the printer's style, so that a command is sent only where something changes. */
class Slip {
  readonly #profile: PrinterProfile;
  #bytes = room;
  #length = 0;
  #style = plain;

  constructor(profile: PrinterProfile) {
    this.#profile = profile;
    // ESC @ Initialize. FS . Cancel Kanji mode: Chinese boards start in it and take bytes ≥ 0x80 in pairs.
    this.#send(ESC, 0x40, FS, 0x2e);
    this.#send(ESC, 0x74, escTOperand(profile.codePage)); // ESC t Select character code table.
  }

  block(block: PrintBlock): void {
    const { columns } = this.#profile;
    switch (block.kind) {
      case 'text': {
        const double = block.size === 'double';
        const centred = block.align === 'centre';
        this.#become({ centred, double, bold: block.bold === true });
        this.#lines(wrap(this.#printable(block.text), double ? Math.floor(columns / 2) : columns));
        break;
      }
      case 'pair': {
        const [left, right] = [this.#printable(block.left), this.#printable(block.right)];
        this.#become({ ...plain, bold: block.bold === true });
        this.#lines(pairLines(left, right, columns));
        break;
      }
      case 'rule':
        this.#become(plain);
        this.#lines(['-'.repeat(columns)]);
        break;
      case 'qr':
        this.#qr(block.text);
        break;
      case 'feed':
        this.#feed(block.lines);
        break;
    }
    if (this.#length > maxDocumentBytes) throw new RangeError('the slip is too long');
  }

  end(): Uint8Array {
    // GS V 66 0: "Select cut mode and cut paper", feeds to the cutter, then cuts partially.
    if (this.#profile.cutter) this.#send(GS, 0x56, 66, 0);
    else this.#feed(tearLines);
    return this.#bytes.slice(0, this.#length);
  }

  /** A command: a few bytes, which a loop takes before a call of `set` has begun. */
  #send(...bytes: readonly number[]): void {
    const all = this.#roomFor(bytes.length);
    for (const byte of bytes) all[this.#length++] = byte;
  }

  #append(bytes: ArrayLike<number>): void {
    this.#roomFor(bytes.length).set(bytes, this.#length);
    this.#length += bytes.length;
  }

  /** Where so many bytes more have their place. */
  #roomFor(more: number): Uint8Array {
    const end = this.#length + more;
    if (end > this.#bytes.length) {
      const roomier = new Uint8Array(2 * end);
      roomier.set(this.#bytes);
      this.#bytes = roomier;
    }
    return this.#bytes;
  }

  #printable(text: string): string {
    if (text.length > maxDocumentBytes) throw new RangeError('the slip is too long');
    return printable(text, this.#profile.codePage);
  }

  #become(style: Style): void {
    const now = this.#style;
    this.#style = style;
    // ESC a Select justification, GS ! Select character size, ESC E Turn emphasized mode on/off.
    if (style.centred !== now.centred) this.#send(ESC, 0x61, style.centred ? 1 : 0);
    if (style.double !== now.double) this.#send(GS, 0x21, style.double ? 0x11 : 0);
    if (style.bold !== now.bold) this.#send(ESC, 0x45, style.bold ? 1 : 0);
  }

  #lines(lines: readonly string[]): void {
    for (const line of lines) {
      this.#append(encodeText(line, this.#profile.codePage));
      this.#send(LF);
    }
  }

  #feed(lines: number): void {
    assert(Number.isInteger(lines));
    assert(lines >= 0 && lines <= maxFeedLines);
    if (lines > 0) this.#send(ESC, 0x64, lines); // ESC d Print and feed n lines.
  }

  /** The blank line before and after, 30 dots and the gap under the letters, is the quiet zone above and below. */
  #qr(text: string): void {
    this.#become({ ...plain, centred: true });
    this.#send(LF);
    if (this.#profile.nativeQr) this.#nativeQr(text);
    else this.#rasterQr(smallestSymbol(text));
    this.#send(LF);
  }

  /** GS ( k, functions 165, 167, 169, 180 and 181 of cn 49 (QR Code). */
  #nativeQr(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    const dots = moduleDots(byteSymbolSize(bytes.length), this.#profile);
    const length = bytes.length + 3;
    const head = [GS, 0x28, 0x6b];
    this.#send(...head, 4, 0, 49, 65, 50, 0); // Model 2.
    this.#send(...head, 3, 0, 49, 67, dots);
    this.#send(...head, 3, 0, 49, 69, 49); // Error correction M.
    this.#send(...head, length & 0xff, length >> 8, 49, 80, 48);
    this.#append(bytes);
    this.#send(...head, 3, 0, 49, 81, 48);
  }

  /**
   * GS v 0 "Print raster bit image", m = 3 (double width and height) for an even module: a quarter of the bytes.
   * A module is two pixels at least, so no picture holds 0x10 0x04, which a printer would take for DLE EOT.
   */
  #rasterQr(symbol: QrMatrix): void {
    const fit = moduleDots(symbol.size, this.#profile);
    const doubled = fit >= 4;
    const scale = doubled ? Math.floor(fit / 2) : fit;
    const rows = rasterRows(symbol, scale);
    const rowBytes = rows[0]?.length ?? 0;
    const bandRows = Math.max(1, Math.floor(this.#profile.bandBytes / rowBytes));
    for (let at = 0; at < rows.length; at += bandRows) {
      const band = rows.slice(at, at + bandRows);
      this.#send(GS, 0x76, 0x30, doubled ? 3 : 0);
      this.#send(rowBytes & 0xff, rowBytes >> 8, band.length & 0xff, band.length >> 8);
      for (const row of band) this.#append(row);
    }
  }
}

/** The symbol's rows at `scale` pixels a module, eight pixels a byte, the leftmost in the highest bit. */
function rasterRows({ size, dark }: QrMatrix, scale: number): Uint8Array[] {
  const rows: Uint8Array[] = [];
  for (let y = 0; y < size; y++) {
    const row = new Uint8Array(Math.ceil((size * scale) / 8));
    for (let x = 0; x < size * scale; x++) {
      const isDark = dark[y * size + Math.floor(x / scale)] === 1;
      if (isDark) row[x >> 3] = (row[x >> 3] ?? 0) | (0x80 >> (x & 7));
    }
    for (let copy = 0; copy < scale; copy++) rows.push(row);
  }
  return rows;
}
