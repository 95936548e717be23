// The three zones of Indonesia: days and times as people there read them. PURE. None has summer time.
import type { KioskConfig } from './config.ts';

export type TimeZone = KioskConfig['timeZone'];

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

const zones = {
  'Asia/Jakarta': { word: 'WIB', aheadMs: 7 * hourMs },
  'Asia/Makassar': { word: 'WITA', aheadMs: 8 * hourMs },
  'Asia/Jayapura': { word: 'WIT', aheadMs: 9 * hourMs },
} as const satisfies Record<TimeZone, unknown>;

/** As people there name them. */
export const zoneNames = {
  WIB: 'Asia/Jakarta',
  WITA: 'Asia/Makassar',
  WIT: 'Asia/Jayapura',
} as const satisfies Record<string, TimeZone>;

/** `22-11-2026 14:03 WIB`, or `14:03:07`. @param ms since 1970, UTC; NaN, which is no time, is `-` */
export function localTime(
  ms: number,
  timeZone: TimeZone,
  to: 'minutes' | 'seconds' = 'minutes',
): string {
  if (Number.isNaN(ms)) return '-';
  const time = shifted(ms, timeZone).slice(11, to === 'minutes' ? 16 : 19);
  return `${localDay(ms, timeZone)} ${time} ${zones[timeZone].word}`;
}

/** `22-11-2026` */
export function localDay(ms: number, timeZone: TimeZone): string {
  const [year, month, day] = shifted(ms, timeZone).slice(0, 10).split('-');
  return `${day ?? ''}-${month ?? ''}-${year ?? ''}`;
}

/** The day that this moment is in, from midnight to midnight there, as ISO 8601 in UTC. */
export function dayOf(ms: number, timeZone: TimeZone): { from: string; until: string } {
  const { aheadMs } = zones[timeZone];
  const fromMs = Math.floor((ms + aheadMs) / dayMs) * dayMs - aheadMs;
  return { from: new Date(fromMs).toISOString(), until: new Date(fromMs + dayMs).toISOString() };
}

/** The same for a day that somebody wrote, `2026-11-22`; undefined: there is no such day. */
export function dayNamed(
  text: string,
  timeZone: TimeZone,
): { from: string; until: string } | undefined {
  const ms = /^\d{4}-\d\d-\d\d$/.test(text) ? Date.parse(`${text}T00:00:00.000Z`) : NaN;
  if (Number.isNaN(ms) || new Date(ms).toISOString().slice(0, 10) !== text) return undefined;
  return dayOf(ms - zones[timeZone].aheadMs, timeZone);
}

/** The clock on the wall there, written as if it were UTC. */
function shifted(ms: number, timeZone: TimeZone): string {
  return new Date(ms + zones[timeZone].aheadMs).toISOString();
}
