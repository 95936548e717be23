// The QR as modules, and how many dots each module gets on this paper. PURE: same text, same symbol.
import { makeQr, type QrMatrix } from '../qr-matrix.ts';
import type { PrinterProfile } from './profiles.ts';

/** ISO/IEC 18004 9.1: four modules of nothing on each side. */
export const quietModules = 4;

/** Below three dots (0.38 mm) the head's bleeding closes the gaps and cheap cameras lose the symbol. */
const minModuleDots = 3;

const dotsPerMm = { 203: 8, 180: 7.09 } as const;

/** Error correction M: paper gets creased and the head has dead dots. */
const level = 'M';

/** Bytes that fit into version 1 to 40 at this level (ISO/IEC 18004, table 7). */
const byteCapacity = [
  ...[
    14, 26, 42, 62, 84, 106, 122, 152, 180, 213, 251, 287, 331, 362, 412, 450, 504, 560, 624, 666,
  ],
  ...[711, 779, 857, 911, 997, 1059, 1125, 1190, 1264, 1370, 1452, 1538, 1628, 1722, 1809, 1911],
  ...[1989, 2099, 2213, 2331],
];

/** The symbol that we draw ourselves: the smallest one. @throws RangeError when the text fits into no symbol. */
export function smallestSymbol(text: string): QrMatrix {
  return fitted(text, () => makeQr(text, level));
}

/**
 * The symbol that a printer draws which packs everything as bytes: the largest one that GS ( k may come up with.
 * @throws RangeError when the text fits into no symbol.
 */
export function byteSymbol(text: string): QrMatrix {
  return fitted(text, () =>
    makeQr([{ data: new TextEncoder().encode(text), mode: 'byte' }], level),
  );
}

/** Modules on a side of `byteSymbol`, without drawing it. @param bytes of the text. @throws RangeError as it does. */
export function byteSymbolSize(bytes: number): number {
  const version = byteCapacity.findIndex((capacity) => bytes <= capacity) + 1;
  if (bytes === 0 || version === 0) throw new RangeError('no QR holds so many bytes');
  return 17 + 4 * version;
}

function fitted(text: string, make: () => QrMatrix): QrMatrix {
  if (text === '') throw new RangeError('a QR without text');
  try {
    return make();
  } catch (error) {
    throw new RangeError('the text is too long for a QR', { cause: error });
  }
}

/**
 * Dots a module: as many as fit, so that the symbol stays inside of the printable width, its quiet zone inside of the
 * paper. @throws RangeError when that is fewer than can be read.
 */
export function moduleDots(size: number, profile: PrinterProfile): number {
  const dots = Math.min(
    profile.maxModuleDots,
    Math.floor(profile.widthDots / size),
    Math.floor((profile.paperMm * dotsPerMm[profile.dpi]) / (size + 2 * quietModules)),
  );
  if (dots < minModuleDots) throw new RangeError('the QR is too large for this paper');
  return dots;
}
