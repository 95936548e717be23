// The QR as modules, and how many dots each module gets on this paper. PURE: same text, same symbol.
import { makeQr, smallest, type QrMatrix } from '../qr-matrix.ts';
import { sizeOf } from '../qr-versions.ts';
import type { PrinterProfile } from './profiles.ts';

/** ISO/IEC 18004 9.1: four modules of nothing on each side. */
export const quietModules = 4;

/** Below three dots (0.38 mm) the head's bleeding closes the gaps and cheap cameras lose the symbol. */
const minModuleDots = 3;

const dotsPerMm = { 203: 8, 180: 7.09 } as const;

/** Error correction M: paper gets creased and the head has dead dots. */
const level = 'M';

/** The symbol that we draw ourselves: the smallest one. @throws RangeError when the text fits into no symbol. */
export function smallestSymbol(text: string): QrMatrix {
  return makeQr(text, level);
}

/**
 * The symbol that a printer draws which packs everything as bytes: the largest one that GS ( k may come up with.
 * @throws RangeError when the text fits into no symbol.
 */
export function byteSymbol(text: string): QrMatrix {
  return makeQr(new TextEncoder().encode(text), level);
}

/** Modules on a side of `byteSymbol`, without drawing it. @param bytes of the text. @throws RangeError as it does. */
export function byteSymbolSize(bytes: number): number {
  return sizeOf(smallest(new Uint8Array(bytes), level).version);
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
