// Whether something works, found out by trying it: seldom, however many ask, and never for longer than a limit.
import { type Clock } from '../lib/clock.ts';
import { within } from './within.ts';

/** What was found out is good for so long. */
const freshMs = 1_000;
/** What takes longer is as bad as what fails. */
const limitMs = 2_000;

/** All who ask while a try runs, or within a second after it began, share its answer. `attempt` rejects when it fails. */
export function createProbe(clock: Clock, attempt: () => Promise<void>): () => Promise<boolean> {
  let last: { atMs: number; answer: Promise<boolean> } | undefined;
  let trying: Promise<void> | undefined;

  async function tryIt(): Promise<boolean> {
    // One that hangs is not begun again beside itself: it may hold what the next one needs.
    trying ??= attempt().finally(() => {
      trying = undefined;
    });
    let worked = false;
    const tried = trying.then(
      () => {
        worked = true;
      },
      () => undefined,
    );
    await within(clock, limitMs, tried);
    return worked;
  }

  return () => {
    const nowMs = clock.monotonicMs();
    if (last === undefined || nowMs - last.atMs >= freshMs) {
      last = { atMs: nowMs, answer: tryIt() };
    }
    return last.answer;
  };
}
