// What every part of one run shares: the clock, chance, the log, and the first rule that was broken.
import { pino } from 'pino';
import type { Log } from '../../src/lib/log.ts';
import type { Bug } from './bugs.ts';
import { drawChanceFrom } from './chance.ts';
import { Draw, Faults } from './draw.ts';
import { SimClock } from './sim-clock.ts';

/** Lines that a run keeps; the oldest go first. */
const maxLines = 20_000;

/** Making a log costs as much as a few sales: all runs of a process have one, which the newest of them hears. */
let hear: (line: string) => void = () => undefined;
const write = (line: string): void => {
  hear(line);
};
const productLog: Log = pino({ level: 'warn', base: null, timestamp: false }, { write });

export class World {
  readonly clock = new SimClock();
  readonly draw: Draw;
  readonly faults: Faults;
  readonly bug: Bug | undefined;
  readonly lines: string[] = [];
  /** What the product logs, from warnings on. */
  readonly productLog: Log = productLog;
  readonly count = { sales: 0, shown: 0, crashes: 0, pulses: 0 };
  /** What changes what may be asked of the end. */
  readonly happened = new Set<'old card' | 'restore' | 'copy'>();
  /** Which sale a granted dispense was for. */
  readonly grants = new Map<string, string>();
  /** The pieces that each sale was for, by the price when it was minted. */
  readonly bought = new Map<string, number>();
  /** Pulses for each sale, its own and those of its claim. */
  readonly dispensed = new Map<string, number>();
  /** Sales that somebody refunded at Midtrans by hand, or paid with another sum. */
  readonly oddMoney = new Set<string>();
  /** Sales whose customers were given their money in cash. */
  readonly cash = new Set<string>();
  /** Sales that were under way when their kiosk's card was copied: two machines hold them, and neither can know. */
  readonly copied = new Set<string>();
  broken: string | undefined;

  constructor(seed: number, bug?: Bug) {
    this.draw = new Draw(seed);
    drawChanceFrom(this.draw.unit);
    this.faults = new Faults(this.draw, seed);
    this.bug = bug;
    hear = (line) => {
      this.say('log', line.trimEnd());
      // The product catches and logs what goes wrong in the background; a bug must not hide there.
      if (line.includes('"msg":"background.failed"')) this.broke(`the relay threw: ${line}`);
    };
  }

  say(who: string, what: string): void {
    if (this.lines.length >= maxLines) this.lines.splice(0, maxLines / 2);
    this.lines.push(`${this.clock.monotonicMs()} ${who} ${what}`);
  }

  /** The first broken rule ends the run. */
  broke(rule: string): void {
    if (this.broken !== undefined) return;
    this.say('BROKEN', rule);
    this.broken = rule;
  }
}
