// When a configuration from afar counts as good: a sale, or ten minutes on end in which the kiosk could sell.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { proveTrial } from '../../src/kiosk/remote-config-trial.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

const minuteMs = 60_000;
let clock: VirtualClock;
let stopping: AbortController;
let ended: Promise<void>;
/** What the kiosk is like, and what its disk does. */
let kiosk: { isWell: boolean; hasSold: boolean; takes: boolean; onTrial: boolean };
let told: number;

beforeEach(() => {
  clock = new VirtualClock();
  stopping = new AbortController();
  kiosk = { isWell: true, hasSold: false, takes: true, onTrial: true };
  told = 0;
  const remote = {
    get onTrial() {
      return kiosk.onTrial;
    },
    promote: () => {
      if (kiosk.takes) kiosk.onTrial = false;
      return kiosk.takes;
    },
  };
  ended = proveTrial({
    ...{ clock, remote, signal: stopping.signal },
    isWell: () => kiosk.isWell,
    hasSold: () => kiosk.hasSold,
    proved: () => {
      told += 1;
    },
  });
});
afterEach(async () => {
  stopping.abort();
  await ended;
});

test('ten minutes on end in which it could sell prove it, and that is told once', async () => {
  await clock.advance(10 * minuteMs - 1);
  expect(kiosk.onTrial).toBe(true);
  await clock.advance(5_001);
  expect([kiosk.onTrial, told]).toEqual([false, 1]);
  await clock.advance(20 * minuteMs);
  expect(told).toBe(1);
});

test('minutes in which something was missing do not count, nor those before', async () => {
  await clock.advance(9 * minuteMs);
  kiosk.isWell = false;
  await clock.advance(10_000);
  kiosk.isWell = true;
  await clock.advance(9 * minuteMs);
  expect(kiosk.onTrial).toBe(true);
  await clock.advance(minuteMs + 10_000);
  expect(kiosk.onTrial).toBe(false);
});

test('one under which the kiosk can never sell stays on trial', async () => {
  kiosk.isWell = false;
  await clock.advance(60 * minuteMs);
  expect([kiosk.onTrial, told]).toEqual([true, 0]);
});

test('a sale that was served proves it at once', async () => {
  kiosk.hasSold = true;
  await clock.advance(5_000);
  expect([kiosk.onTrial, told]).toEqual([false, 1]);
});

test('what the disk does not take is tried again, and told when it is there', async () => {
  kiosk.takes = false;
  kiosk.hasSold = true;
  await clock.advance(minuteMs);
  expect([kiosk.onTrial, told]).toEqual([true, 0]);
  kiosk.takes = true;
  await clock.advance(5_000);
  expect([kiosk.onTrial, told]).toEqual([false, 1]);
});
