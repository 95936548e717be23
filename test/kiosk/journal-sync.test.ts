// The journal's log on its way to the disk: answered only after the sync, and folded into the file when nobody waits.
import { copyFileSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal, type Entry, type JournalFile } from '../../src/kiosk/journal.ts';
import { JournalSync } from '../../src/kiosk/journal-sync.ts';

let folder: string;
let path: string;
let journal: JournalFile;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-journal-'));
  path = join(folder, 'journal.sqlite');
  journal = openJournal(path);
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

const entry = (text: string): Entry => ({
  kind: 'event',
  at: '2026-01-01T03:00:00.000Z',
  body: { text },
});
const bytes = (name: string): number => statSync(name).size;
const manyEntries = Array.from({ length: 1500 }, (_, at) => entry(`${at} ${'x'.repeat(400)}`));

test('what is appended lies in the log, and the file is left alone while customers come', async () => {
  const before = bytes(path);
  await journal.append(manyEntries);
  await journal.append([entry('one more')]);
  expect(bytes(path)).toBe(before);
});

test('a rest folds a long log into the file, and every entry is still there', async () => {
  await journal.append(manyEntries);
  journal.rest?.();
  expect(bytes(path)).toBeGreaterThan(500_000);
  await journal.append([entry('after it')]);
  expect(journal.verify()).toBeUndefined();
  expect(journal.read(1, 10_000)).toHaveLength(manyEntries.length + 1);
});

test('a kiosk that never rests folds its log all the same, after fifteen thousand entries', async () => {
  for (let times = 0; times < 9; times++) await journal.append(manyEntries);
  expect(bytes(path)).toBeLessThan(100_000);
  await journal.append(manyEntries);
  expect(bytes(path)).toBeGreaterThan(5_000_000);
});

test('a rest after little is no work', async () => {
  const before = bytes(path);
  await journal.append([entry('little')]);
  journal.rest?.();
  expect(bytes(path)).toBe(before);
});

test('a log that grew while the kiosk was killed again and again is folded at the start', async () => {
  // A second connection keeps the log when the first one ends, as kill -9 does.
  const beside = openJournal(path);
  for (let times = 0; times < 8; times++) await journal.append(manyEntries);
  journal.close();
  const log = bytes(`${path}-wal`);
  expect(log).toBeGreaterThan(4 * 1024 * 1024);
  journal = openJournal(path);
  expect(bytes(`${path}-wal`)).toBeLessThan(log);
  beside.close();
  expect(journal.verify()).toBeUndefined();
  expect(journal.read(1, 20_000)).toHaveLength(8 * manyEntries.length);
});

test('what a killed run left stands in the file itself before anything is written behind it', async () => {
  const beside = openJournal(path);
  await journal.append([entry('left behind')]);
  journal.close();
  journal = openJournal(path);
  const alone = join(folder, 'alone.sqlite');
  copyFileSync(path, alone);
  const found = openJournal(alone);
  expect(found.read(1, 10)).toMatchObject([{ body: { text: 'left behind' } }]);
  found.close();
  beside.close();
});

test('a log that cannot be synced is told', async () => {
  const db = new DatabaseSync(':memory:');
  // No device of this kind can be synced, as a disk that was pulled out cannot.
  symlinkSync('/dev/null', join(folder, 'gone-wal'));
  const sync = new JournalSync(db, join(folder, 'gone'));
  await expect(sync.synced(1)).rejects.toThrow('EINVAL');
  sync.close();
  db.close();
});
