// A frame as lines of a terminal: two pixels a character, upper half block, 24-bit colours. PURE.
// Sequences: ECMA-48 (CUP, SGR); colours: ISO/IEC 8613-6.
import type { Frame } from '../device.ts';
import { rgb888 } from './blit.ts';

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** A QR of up to 300 characters, its quiet zone, and as much room for words beside it. */
const leastFrame = { width: 124, height: 72 };

/** The size in which frames for a terminal are drawn. */
export function terminalGeometry(size: TerminalSize): { width: number; height: number } {
  return {
    width: Math.max(leastFrame.width, size.columns),
    height: Math.max(leastFrame.height, size.rows * 2),
  };
}

/** Whether every pixel has its own half character; otherwise a QR cannot be scanned from it. */
export function terminalShowsAll(size: TerminalSize): boolean {
  return size.columns >= leastFrame.width && size.rows * 2 >= leastFrame.height;
}

/** One string a line, each with all of its colours; a frame that is too large is scaled by leaving pixels out. */
export function halfBlockLines(frame: Frame, size: TerminalSize): string[] {
  const scale = Math.max(1, frame.width / size.columns, frame.height / (size.rows * 2));
  const columns = Math.min(size.columns, Math.floor(frame.width / scale));
  const rows = Math.min(size.rows, Math.ceil(frame.height / scale / 2));
  const pixel = (column: number, half: number): number => {
    const x = Math.min(frame.width - 1, Math.floor(column * scale));
    const y = Math.min(frame.height - 1, Math.floor(half * scale));
    return frame.pixels[y * frame.width + x] ?? 0;
  };
  return Array.from({ length: rows }, (_, row) => {
    let line = '';
    let colours = '';
    for (let column = 0; column < columns; column++) {
      const next = `${sgr(38, pixel(column, 2 * row))}${sgr(48, pixel(column, 2 * row + 1))}`;
      if (next !== colours) line += next;
      colours = next;
      line += '▀';
    }
    return line;
  });
}

function sgr(kind: 38 | 48, pixel: number): string {
  const colour = rgb888(pixel);
  return `\u001b[${kind};2;${colour >> 16};${(colour >> 8) & 0xff};${colour & 0xff}m`;
}
