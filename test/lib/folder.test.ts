// Folders that are made on the way to a file.
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { makeFolder } from '../../src/lib/folder.ts';

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), 'kios-folder-'));
});
afterEach(() => {
  rmSync(parent, { recursive: true });
});

test('each that is missing is made, with the mode; one that is there stays as it is', () => {
  const path = join(parent, 'one/two');
  makeFolder(path, 0o700);
  makeFolder(path, 0o755);
  for (const folder of [join(parent, 'one'), path]) {
    expect(statSync(folder).mode & 0o777).toBe(0o700);
  }
});

test('where a file is in the way it says so', () => {
  writeFileSync(join(parent, 'one'), '');
  expect(() => {
    makeFolder(join(parent, 'one/two'), 0o700);
  }).toThrow(/ENOTDIR/);
});

test('where nothing can be made it ends, and says so', () => {
  expect(() => {
    makeFolder('/proc/kios/state', 0o700);
  }).toThrow(/ENOENT/);
});
