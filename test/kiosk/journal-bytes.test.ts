// What a sale costs on a card that wears out: entries, bytes and pages, counted through the real loop. Not timed.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { record, sell } from './recorded-day.ts';

const sales = 20;
/** Typed by four keys, charged, paid, handed over, receipt, reported. */
const mostEntries = 21;
const mostBytes = 7_500;
/** Pages that go into the log; a page that several commits change is written by each. */
const mostPages = 25;
/** A page of 4,096 bytes and its head (sqlite.org/fileformat.html#walformat). */
const frameBytes = 4096 + 24;

test('a sale writes a bounded number of entries, bytes and pages', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kios-journal-bytes-'));
  try {
    const path = join(folder, 'journal.sqlite');
    const recording = await record(path);
    const { journal } = recording;
    await sell(recording, 0);
    const from = journal.head().number;
    const logBefore = statSync(`${path}-wal`).size;
    for (let index = 1; index <= sales; index++) await sell(recording, index);
    const pages = (statSync(`${path}-wal`).size - logBefore) / frameBytes;
    const entries = journal.read(from + 1, 10_000);
    const bytes = entries.reduce((sum, { body }) => sum + JSON.stringify(body).length, 0);
    await recording.end();
    expect(entries.length / sales).toBeLessThanOrEqual(mostEntries);
    expect(bytes / sales).toBeLessThanOrEqual(mostBytes);
    expect(pages / sales).toBeLessThanOrEqual(mostPages);
    // Nothing at all would be within the bounds, too.
    expect(pages / sales).toBeGreaterThan(8);
  } finally {
    rmSync(folder, { recursive: true });
  }
});
