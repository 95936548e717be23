// The real clock: what a wait promises, whatever the loop is busy with.
import { expect, test } from 'vitest';
import { systemClock, wait } from '../../src/lib/clock.ts';

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

test('what is called off does not come, also when its timer has been set anew', async () => {
  let came = 0;
  const cancel = systemClock.after(3, () => {
    came += 1;
  });
  await wait(systemClock, 1);
  cancel();
  await wait(systemClock, 10);
  expect(came).toBe(0);
});
