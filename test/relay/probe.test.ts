// A probe is tried seldom, by one for all, and never waited for too long.
import { expect, test } from 'vitest';
import { createProbe } from '../../src/relay/probe.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

test('all who ask within a second share one try', async () => {
  const clock = new VirtualClock();
  let tries = 0;
  const ask = createProbe(clock, () => {
    tries++;
    return Promise.resolve();
  });
  const first = [ask(), ask()];
  await clock.advance(999);
  expect(await Promise.all([...first, ask()])).toEqual([true, true, true]);
  expect(tries).toBe(1);
  await clock.advance(1);
  expect(await ask()).toBe(true);
  expect(tries).toBe(2);
});

test('one that fails is no, and what comes after it counts anew', async () => {
  const clock = new VirtualClock();
  let fails = true;
  const ask = createProbe(clock, () =>
    fails ? Promise.reject(new Error('x')) : Promise.resolve(),
  );
  expect(await ask()).toBe(false);
  fails = false;
  await clock.advance(1_000);
  expect(await ask()).toBe(true);
});

test('one that hangs is no after two seconds, and is not begun again beside itself', async () => {
  const clock = new VirtualClock();
  const hanging = Promise.withResolvers<undefined>();
  let tries = 0;
  const ask = createProbe(clock, async () => {
    tries++;
    await hanging.promise;
  });
  const first = ask();
  await clock.advance(2_000);
  expect(await first).toBe(false);
  const second = ask();
  expect(tries).toBe(1);
  hanging.resolve(undefined);
  expect(await second).toBe(true);
});
