// What systemd's watchdog hears: a word at half of its interval while nothing is wrong, and silence otherwise.
// systemd-notify is a stand-in that writes down what it was told; the real one is the rig's.
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { feedWatchdog } from '../../src/lib/notify.ts';
import { silentLog } from '../../src/lib/log.ts';
import { standInForNotify, type NotifyStandIn } from './notify-stand-in.ts';
import { VirtualClock } from './virtual-clock.ts';

const everyMs = 30_000;
let notify: NotifyStandIn;
let clock: VirtualClock;
let over: AbortController;

beforeEach(() => {
  notify = standInForNotify(2 * everyMs);
  for (const [name, value] of Object.entries(notify.env)) vi.stubEnv(name, value);
  clock = new VirtualClock();
  over = new AbortController();
});
afterEach(() => {
  over.abort();
  vi.unstubAllEnvs();
  notify.remove();
});

test('it is fed at half of the interval, not while something is wrong, and again behind that', async () => {
  let wrong: string | undefined;
  void feedWatchdog(() => wrong, silentLog, clock, over.signal);
  await clock.advance(everyMs);
  await expect.poll(notify.fed).toBe(1);
  // Its next look is armed once the word is out.
  await expect.poll(() => clock.pending).toBe(1);
  wrong = 'the journal has not answered';
  await clock.advance(3 * everyMs);
  expect(clock.pending).toBe(1);
  expect(notify.fed()).toBe(1);
  wrong = undefined;
  await clock.advance(everyMs);
  await expect.poll(notify.fed).toBe(2);
});

test('nothing is done where systemd asked for none', async () => {
  vi.stubEnv('WATCHDOG_USEC', '');
  await feedWatchdog(() => undefined, silentLog, clock, over.signal);
  expect(clock.pending).toBe(0);
});
