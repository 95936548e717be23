// The support bundle of this machine, for `kios support` and for a kiosk that is asked for it from afar.
import { packSupport, supportLimits, type SupportLimits } from '../field/support.ts';
import { systemClock } from '../lib/clock.ts';
import { systemPlaces } from './attached.ts';
import { defaultConfig } from './devices.ts';
import { kioskIdOf, supportPieces, type SupportPlaces } from './support-pieces.ts';

/** Of a real machine. @param config the kiosk's */
export function supportPlaces(config = defaultConfig): SupportPlaces {
  return { root: '/', config, runtime: '/run/kios', system: systemPlaces, wholeJournal: false };
}

/** `kios-support-ksk01-20261122T211500Z` */
export function supportName(places: SupportPlaces, nowMs: number): string {
  const at = new Date(nowMs).toISOString().replace(/\.\d+/, '').replace(/[-:]/g, '');
  return `kios-support-${kioskIdOf(places)}-${at}`;
}

/**
 * The bytes of a `.tar.gz`, at most `maxSupportBytes`. Beside a kiosk that sells it takes seconds and no device.
 * @throws ToolError without tar or gzip, or without room in the folder for temporary files
 */
export async function makeSupportBundle(
  places: SupportPlaces,
  limits: SupportLimits = supportLimits,
): Promise<Uint8Array> {
  const name = supportName(places, systemClock.nowMs());
  return packSupport(name, supportPieces(places, systemClock), systemClock, limits);
}
