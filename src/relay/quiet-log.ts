// Warnings that somebody outside can cause as often as he likes: one line a minute for each kind and cause, the rest
// counted and told with the next line. Must never let the world write the relay's log full.
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';

/** @param cause whose doing it is, such as a kiosk's id or an address; a field of the line as well */
export type QuietWarn = (
  event: string,
  cause: string,
  more?: Readonly<Record<string, unknown>>,
) => void;

/** Of one kind and cause there is one line within this. */
export const quietMs = 60_000;
/** Causes that are told apart at a time; all others of a kind share one line. */
export const maxCauses = 1_000;
const others = 'others';

interface Told {
  untilMs: number;
  /** How many have not been told since. */
  untold: number;
}

/** Memory for `maxCauses` causes, never more. */
export function createQuietLog(clock: Pick<Clock, 'monotonicMs'>, log: Log): QuietWarn {
  const told = new Map<string, Told>();
  /** One for each kind of line: few, and known when this was written. */
  const crowded = new Map<string, Told>();

  function placeOf(event: string, cause: string, nowMs: number): [Map<string, Told>, string] {
    const key = `${event} ${cause}`;
    if (told.has(key)) return [told, key];
    if (told.size >= maxCauses) {
      for (const [old, { untilMs }] of told) if (untilMs <= nowMs) told.delete(old);
    }
    return told.size < maxCauses ? [told, key] : [crowded, event];
  }

  return (event, cause, more = {}) => {
    const nowMs = clock.monotonicMs();
    const [place, key] = placeOf(event, cause, nowMs);
    const before = place.get(key);
    if (before !== undefined && nowMs < before.untilMs) {
      before.untold++;
      return;
    }
    place.set(key, { untilMs: nowMs + quietMs, untold: 0 });
    const untold = before === undefined || before.untold === 0 ? {} : { untold: before.untold };
    log.warn({ cause: place === crowded ? others : cause, ...more, ...untold }, event);
  };
}
