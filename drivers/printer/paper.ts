// Paper, as far as a program can have it: dots, and the text that they show. Nothing here knows a printer language.
import { glyph, glyphHeight, glyphWidth } from './receipt-font.ts';

/** One slip, as it lies in the tray. */
export interface Sheet {
  widthDots: number;
  heightDots: number;
  /** One byte a dot, row by row: 1 is black. */
  bitmap: Uint8Array;
  /** The text lines, top to bottom, without the blanks on the right. */
  text: string[];
  cut: 'partial' | 'full' | 'torn';
}

export interface TextStyle {
  justification: number;
  scaleX: number;
  scaleY: number;
  bold: boolean;
}

/** A metre and a quarter. A slip that is longer is torn off there. */
export const maxSheetRows = 10_000;

/** The strip that the head prints on. Grows downwards; what leaves the printable width is lost, as on paper. */
export class PaperStrip {
  readonly widthDots: number;
  readonly #rows: Uint8Array[] = [];
  #text: string[] = [];

  constructor(widthDots: number) {
    this.widthDots = widthDots;
  }

  get rows(): number {
    return this.#rows.length;
  }

  feed(rows: number): void {
    const room = maxSheetRows - this.#rows.length;
    for (let i = 0; i < Math.min(rows, room); i++) this.#rows.push(new Uint8Array(this.widthDots));
  }

  /** Prints one line of text and feeds by at least `spacing` rows. */
  textLine(line: string, style: TextStyle, spacing: number): void {
    const { scaleX, scaleY } = style;
    const top = this.#rows.length;
    const left = this.#left(line.length * glyphWidth * scaleX, style.justification);
    this.feed(Math.max(spacing, line === '' ? 0 : glyphHeight * scaleY));
    this.#text.push(line.trimEnd());
    Array.from(line).forEach((character, column) => {
      const dot = glyph(character);
      for (let y = 0; y < glyphHeight * scaleY; y++) {
        for (let x = 0; x < glyphWidth * scaleX; x++) {
          const [gx, gy] = [Math.floor(x / scaleX), Math.floor(y / scaleY)];
          const smeared = style.bold && gx > 0 && dot(gx - 1, gy);
          if (!smeared && !dot(gx, gy)) continue;
          this.#blacken(left + column * glyphWidth * scaleX + x, top + y);
        }
      }
    });
  }

  /** Prints a picture; `dot` says whether a dot of it is black. */
  picture(
    width: number,
    height: number,
    justification: number,
    dot: (x: number, y: number) => boolean,
  ): void {
    const top = this.#rows.length;
    const left = this.#left(width, justification);
    this.feed(height);
    for (let y = 0; y < height; y++) {
      for (let x = 0; x < width; x++) if (dot(x, y)) this.#blacken(left + x, top + y);
    }
  }

  /** Takes the sheet off. */
  tear(cut: Sheet['cut']): Sheet {
    const sheet = {
      widthDots: this.widthDots,
      heightDots: this.#rows.length,
      bitmap: new Uint8Array(this.widthDots * this.#rows.length),
      text: this.#text,
      cut,
    };
    this.#rows.forEach((row, y) => {
      sheet.bitmap.set(row, y * this.widthDots);
    });
    this.#rows.length = 0;
    this.#text = [];
    return sheet;
  }

  /** ESC a: 0 left, 1 centred, 2 right. */
  #left(width: number, justification: number): number {
    return Math.max(0, Math.floor(((this.widthDots - width) * justification) / 2));
  }

  #blacken(x: number, y: number): void {
    const row = this.#rows[y];
    if (row !== undefined && x < this.widthDots) row[x] = 1;
  }
}
