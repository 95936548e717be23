// A state folder that is a link to a partition which is not there.
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { untilMended } from '../../src/kiosk/standstill.ts';
import { makeStateFolder } from '../../src/kiosk/state-folder.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-state-folder-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

test('a plain folder is made, and one that is there is taken', () => {
  const stateDir = join(folder, 'var', 'kios');
  makeStateFolder(stateDir);
  makeStateFolder(stateDir);
  expect(existsSync(stateDir)).toBe(true);
});

test('a link that leads nowhere is a missing partition: nothing is made in its place', () => {
  const [stateDir, partition] = [join(folder, 'kios'), join(folder, 'srv')];
  mkdirSync(partition);
  symlinkSync(join(partition, 'state'), stateDir);
  const missing = expect.objectContaining({ code: 'data-missing' }) as Error;
  expect(() => {
    makeStateFolder(stateDir);
  }).toThrow(missing);
  expect(existsSync(join(partition, 'state'))).toBe(false);
  mkdirSync(join(partition, 'state'));
  makeStateFolder(stateDir);
});

test('the kiosk starts anew when the partition has appeared, and leaves it as it is', async () => {
  const [stateDir, state] = [join(folder, 'kios'), join(folder, 'srv', 'state')];
  symlinkSync(state, stateDir);
  const clock = new VirtualClock();
  let mended = false;
  const { signal } = new AbortController();
  const standstill = {
    config: { stateDir },
    clock,
    serial: undefined,
    fault: 'data-missing',
  } as const;
  const ended = untilMended(standstill, signal).then(() => {
    mended = true;
  });
  await clock.advance(120_000);
  expect(mended).toBe(false);
  mkdirSync(state, { recursive: true });
  await clock.advance(10_000);
  await ended;
  expect(existsSync(join(state, 'journal.sqlite'))).toBe(false);
});
