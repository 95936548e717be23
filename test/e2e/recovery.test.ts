// A relay restored from a backup, with a kiosk that had sold meanwhile: what the relay lost it gets back from the kiosk.
import { afterEach, expect, test } from 'vitest';
import type { Key } from '../../drivers/device.ts';
import { backUp, claimAt, restore, saleAt } from './relay-file.ts';
import { World } from './world.ts';

let world: World | undefined;

afterEach(async () => {
  await world?.end();
  world = undefined;
});

/** Sells once and waits until the relay has heard what became of it. */
async function sell(at: World, outcome: 'done' | 'claim' = 'done'): Promise<string> {
  await at.toIdle();
  const mark = at.kiosk.mark;
  at.press('1', '5', '000', 'enter');
  await at.phase('paying', mark);
  await at.pay(await at.qrOnScreen());
  const end = await at.phase('result', mark);
  expect(end['outcome']).toBe(outcome);
  const saleId = String(end['saleId']);
  await at.poll('the report', async () => (await saleAt(at, saleId))?.fulfilment != null);
  return saleId;
}

/** Waits until it has said this reason, and then that it sells. */
async function stopsAndSells(at: World, missing: string, since: number): Promise<void> {
  let stopped = false;
  await at.kiosk.waitFor(
    `a kiosk that stops for ${missing} and sells again`,
    (line) => {
      if (line.msg !== 'kiosk.selling') return false;
      stopped ||= String(line['missing']) === missing;
      return stopped && line['selling'] === true;
    },
    since,
  );
}

test('what was sold after the backup is there again, without a claim, and the kiosk sells', async () => {
  world = await World.start();
  const before = await sell(world);
  const copy = backUp(world);
  const delivered = [await sell(world), await sell(world)];
  const mark = world.kiosk.mark;
  await restore(world, copy);
  await stopsAndSells(world, 'recovering', mark);
  const sold = await sell(world);
  for (const saleId of [before, ...delivered, sold]) {
    expect(await saleAt(world, saleId)).toMatchObject({ verdict: 'paid', fulfilment: 'done' });
    expect(await claimAt(world, saleId)).toBeUndefined();
  }
  expect(world.pulses).toEqual([before, ...delivered, sold]);
  expect(await world.transactions()).toHaveLength(4);
});

test('a sale whose goods did not come, and one in hand, survive the loss, with the kiosk off at the time', async () => {
  world = await World.start();
  const copy = backUp(world);
  world.board.jamAt(1);
  const owed = await sell(world, 'claim');
  const slip = await world.sheet(1);
  const code = /(\d{4}) (\d{4}) (\d{3})/.exec(slip.text.join('\n'))?.slice(1).join('') ?? '';
  world.board.jamAt(undefined);
  const mark = world.kiosk.mark;
  await world.board.unplug();
  await world.board.plug();
  await stopsAndSells(world, 'dispenser-lost', mark);
  await world.toIdle();
  world.press('5', '000', 'enter');
  await world.phase('paying', mark);
  const qr = await world.qrOnScreen();
  await world.kiosk.kill();
  await restore(world, copy);
  await world.pay(qr);
  await world.startKiosk();
  const started = stopsAndSells(world, 'recovering', 0);
  expect(await world.phase('result')).toMatchObject({ outcome: 'done' });
  const inHand = await world.saleId();
  await world.poll('the report', async () => (await saleAt(here(), inHand))?.fulfilment === 'done');
  expect(await claimAt(world, inHand)).toBeUndefined();
  expect(world.pulses).toEqual([inHand]);

  // Nobody knows what was paid out in the ledger that was lost: this claim is the operator's.
  expect(await saleAt(world, owed)).toMatchObject({ verdict: 'paid', fulfilment: 'failed' });
  expect(await claimAt(world, owed)).toMatchObject({ state: 'open', operatorOnly: 1 });
  await started;
  await world.toIdle();
  const asked = world.kiosk.mark;
  world.press('clear', '00', ...(Array.from(code) as Key[]), 'enter');
  expect(await world.phase('blocked', asked)).toMatchObject({ codes: ['claim-locked'] });
  expect(world.pulses).toEqual([inHand]);
});

function here(): World {
  if (world === undefined) throw new Error('no world');
  return world;
}
