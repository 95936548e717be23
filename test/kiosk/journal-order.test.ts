// Each commit of the journal is on the disk before the next one is begun, also those that nobody waits for: a bad block is
// told from a torn end by that alone (journal-log.ts).
import type * as nodeFs from 'node:fs';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { openJournal, type JournalFile } from '../../src/kiosk/journal.ts';

const synced = vi.hoisted(() => ({ times: 0 }));
vi.mock('node:fs', async (importOriginal) => {
  const fs = await importOriginal<typeof nodeFs>();
  const fdatasyncSync = (file: number): void => {
    synced.times += 1;
    fs.fdatasyncSync(file);
  };
  return { ...fs, fdatasyncSync };
});

let folder: string;
let journal: JournalFile;
beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kios-order-'));
  journal = openJournal(join(folder, 'journal.sqlite'));
  const at = '2026-01-01T00:00:00Z';
  await journal.append(
    Array.from({ length: 1_500 }, (_, n) => ({ kind: 'state', at, body: { n } })),
  );
  synced.times = 0;
});
afterEach(() => {
  journal.close();
  rmSync(folder, { recursive: true });
});

test('the one behind a fold', () => {
  journal.rest?.();
  expect(synced.times).toBe(1);
});

test('the one that lets go of old entries', () => {
  expect(journal.prune('2026-01-02T00:00:00Z', 100)).toBeGreaterThan(0);
  expect(synced.times).toBe(1);
});
