// When verdicts left for their kiosks, so that the time until a kiosk has one on its disk can be counted. Memory alone:
// what is forgotten is only not counted.
import { type Clock } from '../lib/clock.ts';
import { type Metrics } from './metrics.ts';

export interface Letters {
  /** A verdict was handed to the broker for the first time. */
  sent(kioskId: string, seq: number): void;
  /** The kiosk has everything up to here. */
  acked(kioskId: string, upTo: number): void;
}

/** Kiosks that are waited for; more are not counted. */
const maxKiosks = 10_000;
const maxLettersAKiosk = 100;

export function createLetters(clock: Clock, metrics: Metrics): Letters {
  const waiting = new Map<string, { seq: number; sentMs: number }[]>();
  return {
    sent(kioskId, seq) {
      const letters = waiting.get(kioskId) ?? [];
      if (letters.length >= maxLettersAKiosk || waiting.size >= maxKiosks) return;
      letters.push({ seq, sentMs: clock.monotonicMs() });
      waiting.set(kioskId, letters);
    },
    acked(kioskId, upTo) {
      const letters = waiting.get(kioskId) ?? [];
      const nowMs = clock.monotonicMs();
      for (const { seq, sentMs } of letters) {
        if (seq <= upTo) metrics.hops.observe({ hop: 'verdict-acked' }, (nowMs - sentMs) / 1000);
      }
      const left = letters.filter(({ seq }) => seq > upTo);
      if (left.length === 0) waiting.delete(kioskId);
      else waiting.set(kioskId, left);
    },
  };
}
