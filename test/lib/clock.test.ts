// The real clock: what a wait promises, whatever the loop is busy with.
import { afterEach, expect, test, vi } from 'vitest';
import { systemClock, wait } from '../../src/lib/clock.ts';

afterEach(() => {
  vi.useRealTimers();
});

test('nothing comes before its time, not by a part of a millisecond', async () => {
  const early: number[] = [];
  for (let i = 0; i < 200; i++) {
    const delayMs = 2 + (i % 10) / 4;
    const fromMs = systemClock.monotonicMs();
    // Work between two timers: the loop's own idea of the time is older than ours when the timer begins.
    while (systemClock.monotonicMs() - fromMs < (i % 7) / 5);
    const beganMs = systemClock.monotonicMs();
    await wait(systemClock, delayMs);
    const tookMs = systemClock.monotonicMs() - beganMs;
    if (tookMs < delayMs) early.push(tookMs - delayMs);
  }
  expect(early).toEqual([]);
});

test('a timer that was too early is set anew, and what is called off then does not come', () => {
  // Node's timers run ahead here, and the monotonic clock does not.
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
  const came = vi.fn();
  const cancel = systemClock.after(60_000, came);
  vi.advanceTimersToNextTimer();
  expect([came.mock.calls.length, vi.getTimerCount()]).toEqual([0, 1]);
  cancel();
  expect(vi.getTimerCount()).toBe(0);
});
