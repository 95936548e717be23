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

/** KIOS_RIG_RELEASES=12,13; where nobody says which: Debian 12. */
function releases(): DebianRelease[] {
  return (process.env['KIOS_RIG_RELEASES'] ?? '12').split(',').map((text) => {
    const release = Number(text);
    if (release !== 12 && release !== 13) throw new Error(`KIOS_RIG_RELEASES: no Debian ${text}`);
    return release;
  });
}

/**
 * A release: on that one alone, whatever is asked for. `full`: only with KIOS_RIG_FULL=1, else told as skipped, since a build
 * machine has no time for it.
 */
export type Extent = DebianRelease | 'full';

/** Tests in a guest, once for each release. `image` builds it where it is not there yet; of two that ask, one builds. */
export function inGuests(
  title: string,
  tests: (image: () => Promise<GuestImage>) => void,
  extent?: Extent,
): void {
  for (const release of typeof extent === 'number' ? [extent] : releases()) {
    const missing = whyNoGuest() ?? (extent !== 'full' || isFull ? undefined : 'KIOS_RIG_FULL=1');
    const why = missing === undefined ? '' : ` (${missing})`;
    describe.skipIf(missing !== undefined)(`${title}, Debian ${release}${why}`, () => {
      tests(() => guestImage(release));
    });
  }
}
