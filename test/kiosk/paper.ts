// For tests of slips: a document printed by the paper emulator, as a customer holds it.
import type { PrintDocument } from '../../drivers/device.ts';
import { encodeDocument } from '../../drivers/printer/escpos.ts';
import { EscPosInterpreter } from '../../drivers/printer/interpreter.ts';
import type { Sheet } from '../../drivers/printer/paper.ts';
import { printerProfiles, type PrinterProfile } from '../../drivers/printer/profiles.ts';
import decodeQr from 'qr/decode.js';

/** The one sheet that this document becomes. */
export function print(
  document: PrintDocument,
  profile: PrinterProfile = printerProfiles['generic-58'],
): Sheet {
  const sheets: Sheet[] = [];
  const printer = new EscPosInterpreter(profile, {
    onSheet: (sheet) => void sheets.push(sheet),
    onQuestion: () => undefined,
  });
  printer.feed(encodeDocument(document, profile));
  const [sheet] = sheets;
  if (sheet === undefined || sheets.length > 1 || printer.unknownCommands > 0) {
    throw new Error(`${sheets.length} sheets, ${printer.unknownCommands} unknown commands`);
  }
  return sheet;
}

/** Its lines, top to bottom. */
export function readText(document: PrintDocument, profile?: PrinterProfile): string {
  return print(document, profile).text.join('\n');
}

/** What a phone's camera reads; undefined: there is no QR. */
export function readQr(sheet: Sheet): string | undefined {
  const data = new Uint8Array(sheet.bitmap.length * 4).fill(255);
  sheet.bitmap.forEach((dot, at) => {
    if (dot === 1) data.fill(0, at * 4, at * 4 + 3);
  });
  try {
    return decodeQr({ width: sheet.widthDots, height: sheet.heightDots, data });
  } catch (error) {
    if (error instanceof Error) return undefined;
    throw error;
  }
}
