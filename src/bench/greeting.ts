// What a demo tells the person at the terminal before its parts start. Decides nothing.
import { join } from 'node:path';
import { qrTerminal, type TerminalSize } from '../../drivers/display/half-blocks.ts';
import type { House } from './house.ts';
import type { DemoOptions } from './options.ts';

export type { TerminalSize };

/** Where a kiosk writes that has the terminal for a screen; otherwise its log is beside the others'. */
export function kioskLogFile({ kioskDir }: Pick<House, 'kioskDir'>): string {
  return join(kioskDir, 'kiosk.log');
}

/** The address and the log, and where the terminal is a device, what a person must know of it. */
export function greeting(
  { real }: Pick<DemoOptions, 'real'>,
  house: Pick<House, 'logDir' | 'kioskDir'>,
  url: string,
  terminal: TerminalSize | undefined,
): string[] {
  const onTerminal = real.display === 'terminal';
  const log = onTerminal ? `${house.logDir}, kiosk: ${kioskLogFile(house)}` : house.logDir;
  return [
    `Membuka … / opening:  ${url}  (Ctrl-C: selesai / stop; log: ${log})`,
    ...(real.keypad === 'terminal' ? [keys] : []),
    ...(onTerminal ? [sizeWords(terminal)] : []),
  ];
}

const keys =
  'Tombol / keys: 0–9, Enter (bayar / pay), Backspace, Esc (batal / cancel), c (hapus semua / clear), l (bahasa / language)';

function sizeWords(terminal: TerminalSize | undefined): string {
  const { columns, rows } = qrTerminal;
  const least = `${columns}×${rows}`;
  const needed = `Layar terminal perlu / the terminal needs ${least} huruf / characters`;
  if (terminal === undefined) return `${needed}.`;
  const fits = terminal.columns >= columns && terminal.rows >= rows;
  const has = `${terminal.columns}×${terminal.rows}`;
  return fits
    ? `${needed}; ada / it has ${has}.`
    : `${needed}, tetapi hanya / but has only ${has}: perbesar dulu / make it larger, or no QR can be shown.`;
}
