// How wide the panel says that it is (EDID). It is often wrong, so it is only shown: the configuration's panelWidthMm decides.
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** VESA E-EDID 1.4: a block has 128 bytes; the first detailed timing stands at 54, its width in millimetres at 66 and 68. */
const edid = { bytes: 128, header: Buffer.from('00ffffffffffff00', 'hex'), low: 66, high: 68 };
/** Outside of it no panel of a kiosk is; projectors say 0, televisions an aspect ratio. */
const sane = { minMm: 50, maxMm: 1000 };

/**
 * Width of the one panel that is connected, in millimetres; undefined where there are several, or it says nothing sane.
 * @param drm `/sys/class/drm`
 */
export function panelWidthMm(drm: string): number | undefined {
  const found = connectors(drm).flatMap((name) => {
    try {
      const block = readFileSync(join(drm, name, 'edid'));
      return block.length === 0 ? [] : [widthOf(block)];
    } catch {
      return []; // A card has no EDID, only its connectors have.
    }
  });
  return found.length === 1 ? found[0] : undefined;
}

/** Undefined for what is no EDID, and for a size that cannot be. */
export function widthOf(block: Uint8Array): number | undefined {
  if (block.length < edid.bytes || !edid.header.equals(block.subarray(0, 8))) return undefined;
  const widthMm = (block[edid.low] ?? 0) + (((block[edid.high] ?? 0) >> 4) << 8);
  return widthMm >= sane.minMm && widthMm <= sane.maxMm ? widthMm : undefined;
}

function connectors(drm: string): string[] {
  try {
    return readdirSync(drm).filter((name) => /^card\d+-/.test(name));
  } catch {
    return [];
  }
}
