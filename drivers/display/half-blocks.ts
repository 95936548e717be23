// A frame as lines of a terminal: two pixels a character, upper half block, 24-bit colours. PURE.
// Sequences: ECMA-48 (CUP, SGR); colours: ISO/IEC 8613-6.
import type { Frame } from '../device.ts';
import { rgb888 } from './blit.ts';

export interface TerminalSize {
  columns: number;
  rows: number;
}

/** Holds a QR of up to 300 characters, its quiet zone, and as much room for words beside it. */
export const qrTerminal: TerminalSize = { columns: 124, rows: 36 };

/**
 * The size in which frames for a terminal are drawn: each pixel has its own half character. Nothing is ever scaled,
 * because a QR with pixels left out reads as nothing; into a small terminal the renderer refuses to draw one.
 */
export function terminalGeometry(size: TerminalSize): { width: number; height: number } {
  return { width: size.columns, height: size.rows * 2 };
}

/** One string a line, each with all of its colours. */
export function halfBlockLines(frame: Frame): string[] {
  const pixel = (column: number, half: number): number =>
    frame.pixels[half * frame.width + column] ?? 0;
  return Array.from({ length: Math.ceil(frame.height / 2) }, (_, row) => {
    let line = '';
    let colours = '';
    for (let column = 0; column < frame.width; column++) {
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
