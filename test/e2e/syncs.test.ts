// How often a customer waits for the disk: once before the charge is asked for, once before the goods. Counted from outside,
// by strace.
import { afterEach, expect, test } from 'vitest';
import { enterRead, paidRead, putWritten, sell, vendWritten } from '../bench/syncs.ts';
import { attachTrace, syncsBetween, whyForbidden, whyNoTrace } from '../bench/trace.ts';
import { partsOf } from './house.ts';
import { World } from './world.ts';

/** Why nothing can be counted here, or undefined. */
const missing = (await whyNoTrace()) ?? whyForbidden();

let world: World | undefined;
afterEach(async () => {
  await world?.end();
  world = undefined;
});

test.skipIf(missing !== undefined)(
  `one sync before the charge, one before the goods${missing === undefined ? '' : ` (${missing})`}`,
  async () => {
    world = await World.start();
    // A new log syncs its own head once.
    await sell(world);
    const kiosk = partsOf(process.pid).find(({ name }) => name === 'kiosk');
    const trace = await attachTrace(kiosk?.pid ?? expect.fail('there is no kiosk'));
    await sell(world);
    const lines = await trace.end();
    expect(syncsBetween(lines, enterRead, putWritten)).toEqual([1]);
    expect(syncsBetween(lines, paidRead, vendWritten)).toEqual([1]);
  },
);
