// The kernel's side of an LED with the `pattern` trigger, as drivers/leds/trigger/ledtrig-pattern.c has it: a pattern that is
// written starts at once, so does `repeat` when one is loaded, and 0 is what comes before the first `repeat`: for ever.
import type { Clock } from '../../src/lib/clock.ts';
import type { LedFiles } from './led-files.ts';

/** ledtrig-pattern.c: MAX_PATTERNS. */
const maxTuples = 1024;

type Tuple = readonly [brightness: number, lengthMs: number];

export interface LedTriggerOptions {
  clock: Clock;
  maxBrightness?: number;
  /** Each change of the line, with its time. */
  onEdge?: (on: boolean, atMs: number) => void;
}

/** One LED. Its files answer as sysfs does; it knows no driver. */
export class LedTrigger implements LedFiles {
  readonly #options: LedTriggerOptions;
  #tuples: Tuple[] = [];
  /** As `repeat` shows it: what was written last. */
  #repeat = -1;
  #left = -1;
  #brightness = 0;
  /** The tuple that is next, and when; undefined: nothing runs. */
  #next: { at: number; dueMs: number } | undefined;
  #cancel: () => void = () => undefined;
  #plugged = true;
  /** Times that the line went on, ever. */
  pulses = 0;

  constructor(options: LedTriggerOptions) {
    this.#options = options;
  }

  get isOn(): boolean {
    return this.#brightness !== 0;
  }

  /** The LED is taken away, with whatever ran on it. */
  unplug(): void {
    this.#goOn();
    this.#stop();
    this.#plugged = false;
    this.#light(0, this.#options.clock.monotonicMs());
  }

  /** A new LED in its place, with nothing loaded. */
  plug(): void {
    this.#plugged = true;
    this.#tuples = [];
    this.#repeat = this.#left = -1;
  }

  read(name: Parameters<LedFiles['read']>[0]): string {
    if (!this.#plugged) throw failure('ENOENT');
    this.#goOn();
    switch (name) {
      case 'trigger':
        return 'none timer oneshot [pattern]\n';
      case 'max_brightness':
        return `${this.#options.maxBrightness ?? 255}\n`;
      case 'brightness':
        return `${this.#brightness}\n`;
      case 'repeat':
        return `${this.#repeat}\n`;
      case 'pattern':
        return this.#tuples.length === 0 ? '' : `${this.#tuples.flat().join(' ')}\n`;
    }
  }

  write(name: Parameters<LedFiles['write']>[0], text: string): void {
    if (!this.#plugged) throw failure('ENODEV');
    this.#goOn();
    if (name === 'repeat') {
      const times = Number(text);
      if (!Number.isInteger(times) || times < -1 || times === 0) throw failure('EINVAL');
      this.#stop();
      this.#repeat = this.#left = times;
    } else {
      this.#stop();
      this.#tuples = [];
      const numbers = text.trim().split(/\s+/).filter(Boolean).map(Number);
      const tuples: Tuple[] = [];
      for (let at = 0; at < numbers.length && tuples.length < maxTuples; at += 2) {
        tuples.push([numbers[at] ?? NaN, numbers[at + 1] ?? NaN]);
      }
      const most = this.#options.maxBrightness ?? 255;
      const bad = tuples.some(([level, length]) => !(level >= 0 && level <= most && length >= 0));
      if (bad || tuples.length === 1) throw failure('EINVAL');
      this.#tuples = tuples;
    }
    if (this.#tuples.length > 0) this.#next = { at: 0, dueMs: this.#options.clock.monotonicMs() };
    this.#goOn();
  }

  #stop(): void {
    this.#cancel();
    this.#next = undefined;
  }

  /**
   * Does all that is due by now, at the times at which it was due: a process may be held up, a kernel is not. Steps only; a
   * tuple without length is the end of the one before it.
   */
  #goOn(): void {
    const { clock } = this.#options;
    this.#cancel();
    while (
      this.#next !== undefined &&
      this.#left !== 0 &&
      this.#next.dueMs <= clock.monotonicMs()
    ) {
      const { at, dueMs } = this.#next;
      const [level, lengthMs] = this.#tuples[at] ?? [0, 0];
      if (lengthMs > 0) this.#light(level, dueMs);
      const last = at === this.#tuples.length - 1;
      if (last && this.#left > 0) this.#left -= 1;
      this.#next = { at: last ? 0 : at + 1, dueMs: dueMs + lengthMs };
    }
    if (this.#next === undefined || this.#left === 0) return;
    this.#cancel = clock.after(this.#next.dueMs - clock.monotonicMs(), () => {
      this.#goOn();
    });
  }

  #light(level: number, atMs: number): void {
    const changed = (level !== 0) !== this.isOn;
    this.#brightness = level;
    if (!changed) return;
    if (level !== 0) this.pulses += 1;
    this.#options.onEdge?.(level !== 0, atMs);
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}
