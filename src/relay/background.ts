// Work that outlives the request that began it. Nothing here is lost without a log line, and stopping waits for it.
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { type Metrics } from './metrics.ts';
import { within } from './within.ts';

export interface Background {
  /** Runs `work`; a rejection is logged and counted. Work under a key that already runs is not begun twice. */
  run(key: string, work: () => Promise<unknown>): Promise<void>;
  /** Resolves when the work under this key has ended; at once when there is none. */
  settled(key: string): Promise<void>;
  /** Waits until all of it has ended, at most `timeoutMs`. */
  drain(timeoutMs: number): Promise<void>;
}

export function createBackground(clock: Clock, log: Log, metrics: Metrics): Background {
  const running = new Map<string, Promise<void>>();
  return {
    run(key, work) {
      const present = running.get(key);
      if (present !== undefined) return present;
      const run = work()
        .then(() => undefined)
        .catch((error: unknown) => {
          metrics.faults.inc({ place: 'background' });
          log.error({ key, error: String(error) }, 'background.failed');
        })
        .finally(() => running.delete(key));
      running.set(key, run);
      return run;
    },
    settled: (key) => running.get(key) ?? Promise.resolve(),
    drain: (timeoutMs) => within(clock, timeoutMs, Promise.allSettled(running.values())),
  };
}
