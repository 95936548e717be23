// Time, as something that is handed in: the real one here, a virtual one in tests. Code that decides never asks it.

export interface Clock {
  /** Wall clock, milliseconds since 1970 UTC. A label: it may jump. */
  nowMs(): number;
  /** Milliseconds on a clock that never jumps; it goes on over a restart of the process, not over one of the machine. */
  monotonicMs(): number;
  /** Calls once, never before `delayMs` have gone by on the monotonic clock; the answer cancels it. */
  after(delayMs: number, call: () => void): () => void;
}

/** Node's timers overflow above this and would fire at once. */
const maxDelayMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  // hrtime is CLOCK_MONOTONIC on Linux; performance.now() would start anew with each process.
  monotonicMs: () => Number(process.hrtime.bigint() / 1000n) / 1000,
  after(delayMs, call) {
    const dueMs = systemClock.monotonicMs() + delayMs;
    let timer: NodeJS.Timeout;
    const arm = (leftMs: number): void => {
      timer = setTimeout(due, Math.min(Math.max(Math.ceil(leftMs), 0), maxDelayMs));
    };
    // Node counts from when its loop last looked at the time, in whole milliseconds: its timers come up to one too early.
    const due = (): void => {
      const leftMs = dueMs - systemClock.monotonicMs();
      if (leftMs > 0) arm(leftMs);
      else call();
    };
    arm(delayMs);
    return () => {
      clearTimeout(timer);
    };
  },
};

/** Waits on a clock; an abort ends the wait early and without an error. */
export async function wait(clock: Clock, delayMs: number, signal?: AbortSignal): Promise<void> {
  await new Promise<void>((resolve) => {
    if (signal?.aborted === true) {
      resolve();
      return;
    }
    const cancel = clock.after(delayMs, () => {
      signal?.removeEventListener('abort', stop);
      resolve();
    });
    function stop(): void {
      cancel();
      resolve();
    }
    signal?.addEventListener('abort', stop, { once: true });
  });
}
