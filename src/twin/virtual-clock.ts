// A clock that stands until it is told to go on, for a twin whose every answer shall be known beforehand.
import type { Clock } from '../lib/clock.ts';

/** Most timers that one call may fire; a loop of timers ends there with an error. */
const maxFired = 100_000;

interface Timer {
  dueMs: number;
  call: () => void;
}

export class VirtualClock implements Clock {
  #nowMs: number;
  #timers: Timer[] = [];

  /** `startMs`: milliseconds since 1970 UTC. */
  constructor(startMs: number) {
    this.#nowMs = startMs;
  }

  nowMs(): number {
    return this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  /** What is due at once happens by itself; only the future waits for `advance`. */
  after(delayMs: number, call: () => void): () => void {
    if (delayMs <= 0) {
      const soon = setImmediate(call);
      return () => {
        clearImmediate(soon);
      };
    }
    const timer = { dueMs: this.#nowMs + delayMs, call };
    this.#timers.push(timer);
    return () => {
      this.#timers = this.#timers.filter((each) => each !== timer);
    };
  }

  /**
   * Goes on by `ms` and fires what is due on the way, in order. `settle` is waited for before each step, so that what one
   * timer started has ended before the next one fires.
   * @throws Error when timers go on without end
   */
  async advance(ms: number, settle: () => Promise<void>): Promise<void> {
    const endMs = this.#nowMs + ms;
    for (let fired = 0; fired < maxFired; fired++) {
      await settle();
      const next = this.#takeDue(endMs);
      if (next === undefined) {
        this.#nowMs = Math.max(this.#nowMs, endMs);
        return;
      }
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.call();
    }
    throw new Error(`more than ${maxFired} timers fired within ${ms} ms`);
  }

  /** The earliest; of two at the same time the one that was started first. */
  #takeDue(endMs: number): Timer | undefined {
    let next: Timer | undefined;
    for (const each of this.#timers) {
      if (each.dueMs <= endMs && (next === undefined || each.dueMs < next.dueMs)) next = each;
    }
    this.#timers = this.#timers.filter((each) => each !== next);
    return next;
  }
}
