// Which guests a run is made on, and a visible skip where none can be made.
import { describe } from 'vitest';
import { guestImage, whyNoGuest, type DebianRelease } from './machine/image.ts';
import type { GuestImage } from './machine/launch.ts';

/** Building one takes minutes where the machine is busy. */
export const buildLimitMs = 900_000;
/** One step of an emulated kiosk on a busy machine. */
export const stepLimitMs = 240_000;

/** KIOS_RIG_FULL=1: also what takes longer than a build machine shall wait. */
export const isFull = process.env['KIOS_RIG_FULL'] === '1';

/** KIOS_RIG_RELEASES=12,13 */
function releases(unsaid: string): DebianRelease[] {
  return (process.env['KIOS_RIG_RELEASES'] ?? unsaid).split(',').map((text) => {
    const release = Number(text);
    if (release !== 12 && release !== 13) throw new Error(`KIOS_RIG_RELEASES: no Debian ${text}`);
    return release;
  });
}

/**
 * Where nobody says which releases, on Debian 12 alone, or on both. `full`: only with KIOS_RIG_FULL=1, else told as skipped,
 * since a build machine has no time for it.
 */
export type Extent = 'on both releases' | 'full';

/** Tests in a guest, once for each release. `image` builds it where it is not there yet. */
export function inGuests(
  title: string,
  tests: (image: () => Promise<GuestImage>) => void,
  extent?: Extent,
): void {
  for (const release of releases(extent === 'on both releases' ? '12,13' : '12')) {
    const missing = whyNoGuest() ?? (extent !== 'full' || isFull ? undefined : 'KIOS_RIG_FULL=1');
    const why = missing === undefined ? '' : ` (${missing})`;
    describe.skipIf(missing !== undefined)(`${title}, Debian ${release}${why}`, () => {
      tests(() => guestImage(release));
    });
  }
}
