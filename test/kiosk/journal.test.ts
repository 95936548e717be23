// The journal: what is appended is there after a crash, in order, and one altered byte is found.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openJournal, type Entry } from '../../src/kiosk/journal.ts';

let folder: string;
let path: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-journal-'));
  path = join(folder, 'journal.sqlite');
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

const event = (n: number): Entry => ({
  kind: 'event',
  at: '2026-01-01T00:00:00.000Z',
  body: { n },
});
const state = (n: number): Entry => ({ ...event(n), kind: 'state' });

test('a new journal is empty and whole', () => {
  const journal = openJournal(path);
  expect(journal.tail()).toEqual({ state: undefined, events: [] });
  expect(journal.verify()).toBeUndefined();
  journal.close();
});

test('what was appended is read back by the next process, in order', async () => {
  const first = openJournal(path);
  await first.append([event(1), event(2)]);
  await first.append([event(3)]);
  first.close();
  const second = openJournal(path);
  expect(second.tail()).toEqual({ state: undefined, events: [{ n: 1 }, { n: 2 }, { n: 3 }] });
  expect(second.read(2, 1)).toEqual([{ ...event(2), number: 2 }]);
  second.close();
});

test('a boot reads from the last written state on', async () => {
  const journal = openJournal(path);
  await journal.append([event(1), state(10), event(2), state(20), event(3)]);
  expect(journal.tail()).toEqual({ state: { n: 20 }, events: [{ n: 3 }] });
  journal.close();
});

test('every commit is a full sync of a write-ahead log', () => {
  const journal = openJournal(path);
  journal.close();
  const db = new DatabaseSync(path);
  expect(db.prepare('PRAGMA journal_mode').get()).toEqual({ journal_mode: 'wal' });
  db.close();
});

test.each(['body', 'at', 'kind'])('an altered %s is found by number', async (column) => {
  const journal = openJournal(path);
  await journal.append([event(1), event(2), event(3)]);
  const db = new DatabaseSync(path);
  db.exec(
    `UPDATE entries SET ${column} = ${column === 'kind' ? "'state'" : "'x'"} WHERE number = 2`,
  );
  db.close();
  expect(journal.verify()).toBe(2);
  journal.close();
});

test('a removed entry is found', async () => {
  const journal = openJournal(path);
  await journal.append([event(1), event(2), event(3)]);
  const db = new DatabaseSync(path);
  db.exec('DELETE FROM entries WHERE number = 2');
  db.close();
  expect(journal.verify()).toBe(2);
  journal.close();
});

test('a journal whose newest part was altered does not open: nothing is sold from it', async () => {
  const journal = openJournal(path);
  await journal.append([event(1), event(2)]);
  journal.close();
  const db = new DatabaseSync(path);
  db.exec(`UPDATE entries SET body = '{"n":7}' WHERE number = 2`);
  db.close();
  expect(() => openJournal(path)).toThrow(/entry 2 .* altered/);
});

test('two processes on one journal: the second writer fails before any of its effects', async () => {
  const first = openJournal(path);
  const second = openJournal(path);
  await first.append([event(1)]);
  await expect(second.append([event(9)])).rejects.toMatchObject({ code: 'journal-failed' });
  expect(first.tail().events).toEqual([{ n: 1 }]);
  first.close();
  second.close();
});

test('a folder that does not exist is told with its path', () => {
  expect(() => openJournal(join(folder, 'nowhere', 'journal.sqlite'))).toThrow(/cannot be opened/);
});
