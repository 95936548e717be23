// Brings notifications to the merchant: first attempt, repeats by the table, and the faults that were asked for.
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import type { Body } from './answers.ts';
import type { NoticeFault } from './faults.ts';
import type { Post } from './post.ts';
import type { Random } from './random.ts';
import { nextRepeatMs } from './retry-table.ts';

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
}

/** One notification on its way to one address. */
interface Sending {
  notice: Notice;
  url: string;
  text: string;
}

export class Delivery {
  readonly #options: DeliveryOptions;
  readonly #closing = new AbortController();
  readonly #timers = new Set<() => void>();
  #held: Notice[] = [];
  #underWay = 0;

  constructor(options: DeliveryOptions) {
    this.#options = options;
  }

  /** Sends to every address of the notice, as the fault wants it. A `tamper` has already changed the body. */
  send(notice: Notice, fault: NoticeFault | undefined): void {
    if (this.#closing.signal.aborted) return;
    const { delayMs } = this.#options;
    switch (fault?.kind) {
      case 'drop-before':
        return;
      case 'hold':
        if (this.#held.length < maxUnderWay) this.#held.push(notice);
        else this.#dropped(notice);
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
    const goes = (notice: Notice): boolean => orderId === undefined || notice.orderId === orderId;
    const going = this.#held.filter(goes);
    this.#held = this.#held.filter((notice) => !goes(notice));
    for (const notice of going) this.#start(notice, 0, 1);
    return going.length;
  }

  /** Ends everything under way without another attempt. */
  close(): void {
    this.#closing.abort();
    for (const cancel of this.#timers) cancel();
    this.#timers.clear();
  }

  #start(notice: Notice, delayMs: number, copies: number): void {
    const text = JSON.stringify(notice.body);
    for (const url of notice.urls) {
      for (let copy = 0; copy < copies; copy++) {
        if (this.#underWay >= maxUnderWay) {
          this.#dropped(notice);
          return;
        }
        this.#underWay++;
        this.#later(delayMs, { notice, url, text }, 0);
      }
    }
  }

  #later(delayMs: number, sending: Sending, repeats: number): void {
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(cancel);
      void this.#attempt(sending, repeats);
    });
    this.#timers.add(cancel);
  }

  async #attempt(sending: Sending, repeats: number): Promise<void> {
    const { post, random, timeScale, log } = this.#options;
    const outcome = await post(sending.url, sending.text, this.#closing.signal);
    if (this.#closing.signal.aborted) return;
    const waitMs = nextRepeatMs(outcome, repeats, random(), timeScale);
    const http = outcome.kind === 'answered' ? outcome.http : undefined;
    const { orderId, status } = sending.notice;
    if (waitMs !== undefined) {
      log.debug({ orderId, status, http, repeats, waitMs }, 'twin.notification-repeats');
      this.#later(waitMs, sending, repeats + 1);
      return;
    }
    this.#underWay--;
    const accepted = http !== undefined && http >= 200 && http < 300;
    if (!accepted) log.warn({ orderId, status, http, repeats }, 'twin.notification-given-up');
  }

  #dropped(notice: Notice): void {
    this.#options.log.warn({ orderId: notice.orderId }, 'twin.notification-dropped');
  }
}
