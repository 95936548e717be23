// Named timers of one owner: each name at most once, all of them forgotten at the end.
import type { Clock } from '../lib/clock.ts';

export class Timers {
  readonly #clock: Clock;
  readonly #cancels = new Map<string, () => void>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Calls once; a delay below 0 is none. Takes the place of an earlier timer of the same name. */
  start(name: string, delayMs: number, call: () => void): void {
    this.stop(name);
    const cancel = this.#clock.after(Math.max(delayMs, 0), () => {
      this.#cancels.delete(name);
      call();
    });
    this.#cancels.set(name, cancel);
  }

  stop(name: string): void {
    this.#cancels.get(name)?.();
    this.#cancels.delete(name);
  }

  stopAll(): void {
    for (const cancel of this.#cancels.values()) cancel();
    this.#cancels.clear();
  }
}
