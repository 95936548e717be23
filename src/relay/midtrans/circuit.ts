// A circuit breaker: after so many silences in a row nothing is sent for a while, then one call at a time tries.
// Written here and not taken from a library: those count exceptions on the wall clock, our gateways answer with values and
// every wait runs on the injected clock.
import { backoffMs, type Backoff } from '../../lib/backoff.ts';
import { type Clock } from '../../lib/clock.ts';

/** One customer's charge alone (three tries and a question) must not shut it for everybody. */
const maxSilences = 5;
const shutFor: Backoff = { firstMs: 1_000, maxMs: 30_000 };
/** Told to whoever comes while the one call that tries is under way, or is about to. */
const tryingMs = 1_000;

export interface Circuit {
  /** Sends the call, or does not: undefined. `answered`: something came back that only the upstream can have said. */
  run<T>(call: () => Promise<T>, answered: (outcome: T) => boolean): Promise<T | undefined>;
  /** Milliseconds until a call is sent for certain, as far as one can tell; 0 while it is closed. */
  downMs(): number;
  /** It is shut, its time is over and nobody is trying. */
  wantsTry(): boolean;
}

/** `changed` hears when it is shut, and when it is closed again. */
export function createCircuit(
  clock: Pick<Clock, 'monotonicMs'>,
  random: () => number,
  changed: (shut: boolean) => void,
): Circuit {
  let silences = 0;
  /** How often in a row it was shut; 0: it is closed. */
  let times = 0;
  let shutUntilMs = 0;
  let trying = false;

  const leftMs = (): number => Math.max(Math.ceil(shutUntilMs - clock.monotonicMs()), 0);

  function heardNothing(tried: boolean): void {
    silences++;
    // What was sent before it was shut and fails only now says nothing new.
    const shuts = tried || (times === 0 && silences >= maxSilences);
    if (!shuts) return;
    times++;
    shutUntilMs = clock.monotonicMs() + backoffMs(shutFor, times, random());
    if (times === 1) changed(true);
  }

  function heard(): void {
    const wasShut = times > 0;
    silences = 0;
    times = 0;
    if (wasShut) changed(false);
  }

  return {
    async run(call, answered) {
      if (times > 0 && (leftMs() > 0 || trying)) return undefined;
      const tries = times > 0;
      if (tries) trying = true;
      try {
        const outcome = await call();
        if (answered(outcome)) heard();
        else heardNothing(tries);
        return outcome;
      } finally {
        if (tries) trying = false;
      }
    },
    downMs: () => (times === 0 ? 0 : Math.max(leftMs(), tryingMs)),
    wantsTry: () => times > 0 && leftMs() === 0 && !trying,
  };
}
