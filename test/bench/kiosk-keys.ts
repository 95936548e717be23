// Keys while the card is busy: how long a key takes to the rows that echo it, when a sync is running and when none is.
import { systemClock } from '../../src/lib/clock.ts';
import { against, median, percentile, type Outcome } from './figures.ts';
import { openKioskHouse, whyNoCard } from './kiosk-house.ts';
import type { Sync } from './slow-sync.ts';

/** As long as the worst of a memory card, so that no echo hides in it. */
const defaults = { keys: 600, cardMs: 200 };
/** No echo waits for a sync; a tenth of it leaves room for a busy machine. */
const boundShare = 0.1;

interface Echo {
  pressedMs: number;
  seenMs: number;
}

export async function kioskKeys(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const house = await openKioskHouse(undo, sizes.cardMs);
  if (house === undefined) return { skipped: whyNoCard };
  const { world } = house;
  const echoes: Echo[] = [];
  world.press('1');
  await world.nextFrame();
  for (let at = 0; at < sizes.keys; at++) {
    const pressedMs = systemClock.monotonicMs();
    const frame = world.nextFrame();
    world.press(at % 2 === 0 ? '5' : 'backspace');
    await frame;
    echoes.push({ pressedMs, seenMs: systemClock.monotonicMs() });
  }
  // The last keys are written within a second: their sync belongs to the picture.
  const syncs = await house.syncs();
  const during = echoes.filter((echo) => syncs.some((sync) => meet(echo, sync)));
  const apart = echoes.filter((echo) => !during.includes(echo));
  const row = (what: string, some: readonly Echo[], bound = ''): string[] => {
    const took = some.map(({ pressedMs, seenMs }) => seenMs - pressedMs);
    if (took.length === 0) return [what, '0', '', '', bound];
    const ms = [median(took), percentile(took, 0.99)].map((value) => `${value.toFixed(1)} ms`);
    return [what, String(took.length), ...ms, bound];
  };
  const limitMs = sizes.cardMs * boundShare;
  const met = during.length > 0 && median(during.map((e) => e.seenMs - e.pressedMs)) <= limitMs;
  return {
    title: 'Key to the rows that echo it, while the card is busy',
    how: `${sizes.keys} keys one after the other, each sync ${sizes.cardMs} ms longer (LD_PRELOAD); the frame timed at the screen's end of its line`,
    head: ['keys', 'number', 'p50', 'p99', 'bound'],
    rows: [
      row('no sync under way', apart),
      row('a sync under way', during, against(`p50 ≤ ${boundShare} of a sync`, met)),
    ],
  };
}

function meet(echo: Echo, sync: Sync): boolean {
  return echo.pressedMs < sync.endMs && echo.seenMs > sync.beginMs;
}
