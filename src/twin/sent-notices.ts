// What was sent lately, for whoever wants to look at it or to send it once more. Never written to a log.
import type { Attempt } from './retry-table.ts';
import type { KeptNotice } from './state-file.ts';

/** More than these are forgotten, oldest first. */
const maxSent = 2000;

/** One attempt. */
export interface SentNotice {
  number: number;
  repeats: number;
  orderId: string;
  status: string;
  url: string;
  atMs: number;
  /** What the merchant answered; absent while it is waited for. */
  answer?: number | 'none';
  text: string;
}

export interface SentNotices {
  add(going: KeptNotice, atMs: number): void;
  answered(going: KeptNotice, outcome: Attempt): void;
  /** Oldest first; of one order where that is given. */
  list(orderId?: string): SentNotice[];
}

export function createSentNotices(): SentNotices {
  const all = new Map<string, SentNotice>();
  const nameOf = (going: KeptNotice): string => `${going.number} ${going.repeats}`;
  return {
    add(going, atMs) {
      const { number, repeats, orderId, status, text } = going;
      const [url = ''] = going.urls;
      all.set(nameOf(going), { number, repeats, orderId, status, url, atMs, text });
      for (const oldest of all.keys()) {
        if (all.size <= maxSent) break;
        all.delete(oldest);
      }
    },
    answered(going, outcome) {
      const found = all.get(nameOf(going));
      if (found !== undefined) found.answer = outcome.kind === 'answered' ? outcome.http : 'none';
    },
    list: (orderId) =>
      [...all.values()].filter((each) => orderId === undefined || each.orderId === orderId),
  };
}
