// What a slip's bytes cost to make, and that they print the QR: read back from the emulator's paper. The libraries of
// that trade are not installed here; each is known by what it took beside `qrcode.create`, measured once in one run.
import assert from 'node:assert';
import { create } from 'qrcode/lib/core/qrcode.js';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { EscPosInterpreter } from '../../drivers/printer/interpreter.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import { budgetSlip, qrisText, readQr } from '../drivers/printer-slips.ts';
import { against, interleave, median, ratio, type Report } from './figures.ts';
import { timed } from './timed.ts';

const defaults = { rounds: 7, slips: 51 };
/** `@node-escpos/core`, the quickest with a QR command: 0.16 ms where a matrix took 1.0. */
const nativeBound = 0.16;
/** `receiptline`, the quickest with a picture: 5 ms. */
const pictureBound = 5;

const [native, picture] = [printerProfiles['generic-58'], printerProfiles['basic-58']];

export async function slipEncode({ rounds, slips } = defaults): Promise<Report> {
  assert(native.nativeQr && !picture.nativeQr);
  const measured = await interleave(
    {
      matrix: timed(slips, () => create(qrisText, { errorCorrectionLevel: 'M' })),
      native: timed(slips, () => encodeDocument(budgetSlip, native)),
      picture: timed(slips, () => encodeDocument(budgetSlip, picture)),
    },
    rounds,
  );
  const row = (name: 'native' | 'picture', profile: PrinterProfile, bound: number): string[] => {
    const over = ratio(measured[name], measured.matrix);
    return [
      name,
      `${median(measured[name]).toFixed(3)} ms`,
      over.text,
      against(`≤ ${bound}x`, over.median <= bound),
      isOnPaper(profile) ? 'read' : 'NOT READ',
    ];
  };
  return {
    title: 'Making the bytes of a slip',
    how: `the slip of slip-bytes; interleaved with qrcode.create of its QR (${median(measured.matrix).toFixed(3)} ms), medians of ${rounds} rounds of ${slips}; bounds: the quickest library`,
    head: ['QR', 'ours', 'to a matrix', 'bound', 'QR on the paper'],
    rows: [row('native', native, nativeBound), row('picture', picture, pictureBound)],
  };
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
