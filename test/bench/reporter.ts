// In a kiosk's process: tells the bench which sales are on its disk and since when, a few at a time.
import { systemClock } from '../../src/lib/clock.ts';

/** `[saleId, monotonic ms]`; the clock is the machine's, so that two processes can be compared. */
export type Stored = [saleId: string, atMs: number];

/** Every message over the channel costs the process time: under load many share one. */
export function createReporter(): (saleId: string) => void {
  let waiting: Stored[] = [];
  return (saleId) => {
    waiting.push([saleId, systemClock.monotonicMs()]);
    if (waiting.length > 1) return;
    setImmediate(() => {
      const all = waiting;
      waiting = [];
      process.send?.(all);
    });
  };
}
