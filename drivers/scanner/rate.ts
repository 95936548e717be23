// How much of what a scanner reads is passed on: a hand's pace, and never the flood of a broken or babbling one. PURE.
import type { Scan } from '../device.ts';

/** Readings a second; nobody holds goods before a scanner faster than this. */
const maxPerSecond = 5;
/**
 * The same text again within this time after it was last seen is the same look at the same barcode: scanners that watch
 * read what lies before them again every 300 to 750 ms, and a hand needs longer to take the next piece.
 */
export const defaultRereadMs = 800;

/** So many left out, with no pause of this length between them, are a fault of the scanner and no quick hand. */
const babbleCount = 20;
const babblePauseMs = 10_000;

export interface ScanRate {
  /** Whether this reading is passed on. `nowMs` is monotonic. */
  admits(scan: Scan, nowMs: number): boolean;
  /** Readings left out lately, where they are enough to be told; else 0. */
  babble(nowMs: number): number;
}

/** One for each connection. `rereadMs` 0 passes every text on. */
export function createScanRate(rereadMs = defaultRereadMs): ScanRate {
  let passedMs: readonly number[] = [];
  let last = { text: '', seenMs: -Infinity };
  let leftOut = 0;
  let leftOutMs = -Infinity;

  return {
    admits({ text }, nowMs) {
      const again = text === last.text && nowMs - last.seenMs < rereadMs;
      last = { text, seenMs: nowMs };
      passedMs = passedMs.filter((ms) => nowMs - ms < 1000);
      if (!again && passedMs.length < maxPerSecond) {
        passedMs = [...passedMs, nowMs];
        return true;
      }
      leftOut = nowMs - leftOutMs < babblePauseMs ? leftOut + 1 : 1;
      leftOutMs = nowMs;
      return false;
    },
    babble: (nowMs) => (leftOut >= babbleCount && nowMs - leftOutMs < babblePauseMs ? leftOut : 0),
  };
}
