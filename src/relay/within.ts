// Waiting, but not for ever.
import { wait, type Clock } from '../lib/clock.ts';

/** Resolves when `work` has ended or `limitMs` have passed; `work` itself goes on. Rejects as `work` does in time. */
export async function within(clock: Clock, limitMs: number, work: Promise<unknown>): Promise<void> {
  const done = new AbortController();
  const ended = work.finally(() => {
    // With a reason: without one an exception is made for nobody, with its stack, at every call.
    done.abort('ended');
  });
  await Promise.race([ended, wait(clock, limitMs, done.signal)]);
}
