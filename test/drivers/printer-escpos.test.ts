// The npm package `escpos` prints over our lines: the package itself, a real socket, and the paper emulator that reads it.
import { createRequire } from 'node:module';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { escposAdapter, type EscposAdapter } from '../../drivers/printer/escpos-adapter.ts';
import { printerLine } from '../../drivers/printer/printer.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import { createPrinterSimulator, type PrinterSimulator } from '../../drivers/printer/simulator.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { qrisText, readQr } from './printer-slips.ts';

/** Of the package, which has no types of its own, what is called here. */
interface EscposPrinter {
  text: (line: string, encoding: string) => EscposPrinter;
  raw: (bytes: Buffer) => EscposPrinter;
  cut: () => EscposPrinter;
  close: (done: (error?: Error) => void) => EscposPrinter;
  getStatuses: (done: (all: { toJSON: () => { byte: number } }[]) => void) => EscposPrinter;
}
const { Printer } = createRequire(import.meta.url)('escpos') as {
  Printer: new (adapter: EscposAdapter) => EscposPrinter;
};

const profile = printerProfiles['generic-80'];
let simulator: PrinterSimulator;
let sheets: Sheet[];
beforeEach(async () => {
  sheets = [];
  simulator = await createPrinterSimulator({
    listen: { port: 0 },
    profile,
    onPaper: (sheet) => sheets.push(sheet),
  });
});
afterEach(async () => {
  await simulator.close();
});

const adapterAt = (at: string): EscposAdapter => escposAdapter(printerLine(at, systemClock));
const closed = async (printer: EscposPrinter): Promise<Error | undefined> =>
  new Promise((resolve) => printer.close(resolve));

test('it prints text, and a QR of ours through raw()', async () => {
  const printer = new Printer(adapterAt(simulator.at));
  const slip = encodeDocument({ blocks: [{ kind: 'qr', text: qrisText }] }, profile);
  // All but the cut at its end, which the package does itself.
  printer
    .text('KOPI SUSU  Rp 15.000', 'cp437')
    .raw(Buffer.from(slip.subarray(0, -4)))
    .cut();
  expect(await closed(printer)).toBeUndefined();
  await expect.poll(() => sheets.length).toBe(1);
  expect(sheets[0]?.text[0]).toBe('KOPI SUSU  Rp 15.000');
  expect(sheets.map(readQr)).toEqual([qrisText]);
  expect(simulator.unknownCommands()).toBe(0);
});

test('it reads the printer’s status', async () => {
  simulator.set({ paper: 'low' });
  const printer = new Printer(adapterAt(simulator.at));
  const bytes = await new Promise<number[]>((resolve) => {
    printer.getStatuses((all) => {
      resolve(all.map((one) => one.toJSON().byte));
    });
  });
  expect(bytes).toEqual([0x12, 0x1e, 0x12, 0x12]);
  await closed(printer);
});

test('a line that does not open is told in the package’s way', async () => {
  await simulator.close();
  const error = await new Promise<unknown>((resolve) => {
    adapterAt(simulator.at).open(resolve);
  });
  expect(error).toMatchObject({ kind: 'not-found' });
});
