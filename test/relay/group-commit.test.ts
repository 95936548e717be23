// Durable steps on SQLite: how many commits they cost (each is one sync), and that each stands or falls alone.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database, type Tx } from '../../src/relay/store/database.ts';
import { migrate } from '../../src/relay/store/migrations.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';

let dir: string;
let database: Database;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-commits-'));
  database = openSqlite(join(dir, 'relay.db'), () => 0);
  await migrate(database);
});
afterEach(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Commits in the log since the last checkpoint: frames that say how large the database is then (SQLite's WAL format). */
function commits(): number {
  const wal = readFileSync(join(dir, 'relay.db-wal'));
  const frameBytes = 24 + wal.readUInt32BE(8);
  let count = 0;
  for (let at = 32; at + frameBytes <= wal.length; at += frameBytes) {
    // A frame of an earlier round of the log carries another salt.
    const current = wal.readBigUInt64BE(at + 8) === wal.readBigUInt64BE(16);
    if (current && wal.readUInt32BE(at + 4) !== 0) count++;
  }
  return count;
}

async function add(tx: Tx, name: string): Promise<string> {
  await tx.insertInto('meta').values({ name, value: '' }).execute();
  return name;
}

async function names(): Promise<string[]> {
  const rows = await database.db.selectFrom('meta').select('name').orderBy('name').execute();
  return rows.map((row) => row.name);
}

test('one step costs one commit', async () => {
  const before = commits();
  expect(await database.transact((tx) => add(tx, 'a'))).toBe('a');
  expect(commits()).toBe(before + 1);
});

test('what is asked for in one turn costs one commit together', async () => {
  const before = commits();
  const wanted = Array.from({ length: 50 }, (_n, i) => `n${10 + i}`);
  const done = await Promise.all(wanted.map((name) => database.transact((tx) => add(tx, name))));
  expect(done).toEqual(wanted);
  expect(await names()).toEqual(wanted);
  expect(commits()).toBe(before + 1);
});

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('those that come one in each turn, as new connections do, share commits', async () => {
  const before = commits();
  const done: Promise<string>[] = [];
  for (let at = 10; at < 42; at++) {
    done.push(database.transact((tx) => add(tx, `n${at}`)));
    await turn();
  }
  await Promise.all(done);
  // The first goes alone, because nobody was to be seen yet.
  expect(commits() - before).toBeLessThanOrEqual(1 + 32 / 4);
  expect(await names()).toHaveLength(32);
});

test('one that comes alone waits for nobody', async () => {
  await database.transact((tx) => add(tx, 'a'));
  for (let at = 0; at < 4; at++) await turn(); // A rest.
  let stored = false;
  const step = database.transact((tx) => add(tx, 'b')).then(() => (stored = true));
  await turn();
  expect(stored).toBe(true);
  await step;
});

test('steps that change nothing cost none', async () => {
  const before = commits();
  await Promise.all([1, 2].map(() => database.transact(() => Promise.resolve())));
  expect(commits()).toBe(before);
});

test('a step that fails falls alone, with all that it had written', async () => {
  const bad = database.transact(async (tx) => {
    await add(tx, 'bad');
    throw new Error('fell');
  });
  const settled = await Promise.allSettled([
    database.transact((tx) => add(tx, 'a')),
    bad,
    database.transact((tx) => add(tx, 'a')),
    database.transact((tx) => add(tx, 'b')),
  ]);
  expect(settled.map(({ status }) => status)).toEqual([
    ...['fulfilled', 'rejected', 'rejected', 'fulfilled'],
  ]);
  expect(await names()).toEqual(['a', 'b']);
});

test('one alone that fails leaves nothing', async () => {
  await expect(
    database.transact(async (tx) => {
      await add(tx, 'bad');
      throw new Error('fell');
    }),
  ).rejects.toThrow('fell');
  expect(await names()).toEqual([]);
});

test('when the commit fails nobody is told that it stands', async () => {
  const settled = await Promise.allSettled([
    database.transact((tx) => add(tx, 'a')),
    database.transact(async (tx) => {
      // Checked at the commit only: an outbox row without its sale.
      await sql`pragma defer_foreign_keys = on`.execute(tx);
      const due = { seq: 1, state: 'due', attempts: 0, nextAtMs: 0 } as const;
      await tx
        .insertInto('outbox')
        .values({ saleId: 'none', kioskId: 'k', ...due })
        .execute();
    }),
  ]);
  expect(settled.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
  expect(await names()).toEqual([]);
  await database.transact((tx) => add(tx, 'later'));
  expect(await names()).toEqual(['later']);
});

test('a reader never sees a step before its commit', async () => {
  const step = database.transact((tx) => add(tx, 'a'));
  const seen = names();
  await step;
  expect(await seen).toEqual([]);
  expect(await names()).toEqual(['a']);
});

test('what waits when the database is closed is committed first', async () => {
  const steps = ['a', 'b'].map((name) => database.transact((tx) => add(tx, name)));
  await database.close();
  await Promise.all(steps);
  database = openSqlite(join(dir, 'relay.db'), () => 0);
  expect(await names()).toEqual(['a', 'b']);
});

test('a disk that cannot keep up is said at once', async () => {
  const steps = Array.from({ length: 20_001 }, () => database.transact(() => Promise.resolve()));
  await expect(steps.at(-1)).rejects.toMatchObject({ code: 'store-down' });
  await Promise.all(steps.slice(0, -1));
});
