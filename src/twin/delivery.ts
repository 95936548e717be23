// Brings notifications to the merchant: first attempt, repeats by the table, and the faults that were asked for.
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Body } from './answers.ts';
import type { NoticeFault } from './fault-schema.ts';
import type { Post } from './post.ts';
import { drawFor, type Random } from './random.ts';
import { nextRepeatMs, type Attempt } from './retry-table.ts';
import type { SentNotices } from './sent-notices.ts';
import type { KeptNotice, Rows } from './state-file.ts';

/** Most notifications under way, and most held back, at once; more are dropped with a warning. */
const maxUnderWay = 20_000;

export interface Notice {
  orderId: string;
  status: string;
  urls: readonly string[];
  body: Body;
}

export interface DeliveryOptions {
  clock: Clock;
  random: Random;
  log: Log;
  post: Post;
  /** Between the event and the first attempt. */
  delayMs: number;
  /** 1: the real gaps. */
  timeScale: number;
  /** Where given, each gap's shift depends on it and on the notification alone, not on what else is under way. */
  seed?: number | undefined;
  /** Keeps what is not done between runs. */
  kept?: Rows<KeptNotice> | undefined;
  /** Remembers what was sent. */
  sent?: SentNotices | undefined;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #closing = new AbortController();
  readonly #timers = new Set<() => void>();
  readonly #held = new Map<number, KeptNotice>();
  #lastNumber = 0;
  #underWay = 0;
  #trying = 0;
  #whenIdle: (() => void)[] = [];

  /** Takes up what an earlier run left. */
  constructor(options: DeliveryOptions) {
    this.#options = options;
    for (const kept of options.kept?.load() ?? []) {
      this.#lastNumber = Math.max(this.#lastNumber, kept.number);
      if (kept.phase !== 'going') {
        this.#held.set(kept.number, kept);
        continue;
      }
      this.#underWay++;
      this.#later(kept);
    }
  }

  /** Sends to every address of the notice, as the fault wants it. A `tamper` has already changed the body. */
  send(notice: Notice, fault: NoticeFault | undefined): void {
    if (this.#closing.signal.aborted) return;
    const { delayMs } = this.#options;
    switch (fault?.kind) {
      case 'drop-before':
        return;
      case 'hold':
        this.#hold(notice, 'held');
        return;
      case 'behind':
        this.#hold(notice, 'behind');
        return;
      case 'slow':
        this.#start(notice, delayMs + fault.delayMs, 1);
        return;
      case 'duplicate':
        this.#start(notice, delayMs, 1 + fault.times);
        return;
      case 'tamper':
      case undefined:
        this.#start(notice, delayMs, 1);
    }
  }

  /** Sends what was held back, of one order or of all; how many went. */
  release(orderId?: string): number {
    return this.#releaseHeld((each) => orderId === undefined || each.orderId === orderId);
  }

  /** Resolves when no attempt waits for its answer. */
  idle(): Promise<void> {
    if (this.#trying === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#whenIdle.push(resolve);
    });
  }

  /** Ends everything under way without another attempt; what is kept is taken up by the next run. */
  close(): void {
    this.#closing.abort();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #hold(notice: Notice, phase: 'held' | 'behind'): void {
    if (this.#held.size >= maxUnderWay) {
      this.#dropped(notice);
      return;
    }
    const held = this.#keep(notice, notice.urls, phase, 0);
    this.#held.set(held.number, held);
  }

  #releaseHeld(goes: (held: KeptNotice) => boolean): number {
    const going = [...this.#held.values()].filter(goes);
    for (const held of going) {
      this.#held.delete(held.number);
      this.#options.kept?.remove(`${held.number}`);
      this.#start({ ...held, body: JSON.parse(held.text) as Body }, 0, 1);
    }
    return going.length;
  }

  #start(notice: Notice, delayMs: number, copies: number): void {
    const dueMs = this.#options.clock.nowMs() + delayMs;
    for (const url of notice.urls) {
      for (let copy = 0; copy < copies; copy++) {
        if (this.#underWay >= maxUnderWay) {
          this.#dropped(notice);
          return;
        }
        this.#underWay++;
        this.#later(this.#keep(notice, [url], 'going', dueMs));
      }
    }
  }

  #keep(
    { orderId, status, body }: Notice,
    urls: readonly string[],
    phase: KeptNotice['phase'],
    dueMs: number,
  ): KeptNotice {
    const number = ++this.#lastNumber;
    const text = JSON.stringify(body);
    const kept = { number, orderId, status, text, urls, phase, repeats: 0, dueMs };
    this.#options.kept?.save(kept);
    return kept;
  }

  #later(going: KeptNotice): void {
    const { clock } = this.#options;
    const cancel = clock.after(Math.max(going.dueMs - clock.nowMs(), 0), () => {
      this.#timers.delete(cancel);
      void this.#attempt(going);
    });
    this.#timers.add(cancel);
  }

  async #attempt(going: KeptNotice): Promise<void> {
    const { post, clock, sent, kept } = this.#options;
    this.#trying++;
    sent?.add(going, clock.nowMs());
    const outcome = await post(going.urls[0] ?? '', going.text, this.#closing.signal);
    this.#trying--;
    if (!this.#closing.signal.aborted) {
      sent?.answered(going, outcome);
      const waitMs = this.#nextMs(going, outcome);
      if (waitMs === undefined) {
        this.#underWay--;
        kept?.remove(`${going.number}`);
      } else {
        const next = { ...going, repeats: going.repeats + 1, dueMs: clock.nowMs() + waitMs };
        kept?.save(next);
        this.#later(next);
      }
      const { number, orderId } = going;
      this.#releaseHeld(
        (each) => each.phase === 'behind' && each.orderId === orderId && each.number < number,
      );
    }
    if (this.#trying > 0) return;
    for (const wake of this.#whenIdle.splice(0)) wake();
  }

  /** The wait before the next attempt; undefined when this was the last. */
  #nextMs({ number, orderId, status, repeats }: KeptNotice, outcome: Attempt): number | undefined {
    const { random, timeScale, log, seed } = this.#options;
    const shift = seed === undefined ? random() : drawFor(`${seed} ${number} ${repeats}`);
    const waitMs = nextRepeatMs(outcome, repeats, shift, timeScale);
    const http = outcome.kind === 'answered' ? outcome.http : undefined;
    if (waitMs !== undefined) {
      log.debug({ orderId, status, http, repeats, waitMs }, 'twin.notification-repeats');
      return waitMs;
    }
    const accepted = http !== undefined && http >= 200 && http < 300;
    if (!accepted) log.warn({ orderId, status, http, repeats }, 'twin.notification-given-up');
    return undefined;
  }

  #dropped({ orderId }: Notice): void {
    this.#options.log.warn({ orderId }, 'twin.notification-dropped');
  }
}
