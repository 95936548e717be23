// Between the attempts of one charge there is a pause, longer each time, and not the same for everybody.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { chargeSale } from '../../src/relay/charge.ts';
import { error, startScript, type Answer, type Script } from './scripted-midtrans.ts';

let script: Script;
beforeEach(async () => {
  script = await startScript();
  script.on('status', error('404'));
});
afterEach(() => script.stop());

/** Charges to the end; what it waited for in between. */
async function pauses(
  answer: Answer,
  random: number,
  upstream = script.hops.upstream,
): Promise<number[]> {
  script.on('charge', answer);
  const waited: number[] = [];
  const { clock } = script.hops;
  const { row } = await script.put(script.newSale());
  await chargeSale(
    {
      ...script.hops,
      upstream,
      random: () => random,
      clock: {
        ...clock,
        after(ms, call) {
          waited.push(ms);
          return clock.after(ms, call);
        },
      },
    },
    row,
  );
  return waited;
}

test.each([
  [0, [250, 500]],
  [0.5, [375, 750]],
  [0.98, [495, 990]],
])('with a random number of %d it waits %j milliseconds', async (random, waits) => {
  expect(await pauses('drop', random)).toEqual(waits);
  expect(script.kinds()).toBe('charge charge charge status');
});

// The moment of quiet is held in these: on the hurried clock it could pass between two attempts.
test('one that fails is tried once more, when the rest that all charges take is over', async () => {
  const held = { ...script.hops.upstream, quietMs: () => 1_000, chargeInMs: () => 1_000 };
  expect(await pauses(error('500'), 0, held)).toEqual([1_000]);
  expect(script.kinds()).toBe('charge charge status');
});

test('a 429 for a short while is waited for, however short the pause would be', async () => {
  const held = { ...script.hops.upstream, chargeInMs: () => 1_200 };
  const [waited, ...more] = await pauses({ http: 429, json: {}, retryAfter: '1' }, 0, held);
  expect(waited).toBe(1_200);
  expect(more).toEqual([]);
  expect(script.kinds()).toBe('charge charge');
});

test('for longer it is not: nothing more is sent', async () => {
  const held = { ...script.hops.upstream, chargeInMs: () => 3_000 };
  expect(await pauses({ http: 429, json: {}, retryAfter: '3' }, 0, held)).toEqual([]);
  expect(script.kinds()).toBe('charge');
});
