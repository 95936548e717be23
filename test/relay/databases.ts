// The databases under the store's suites: SQLite in a temporary file, and PostgreSQL on a server of the test file's own.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, test } from 'vitest';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { openPostgres } from '../../src/relay/store/postgres.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { findPostgres, startPostgres, type PostgresServer } from './postgres-server.ts';

/** One fresh database. */
export interface Room {
  connect(): Promise<Database>;
  /** Time passes for whoever is connected. */
  pass(ms: number): void;
  leave(): Promise<void>;
}

/** For `describe.each`: those that this machine has. */
export function databases(): [string, () => Promise<Room>][] {
  if (findPostgres() === undefined) {
    test.skip('postgres: not installed on this machine');
    return [['sqlite', sqliteRoom]];
  }
  const server = sharedPostgres();
  return [
    ['sqlite', sqliteRoom],
    ['postgres', async () => postgresRoom(await server())],
  ];
}

/** One server for the test file that asks, started by its first test that needs it. */
export function sharedPostgres(): () => Promise<PostgresServer> {
  let server: Promise<PostgresServer> | undefined;
  afterAll(async () => {
    await (await server)?.stop();
  });
  return () => (server ??= startPostgres());
}

function sqliteRoom(): Promise<Room> {
  const dir = mkdtempSync(join(tmpdir(), 'kios-store-'));
  let nowMs = 1_767_236_400_000;
  return Promise.resolve({
    connect: () => Promise.resolve(openSqlite(join(dir, 'relay.db'), () => nowMs)),
    pass: (ms) => {
      nowMs += ms;
    },
    leave: () => {
      rmSync(dir, { recursive: true, force: true });
      return Promise.resolve();
    },
  });
}

async function postgresRoom(server: PostgresServer): Promise<Room> {
  const url = await server.newDatabase();
  let passedMs = 0;
  // The server's clock is read once; from there on it goes as ours does.
  const clock: Clock = { ...systemClock, monotonicMs: () => passedMs };
  return {
    connect: () => openPostgres({ url, maxConnections: 10 }, { clock, random: () => 0.5 }),
    pass: (ms) => {
      passedMs += ms;
    },
    leave: () => Promise.resolve(),
  };
}
