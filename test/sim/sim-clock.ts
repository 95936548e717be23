// The one clock of a run. It moves only when nothing can run any more: each call is followed until no promise of the
// process is left to settle and the store is through with its turns of the loop.
import assert from 'node:assert';
import type { Clock } from '../../src/lib/clock.ts';

interface Call {
  atMs: number;
  number: number;
  call: (() => void) | undefined;
  /** Of one that looks again and again. */
  look?: { everyMs: number; mayFind: () => boolean };
}

/** Each round of the process' own loop costs more than a turn in it. */
const turnsAtOnce = 32;
/** A run that makes more calls than this has run away. */
const maxCalls = 2_000_000;
const startMs = Date.UTC(2026, 0, 1);

export class SimClock implements Clock {
  /** A binary heap by time, then by number. */
  readonly #heap: Call[] = [];
  #atMs = 0;
  #number = 0;
  #busy = 0;

  nowMs(): number {
    return startMs + this.#atMs;
  }

  monotonicMs(): number {
    return this.#atMs;
  }

  after(delayMs: number, call: () => void): () => void {
    const entry = this.#enter(delayMs, call);
    return () => {
      entry.call = undefined;
    };
  }

  #enter(delayMs: number, call: () => void): Call {
    const atMs = this.#atMs + Math.max(Math.ceil(delayMs), 0);
    const entry: Call = { atMs, number: this.#number++, call };
    assert(entry.number < maxCalls, 'the run makes too many calls');
    this.#push(entry);
    return entry;
  }

  /**
   * The same clock for something that looks again and again, all of it after the same time. A look is passed over while
   * `mayFind` knows that it would find nothing.
   */
  ofLooks(alive: () => boolean, mayFind: () => boolean): Clock {
    const plain = this.ofLife(alive);
    let everyMs: number | undefined;
    return {
      ...plain,
      after: (delayMs, call) => {
        everyMs ??= delayMs;
        if (everyMs !== delayMs) return plain.after(delayMs, call);
        const entry = this.#enter(delayMs, () => {
          if (alive()) call();
        });
        entry.look = { everyMs, mayFind: () => !alive() || mayFind() };
        return () => {
          entry.call = undefined;
        };
      },
    };
  }

  /** Time stands still until `work` has ended: it takes turns of the loop, and none of the world's time. */
  async hold<T>(work: () => Promise<T>): Promise<T> {
    this.#busy++;
    try {
      return await work();
    } finally {
      this.#busy--;
    }
  }

  /** The clock of one life of a process: from its end on nothing that it asked for is called. */
  ofLife(alive: () => boolean, bootAtMs = 0, wallOffMs: () => number = () => 0): Clock {
    return {
      nowMs: () => this.nowMs() + wallOffMs(),
      monotonicMs: () => this.#atMs - bootAtMs,
      after: (delayMs, call) =>
        this.after(delayMs, () => {
          if (alive()) call();
        }),
    };
  }

  /** Runs what falls due in the next `ms`, until `ended` says so. */
  run(ms: number, ended: () => boolean): Promise<void> {
    const untilMs = this.#atMs + ms;
    const through = Promise.withResolvers<undefined>();
    let over = false;
    const turn = (): void => {
      // What still works takes its turns between ours.
      if (over || this.#busy > 0) return;
      try {
        over = !this.#step(untilMs, ended);
      } catch (error) {
        over = true;
        through.reject(error);
      }
      if (!over) return;
      if (!ended()) this.#atMs = untilMs;
      through.resolve(undefined);
    };
    const turns = (): void => {
      if (over) return;
      for (let count = 0; count < turnsAtOnce; count++) setImmediate(turn);
      setImmediate(turns);
    };
    turns();
    return through.promise;
  }

  /** The next call, if there is one. Every microtask that it leaves runs before the next turn. */
  #step(untilMs: number, ended: () => boolean): boolean {
    while (!ended()) {
      const next = this.#heap[0];
      if (next === undefined || next.atMs > untilMs) return false;
      this.#pop();
      const { call, look } = next;
      if (call === undefined) continue;
      this.#atMs = next.atMs;
      if (look?.mayFind() === false) {
        next.atMs += look.everyMs;
        next.number = this.#number++;
        this.#push(next);
        continue;
      }
      call();
      return true;
    }
    return false;
  }

  #push(entry: Call): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      const parent = heap[above];
      if (parent === undefined || isBefore(parent, entry)) break;
      heap[at] = parent;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): void {
    const heap = this.#heap;
    const last = heap.pop();
    if (last === undefined || heap.length === 0) return;
    let at = 0;
    for (;;) {
      const left = heap[2 * at + 1];
      const right = heap[2 * at + 2];
      const rightFirst = right !== undefined && left !== undefined && isBefore(right, left);
      const child = rightFirst ? right : left;
      if (child === undefined || isBefore(last, child)) break;
      heap[at] = child;
      at = 2 * at + (rightFirst ? 2 : 1);
    }
    heap[at] = last;
  }
}

function isBefore(one: Call, other: Call): boolean {
  return one.atMs === other.atMs ? one.number < other.number : one.atMs < other.atMs;
}
