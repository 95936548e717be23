// The daemons as systemd sees them: each feeds its watchdog while it lives, and a stuck one does not.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { standInForNotify, type NotifyStandIn } from '../lib/notify-stand-in.ts';
import type { Program } from './program.ts';
import { World } from './world.ts';

const watchdogMs = 400;
const patience = { timeout: 20_000 };
let notify: NotifyStandIn;
let world: World | undefined;

beforeEach(() => {
  notify = standInForNotify(watchdogMs);
});
afterEach(async () => {
  await world?.end();
  notify.remove();
});

async function feedsWhileItTurns(program: Program): Promise<void> {
  await expect.poll(notify.fed, patience).toBeGreaterThan(2);
  process.kill(program.pid, 'SIGSTOP');
  // A word that was on its way when it stopped comes out yet.
  let before = -1;
  await expect
    .poll(
      () => {
        const isSilent = notify.fed() === before;
        before = notify.fed();
        return isSilent;
      },
      { ...patience, interval: 4 * watchdogMs },
    )
    .toBe(true);
  process.kill(program.pid, 'SIGCONT');
  await expect.poll(notify.fed, patience).toBeGreaterThan(before + 2);
}

test('the kiosk', async () => {
  world = await World.start({ launch: { env: notify.env } });
  await feedsWhileItTurns(world.kiosk);
}, 60_000);

test('the relay', async () => {
  world = await World.start();
  await world.relay.kill();
  await world.startRelay({ env: notify.env });
  await feedsWhileItTurns(world.relay);
}, 60_000);
