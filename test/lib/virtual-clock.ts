// A clock that stands still until the test moves it.
import type { Clock } from '../../src/lib/clock.ts';

/** Calls that are due at one moment settle their promises before the clock goes on. */
const turns = 20;

export class VirtualClock implements Clock {
  #nowMs = 0;
  #calls: { atMs: number; call: () => void }[] = [];
  readonly #startMs: number;

  /** `startMs`: the wall clock at the start. */
  constructor(startMs = Date.UTC(2026, 0, 1)) {
    this.#startMs = startMs;
  }

  nowMs(): number {
    return this.#startMs + this.#nowMs;
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const entry = { atMs: this.#nowMs + Math.max(delayMs, 0), call };
    this.#calls.push(entry);
    return () => {
      this.#calls = this.#calls.filter((other) => other !== entry);
    };
  }

  /** Calls that wait. */
  get pending(): number {
    return this.#calls.length;
  }

  /** Moves on by `ms`, running in order whatever falls due, also what those calls arm. */
  async advance(ms: number): Promise<void> {
    const untilMs = this.#nowMs + ms;
    for (;;) {
      await settle();
      const due = this.#calls
        .filter(({ atMs }) => atMs <= untilMs)
        .sort((a, b) => a.atMs - b.atMs)[0];
      if (due === undefined) break;
      this.#nowMs = Math.max(this.#nowMs, due.atMs);
      this.#calls = this.#calls.filter((other) => other !== due);
      due.call();
    }
    this.#nowMs = untilMs;
    await settle();
  }
}

async function settle(): Promise<void> {
  for (let i = 0; i < turns; i++) await Promise.resolve();
}
