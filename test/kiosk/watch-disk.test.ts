// Rule 8 and the disk: nothing is sold that could not be written down to its end.
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { PartHealth } from '../../src/kiosk/state.ts';
import { freeBytes, minFreeBytes, watchDisk } from '../../src/kiosk/watches.ts';
import { KiosError } from '../../src/protocol/errors.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

let clock: VirtualClock;
let stopping: AbortController;
let ended: Promise<void>;
/** What the disk answers. */
let free: () => Promise<number>;
let told: PartHealth[];

beforeEach(async () => {
  clock = new VirtualClock();
  stopping = new AbortController();
  told = [];
  free = () => Promise.resolve(minFreeBytes);
  ended = watchDisk(
    () => free(),
    (part, health) => {
      expect(part).toBe('journal');
      told.push(health);
    },
    clock,
    stopping.signal,
  );
  await clock.advance(0);
});
afterEach(async () => {
  stopping.abort();
  await ended;
});

/** Told after the next reading. */
async function next(answer: () => Promise<number>): Promise<PartHealth | undefined> {
  free = answer;
  await clock.advance(10_000);
  return told.at(-1);
}

test('at the limit it is well, a byte below it is full, and at the limit it is well again', async () => {
  expect(minFreeBytes).toBe(32 * 1024 * 1024);
  expect(told).toEqual([{ ok: true }]);
  const full = { ok: false, code: 'disk-full' };
  expect(await next(() => Promise.resolve(minFreeBytes - 1))).toEqual(full);
  expect(await next(() => Promise.resolve(0))).toEqual(full);
  expect(await next(() => Promise.resolve(minFreeBytes))).toEqual({ ok: true });
});

test('a disk that does not answer keeps the kiosk from selling until it does, and ends nothing', async () => {
  const fault = new KiosError('disk-read-only', 'gone');
  const code = 'disk-read-only';
  expect(await next(() => Promise.reject(fault))).toEqual({ ok: false, code });
  expect(await next(() => Promise.resolve(minFreeBytes))).toEqual({ ok: true });
});

test('it is read every ten seconds, until the run ends', async () => {
  await clock.advance(9_999);
  expect(told).toHaveLength(1);
  await clock.advance(1);
  expect(told).toHaveLength(2);
  stopping.abort();
  await clock.advance(60_000);
  expect([told.length, clock.pending]).toEqual([2, 0]);
});

test('the reading is of the folder of the journal, and one that is not there is a fault of the journal', async () => {
  expect(await freeBytes(tmpdir())).toBeGreaterThan(0);
  await expect(freeBytes(join(tmpdir(), 'kios-is-not-there'))).rejects.toMatchObject({
    code: 'journal-failed',
  });
});
