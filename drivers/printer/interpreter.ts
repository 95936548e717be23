// Reads ESC/POS bytes as a printer does and puts them on paper. What it does not know it counts, and goes on.
import { decodeByte } from './code-page.ts';
import { tearLines } from './escpos.ts';
import { PaperStrip, maxSheetRows, type Sheet, type TextStyle } from './paper.ts';
import type { PrinterProfile } from './profiles.ts';
import { byteSymbol } from './qr-symbol.ts';
import { glyphWidth } from './receipt-font.ts';

/** Default line spacing, 1/6 inch at 203 dpi as Epson's 58 and 80 mm models have it. */
const defaultSpacing = 30;

const initialStyle: TextStyle = { justification: 0, scaleX: 1, scaleY: 1, bold: false };

/** More than any picture band in use; a longer command is noise, and would fill the memory. */
const maxCommandBytes = 128 * 1024;

/** What one command took: its length in bytes, or `more` when it has not all arrived. */
type Taken = number | 'more';

export interface InterpreterSinks {
  onSheet: (sheet: Sheet) => void;
  /** A question that is answered in its turn: GS r 1, or GS a with something switched on. */
  onQuestion: (question: 'gs-r' | 'asb') => void;
}

export class EscPosInterpreter {
  /** Commands that it did not know, and QRs that it could not print. */
  unknownCommands = 0;
  readonly #profile: PrinterProfile;
  readonly #sinks: InterpreterSinks;
  readonly #strip: PaperStrip;
  #pending: Uint8Array = new Uint8Array();
  #line = '';
  #style = initialStyle;
  #spacing = defaultSpacing;
  #escT = 0;
  #qr = { dots: 3, text: '' };

  constructor(profile: PrinterProfile, sinks: InterpreterSinks) {
    this.#profile = profile;
    this.#sinks = sinks;
    this.#strip = new PaperStrip(profile.widthDots);
  }

  /** Takes bytes in pieces of any size. Never throws. */
  feed(bytes: Uint8Array): void {
    const all = new Uint8Array(this.#pending.length + bytes.length);
    all.set(this.#pending);
    all.set(bytes, this.#pending.length);
    let at = 0;
    while (at < all.length) {
      const taken = this.#command(all.subarray(at));
      if (taken === 'more') break;
      at += taken;
      if (this.#strip.rows >= maxSheetRows) this.#tear('torn');
    }
    this.#pending = all.slice(at);
  }

  /** DLE DC4 8: what was not printed yet is lost, also a command that had only begun. */
  forget(): void {
    this.#pending = new Uint8Array();
    this.#line = '';
  }

  #command(b: Uint8Array): Taken {
    const first = b[0] ?? 0;
    if (first === 0x1b) return this.#esc(b);
    if (first === 0x1d) return this.#gs(b);
    if (first === 0x1c) return b.length < 2 ? 'more' : this.#known(b[1] === 0x2e, 2);
    if (first === 0x0a) this.#print();
    else if (first >= 0x20) this.#type(decodeByte(first, this.#escT));
    else if (first !== 0x00 && first !== 0x0d) return this.#known(false, 1);
    return 1;
  }

  #esc(b: Uint8Array): Taken {
    const [, code = -1, n = -1] = b;
    if (code < 0) return 'more';
    if (code === 0x40) {
      this.#line = '';
      this.#style = initialStyle;
      this.#spacing = defaultSpacing;
      this.#escT = 0;
      return 2;
    }
    if (code === 0x32) {
      this.#spacing = defaultSpacing;
      return 2;
    }
    if (![0x61, 0x45, 0x74, 0x64, 0x4a, 0x33].includes(code)) return this.#known(false, 2);
    if (n < 0) return 'more';
    // ESC a takes 0–2 and their digits, "0" to "2".
    if (code === 0x61) this.#style = { ...this.#style, justification: Math.min(n % 48, 2) };
    else if (code === 0x45) this.#style = { ...this.#style, bold: (n & 1) === 1 };
    else if (code === 0x74) this.#escT = n;
    else if (code === 0x33) this.#spacing = n;
    else {
      if (this.#line !== '') this.#print();
      this.#strip.feed(code === 0x64 ? n * this.#spacing : n);
      // Without a cutter a person tears the slip off where the encoder leaves it.
      if (code === 0x64 && n === tearLines && !this.#profile.cutter) this.#tear('torn');
    }
    return 3;
  }

  #gs(b: Uint8Array): Taken {
    const [, code = -1, n = -1] = b;
    if (code < 0) return 'more';
    if (code === 0x28) return this.#extended(b);
    if (code === 0x76) return this.#raster(b);
    if (![0x21, 0x56, 0x61, 0x72].includes(code)) return this.#known(false, 2);
    if (n < 0) return 'more';
    if (code === 0x21) {
      this.#style = { ...this.#style, scaleX: ((n >> 4) & 7) + 1, scaleY: (n & 7) + 1 };
      return 3;
    }
    if (code === 0x72) {
      if (n === 1 || n === 49) this.#sinks.onQuestion('gs-r');
      return this.#known(n === 1 || n === 49, 3);
    }
    if (code === 0x61) {
      if (n !== 0) this.#sinks.onQuestion('asb');
      return 3;
    }
    const feeds = n === 65 || n === 66; // GS V m n feeds before it cuts.
    if (feeds && b.length < 4) return 'more';
    if (!feeds && ![0, 1, 48, 49].includes(n)) return this.#known(false, 3);
    if (feeds) this.#strip.feed(b[3] ?? 0);
    this.#tear(n === 0 || n === 48 || n === 65 ? 'full' : 'partial');
    return feeds ? 4 : 3;
  }

  /** GS v 0 m xL xH yL yH d1…dk. */
  #raster(b: Uint8Array): Taken {
    if (b.length < 8) return 'more';
    const [, , zero, m = 0, xL = 0, xH = 0, yL = 0, yH = 0] = b;
    if (zero !== 0x30) return this.#known(false, 2);
    const [rowBytes, rows] = [xL + 256 * xH, yL + 256 * yH];
    const length = 8 + rowBytes * rows;
    if (length > maxCommandBytes) return this.#known(false, 8);
    if (b.length < length) return 'more';
    const scaleX = (m & 1) + 1;
    const scaleY = ((m >> 1) & 1) + 1;
    const bits = b.subarray(8, length);
    this.#picture(rowBytes * 8 * scaleX, Math.min(rows * scaleY, maxSheetRows), (x, y) => {
      const [px, py] = [Math.floor(x / scaleX), Math.floor(y / scaleY)];
      return ((bits[py * rowBytes + (px >> 3)] ?? 0) & (0x80 >> (px & 7))) !== 0;
    });
    return length;
  }

  /** GS ( fn pL pH …: the length is in the command, so that an unknown one can be skipped whole. */
  #extended(b: Uint8Array): Taken {
    if (b.length < 5) return 'more';
    const [, , family, pL = 0, pH = 0] = b;
    const length = 5 + pL + 256 * pH;
    if (b.length < length) return 'more';
    const [cn, fn, value = 0] = b.subarray(5, length);
    if (family !== 0x6b || cn !== 49 || !this.#profile.nativeQr) return this.#known(false, length);
    if (fn === 67) this.#qr = { ...this.#qr, dots: Math.min(Math.max(value, 1), 16) };
    else if (fn === 80) {
      this.#qr = { ...this.#qr, text: new TextDecoder().decode(b.subarray(8, length)) };
    } else if (fn === 81) this.#drawQr();
    else return this.#known(fn === 65 || fn === 69, length);
    return length;
  }

  /** A symbol that is wider than the print area is not printed (Epson, GS ( k function 181). */
  #drawQr(): void {
    const { dots, text } = this.#qr;
    try {
      const { size, dark } = byteSymbol(text);
      if (size * dots > this.#profile.widthDots) throw new RangeError('too wide');
      this.#picture(size * dots, size * dots, (x, y) => {
        return dark[Math.floor(y / dots) * size + Math.floor(x / dots)] === 1;
      });
    } catch (error) {
      if (!(error instanceof RangeError)) throw error;
      this.unknownCommands += 1;
    }
  }

  #picture(width: number, height: number, dot: (x: number, y: number) => boolean): void {
    if (this.#line !== '') this.#print();
    this.#strip.picture(width, height, this.#style.justification, dot);
  }

  #type(character: string): void {
    const room = Math.floor(this.#strip.widthDots / (glyphWidth * this.#style.scaleX));
    if (this.#line.length >= Math.max(room, 1)) this.#print();
    this.#line += character;
  }

  #print(): void {
    this.#strip.textLine(this.#line, this.#style, this.#spacing);
    this.#line = '';
  }

  #tear(cut: Sheet['cut']): void {
    if (this.#line !== '') this.#print();
    if (this.#strip.rows > 0) this.#sinks.onSheet(this.#strip.tear(cut));
  }

  #known(known: boolean, length: number): number {
    if (!known) this.unknownCommands += 1;
    return length;
  }
}
