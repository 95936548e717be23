// What is committed is on the disk, whatever the database was told elsewhere; and readiness tells when nothing can be
// stored although reading still goes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { Client } from 'pg';
import { pino } from 'pino';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { type Log } from '../../src/lib/log.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { mustBeDurable } from '../../src/relay/store/postgres-durability.ts';
import { openPostgres } from '../../src/relay/store/postgres.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { findPostgres, startPostgres, type PostgresServer } from './postgres-server.ts';
import { startSetting, type Setting } from './setting.ts';

let setting: Setting | undefined;
afterEach(async () => {
  await setting?.stop();
  setting = undefined;
});

async function ready(): Promise<{ status: number }> {
  const answer = await fetch(`${setting?.relayUrl ?? ''}/readyz`);
  return { status: answer.status, ...((await answer.json()) as object) };
}

const good = { status: 200, ready: true, store: true, broker: true, accepting: true };
const bad = { ...good, status: 503, ready: false, store: false };

/** Asks until it is so; what was found out within the last second may be told again. */
async function until(status: number): Promise<unknown> {
  const look = async (): Promise<unknown> => {
    const answer = await ready();
    return answer.status === status ? answer : undefined;
  };
  return vi.waitUntil(look, 25_000);
}

describe.skipIf(findPostgres() === undefined)('PostgreSQL', () => {
  let server: PostgresServer;
  let url: string;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server.stop();
  });

  /** As the server's owner does it, for all sessions that come. */
  async function set(text: string): Promise<void> {
    url = await server.newDatabase();
    await alter(text);
  }

  async function alter(text: string): Promise<void> {
    const name = new URL(url).pathname.slice(1);
    const owner = new Client({ connectionString: server.url });
    await owner.connect();
    await owner.query(`alter database ${name} set ${text}`);
    await owner.query('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [
      name,
    ]);
    await owner.end();
  }

  async function open(log?: Log): Promise<Database> {
    const parts = { clock: systemClock, random: () => 0.5, ...(log === undefined ? {} : { log }) };
    return openPostgres({ url, maxConnections: 2 }, parts);
  }

  test.each([
    ['off', 'on'],
    ['local', 'on'],
    ['remote_write', 'on'],
    ['on', 'on'],
    ['remote_apply', 'remote_apply'],
  ])('a database whose sessions commit with %s: ours commit with %s', async (given, ours) => {
    await set(`synchronous_commit = ${given}`);
    const database = await open();
    const ask = sql<{ value: string }>`select current_setting('synchronous_commit') as value`;
    const values = [
      (await ask.execute(database.db)).rows[0]?.value,
      await database.transact(async (tx) => (await ask.execute(tx)).rows[0]?.value),
      await database.forSchema(async (db) => (await ask.execute(db)).rows[0]?.value),
    ];
    expect(values).toEqual([ours, ours, ours]);
    await database.close();
  });

  test('a session that does not wait for the disk all the same is a fault of the setting', async () => {
    await set('synchronous_commit = off');
    const client = new Client({ connectionString: url });
    await client.connect();
    await expect(mustBeDurable(client)).rejects.toMatchObject({
      name: 'SettingFault',
      setting: 'store.postgres',
      message: expect.stringContaining('synchronous_commit is off') as string,
    });
    await client.end();
  });

  test('a server that does not sync is told in the log at the start', async () => {
    const own = await startPostgres({ settings: ['fsync=off'] });
    try {
      url = await own.newDatabase();
      const lines: string[] = [];
      const log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
      await (await open(log)).close();
      expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
        { msg: 'store.not-durable', setting: 'fsync', value: 'off' },
      ]);
    } finally {
      await own.stop();
    }
  });

  test('a database that can only be read is not ready, and ready again when it can be written', async () => {
    url = await server.newDatabase();
    setting = await startSetting({ overrides: { store: { postgres: { url } } } });
    expect(await ready()).toEqual(good);
    await alter('default_transaction_read_only = on');
    expect(await until(503)).toEqual(bad);
    await alter('default_transaction_read_only = off');
    expect(await until(200)).toEqual(good);
  });
});

describe('SQLite', () => {
  test('a file that another process keeps locked is not ready, and ready again when it lets go', async () => {
    setting = await startSetting();
    expect(await ready()).toEqual(good);
    const other = new DatabaseSync(join(setting.dir, 'relay.db'));
    other.exec('begin immediate');
    expect(await until(503)).toEqual(bad);
    other.exec('rollback');
    other.close();
    expect(await until(200)).toEqual(good);
  });

  test('a commit waits for the disk', async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kios-durable-'));
    const database = openSqlite(join(dir, 'relay.db'), () => 0);
    const ask = sql<{ synchronous: number }>`pragma synchronous`;
    expect((await ask.execute(database.db)).rows).toEqual([{ synchronous: 2 }]);
    await database.close();
    rmSync(dir, { recursive: true, force: true });
  });
});
