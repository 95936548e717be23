// The QR as modules, and how many dots each module gets on this paper. PURE: same text, same symbol.
import { create } from 'qrcode/lib/core/qrcode.js';
import type { PrinterProfile } from './profiles.ts';

export interface QrSymbol {
  /** Modules on a side, without quiet zone. */
  size: number;
  /** One entry a module, row by row; 1 is dark. */
  modules: Uint8Array;
}

/** ISO/IEC 18004 9.1: four modules of nothing on each side. */
export const quietModules = 4;

/** Below three dots (0.38 mm) the head's bleeding closes the gaps and cheap cameras lose the symbol. */
const minModuleDots = 3;

const dotsPerMm = { 203: 8, 180: 7.09 } as const;

/** Error correction M: paper gets creased and the head has dead dots. */
const level = 'M';

/** The symbol that we draw ourselves: the smallest one. @throws RangeError when the text fits into no symbol. */
export function smallestSymbol(text: string): QrSymbol {
  return fitted(text, () => create(text, { errorCorrectionLevel: level }));
}

/**
 * The symbol that a printer draws which packs everything as bytes: the largest one that GS ( k may come up with.
 * @throws RangeError when the text fits into no symbol.
 */
export function byteSymbol(text: string): QrSymbol {
  const bytes = new TextEncoder().encode(text);
  return fitted(text, () =>
    create([{ data: bytes, mode: 'byte' }], { errorCorrectionLevel: level }),
  );
}

function fitted(text: string, make: () => ReturnType<typeof create>): QrSymbol {
  if (text === '') throw new RangeError('a QR without text');
  try {
    const { modules } = make();
    return { size: modules.size, modules: modules.data };
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
