// A demo's temporary folder: what a killed demo left is removed by the next one, and nothing else is.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeTemporaryFolder } from '../../src/bench/temporary-folder.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'kios-test-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true, force: true });
});

/** Of a process that has ended. */
const deadPid = (): string => String(spawnSync('true').pid);

function folderOf(name: string, owner?: string): string {
  const path = join(parent, name);
  mkdirSync(path);
  writeFileSync(join(path, 'keypad.sock'), '');
  if (owner !== undefined) writeFileSync(join(path, 'demo.pid'), owner);
  return path;
}

test('what a killed demo left is removed by the next one', () => {
  const left = folderOf('kios-demo-a1b2c3', deadPid());
  const next = makeTemporaryFolder(parent);
  expect(existsSync(left)).toBe(false);
  expect(existsSync(next.path)).toBe(true);
});

test('the folder of a demo that runs stays', () => {
  const first = makeTemporaryFolder(parent);
  makeTemporaryFolder(parent);
  expect(existsSync(first.path)).toBe(true);
});

test('a folder that was kept for its logs stays when its demo has ended', () => {
  const failed = makeTemporaryFolder(parent);
  writeFileSync(join(failed.path, 'demo.pid'), deadPid());
  failed.keep();
  makeTemporaryFolder(parent);
  expect(existsSync(failed.path)).toBe(true);
});

test.each([
  ['of another name', 'kios-elsewhere', '1999999999'],
  ['without an owner', 'kios-demo-a1b2c3', undefined],
  ['with nonsense for an owner', 'kios-demo-a1b2c3', '-1'],
])('a folder %s is none of its business', (_what, name, owner) => {
  const path = folderOf(name, owner);
  makeTemporaryFolder(parent);
  expect(existsSync(path)).toBe(true);
});

test('a link is not followed', () => {
  const target = folderOf('mine', deadPid());
  symlinkSync(target, join(parent, 'kios-demo-a1b2c3'));
  makeTemporaryFolder(parent);
  expect(existsSync(target)).toBe(true);
});

test('removed is removed', () => {
  const folder = makeTemporaryFolder(parent);
  folder.remove();
  expect(existsSync(folder.path)).toBe(false);
});
