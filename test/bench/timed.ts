// How long one thing takes, for benches that compare what takes less than a turn of the loop.
import { systemClock } from '../../src/lib/clock.ts';
import { median, type Variant } from './figures.ts';

/** In milliseconds; the middle one of so many, because the rest of the machine strikes some of them. */
export function timed(times: number, once: () => unknown): Variant {
  return async () => {
    const tookMs: number[] = [];
    for (let i = 0; i < times; i++) {
      const sinceMs = systemClock.monotonicMs();
      await once();
      tookMs.push(systemClock.monotonicMs() - sinceMs);
    }
    return median(tookMs);
  };
}
