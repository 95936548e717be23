// Verdicts that were handed to the broker, where one process alone publishes. Most are acknowledged within milliseconds, and
// then their sending need never be written. Memory alone: what is forgotten is only sent again.
import { type OutboxRow } from './schema.ts';

/** One sending; `nextAtMs`: without an acknowledgement it is sent again then. */
export type Sending = Pick<OutboxRow, 'kioskId' | 'saleId' | 'seq' | 'nextAtMs'>;

export interface Sendings {
  /** False: there are too many; it was not taken. */
  add(sending: Sending): boolean;
  /**
   * The highest number of this kiosk that is remembered, or 0. What has a lower one is remembered too, or was sent before,
   * or could not be sent just now: all of that has time until the next `takeAll`.
   */
  highest(kioskId: string): number;
  /** Those of the kiosk up to this number: they were acknowledged, or are due anew. */
  forget(kioskId: string, upTo: number): void;
  /** All, to be written; none is remembered any more. */
  takeAll(): Sending[];
}

/** Above it they are written at once. The publisher's tick writes what is left a second later. */
const maxSendings = 10_000;

export function createSendings(): Sendings {
  const kiosks = new Map<string, Sending[]>();
  let count = 0;
  return {
    add(sending) {
      if (count >= maxSendings) return false;
      const present = kiosks.get(sending.kioskId);
      if (present === undefined) kiosks.set(sending.kioskId, [sending]);
      else present.push(sending);
      count++;
      return true;
    },
    highest: (kioskId) =>
      (kiosks.get(kioskId) ?? []).reduce((highest, { seq }) => Math.max(highest, seq), 0),
    forget(kioskId, upTo) {
      const present = kiosks.get(kioskId);
      if (present === undefined) return;
      const left = present.filter(({ seq }) => seq > upTo);
      count -= present.length - left.length;
      if (left.length === 0) kiosks.delete(kioskId);
      else kiosks.set(kioskId, left);
    },
    takeAll() {
      const all = [...kiosks.values()].flat();
      kiosks.clear();
      count = 0;
      return all;
    },
  };
}
