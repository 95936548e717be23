// What a slip's bytes cost to make, and that they print the QR: read back from the emulator's paper. Of the libraries of
// that trade the quickest, `escpos`, runs beside ours, though its QR is a command that no Epson knows; the others are known by
// what they took beside `qrcode.create` in one run: esc-pos-encoder 0.37x, and the two below.
import assert from 'node:assert';
import { createRequire } from 'node:module';
import { create } from 'qrcode/lib/core/qrcode.js';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { EscPosInterpreter } from '../../drivers/printer/interpreter.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import { budgetSlip, qrisText, readQr } from '../drivers/printer-slips.ts';
import { against, interleave, median, ratio, type Report } from './figures.ts';
import { timed } from './timed.ts';

const defaults = { rounds: 7, slips: 51 };
/** A slip takes a few microseconds: so many are timed together. */
const batch = 20;
/** `node-thermal-printer` 4.6.1, the quickest whose QR an Epson prints. */
const nativeBound = 0.031;
/** `receiptline` 4.0.4, the quickest with a picture. */
const pictureBound = 3.05;

const [native, picture] = [printerProfiles['generic-58'], printerProfiles['basic-58']];

export async function slipEncode({ rounds, slips } = defaults): Promise<Report> {
  assert(native.nativeQr && !picture.nativeQr);
  const perSlip =
    (make: () => unknown): (() => void) =>
    () => {
      for (let slip = 0; slip < batch; slip++) make();
    };
  const measured = await interleave(
    {
      matrix: timed(slips, () => create(qrisText, { errorCorrectionLevel: 'M' })),
      natives: timed(
        slips,
        perSlip(() => encodeDocument(budgetSlip, native)),
      ),
      library: timed(slips, perSlip(escposSlip)),
      picture: timed(slips, () => encodeDocument(budgetSlip, picture)),
    },
    rounds,
  );
  const each = (all: readonly number[]): number[] => all.map((ms) => ms / batch);
  const [ours, theirs] = [each(measured.natives), each(measured.library)];
  const row = (
    [qr, profile]: [string, PrinterProfile],
    of: readonly number[],
    [floor, to, bound]: [string, readonly number[], number],
  ): string[] => {
    const over = ratio(of, to);
    return [
      ...[qr, `${(1000 * median(of)).toFixed(1)} µs`, floor, over.text],
      against(`≤ ${bound}x`, over.median <= bound),
      isOnPaper(profile) ? 'read' : 'NOT READ',
    ];
  };
  const { matrix } = measured;
  return {
    title: 'Making the bytes of a slip',
    how: `the slip of slip-bytes; interleaved with qrcode.create of its QR (${(1000 * median(matrix)).toFixed(0)} µs) and escpos 3.0.0-alpha.6 (${(1000 * median(theirs)).toFixed(1)} µs), medians of ${rounds} rounds of ${slips}; bounds: the quickest libraries`,
    head: ['QR', 'ours', 'beside', '', 'bound', 'QR on the paper'],
    rows: [
      row(['native', native], ours, ['escpos', theirs, 1]),
      row(['native', native], ours, ['a matrix', matrix, nativeBound]),
      row(['picture', picture], measured.picture, ['a matrix', matrix, pictureBound]),
    ],
  };
}

/** Of the package, which has no types of its own, what is called here. */
interface EscposPrinter {
  align: (to: string) => EscposPrinter;
  style: (style: string) => EscposPrinter;
  size: (width: number, height: number) => EscposPrinter;
  text: (line: string) => EscposPrinter;
  qrcode: (text: string, version: number, level: string, size: number) => EscposPrinter;
  cut: () => EscposPrinter;
  buffer: { flush: () => Uint8Array };
}
const { Printer } = createRequire(import.meta.url)('escpos') as {
  Printer: new (adapter: object, options: object) => EscposPrinter;
};

/** The same slip; its lines fit, and are neither wrapped nor looked at. */
function escposSlip(): Uint8Array {
  const printer = new Printer({}, { encoding: 'cp437', width: native.columns });
  printer.align('ct').style('b').text('KIOS KOPI NUSANTARA').style('normal');
  printer.text('Jl. Sudirman 1, Jakarta').text('22-11-2026 12:40  #000001');
  printer.size(2, 2).text('Rp 15.000').size(1, 1).qrcode(qrisText, 8, 'm', 6);
  printer.text('Scan dengan GoPay / QRIS').text('Berlaku 15 menit (12:55)').cut();
  return printer.buffer.flush();
}

/** Whether the emulator prints the slip so that its QR can be read, and knows every command of it. */
function isOnPaper(profile: PrinterProfile): boolean {
  const sheets: Sheet[] = [];
  const printer = new EscPosInterpreter(profile, {
    onSheet: (sheet) => sheets.push(sheet),
    onQuestion: () => undefined,
  });
  printer.feed(encodeDocument(budgetSlip, profile));
  const [sheet] = sheets;
  return printer.unknownCommands === 0 && sheet !== undefined && readQr(sheet) === qrisText;
}
