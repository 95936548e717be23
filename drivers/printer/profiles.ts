// What a printer model can do, as a table. A wrong line here prints rubbish; it can never change what is printed on.
import { type CodePageName } from './code-page.ts';

export interface PrinterProfile {
  name: string;
  /** Printable width in dots, at 8 dots a millimetre (203 dpi). */
  widthDots: number;
  /** Width of the paper itself: its blank edges serve as the quiet zone of a QR. */
  paperDots: number;
  /** Characters of font A (12 dots wide) on a line. */
  columns: number;
  /** Whether it draws a QR itself (GS ( k); otherwise it is sent as a picture. */
  nativeQr: boolean;
  /** Largest side of a QR module in dots. A picture's bytes grow with it, a native QR's do not. */
  maxModuleDots: number;
  /** Bytes of one picture band: less than the smallest receive buffer, 4 KiB on cheap boards. */
  bandBytes: number;
  codePage: CodePageName;
  cutter: boolean;
  /** `dle-eot`: answers DLE EOT and GS r. `none`: blind; what it did with a job is never known. */
  status: 'none' | 'dle-eot';
}

const dots58 = { widthDots: 384, paperDots: 464, columns: 32 };
const dots80 = { widthDots: 576, paperDots: 640, columns: 48 };
const able = { nativeQr: true, maxModuleDots: 8, cutter: true, status: 'dle-eot' } as const;
const basic = { nativeQr: false, maxModuleDots: 6, cutter: false, status: 'none' } as const;
const common = { bandBytes: 1024, codePage: 'pc437' } as const;

/** `generic-*` is what Epson and good clones do; `basic-*` asks nothing of the printer but text and pictures. */
export const printerProfiles = {
  'generic-58': { name: 'generic-58', ...dots58, ...able, ...common },
  'generic-80': { name: 'generic-80', ...dots80, ...able, ...common },
  'basic-58': { name: 'basic-58', ...dots58, ...basic, ...common },
  'basic-80': { name: 'basic-80', ...dots80, ...basic, ...common },
} as const satisfies Record<string, PrinterProfile>;

export type PrinterProfileName = keyof typeof printerProfiles;
