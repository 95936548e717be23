// SQLite as kysely's database, over node:sqlite. One connection a file; every commit is on the disk when it returns.
import assert from 'node:assert';
import { chmodSync, statSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import {
  CamelCasePlugin,
  Kysely,
  SqliteAdapter,
  SqliteDialect,
  type DialectAdapter,
  type SqliteDatabase,
} from 'kysely';
import { systemClock, type Clock } from '../../lib/clock.ts';
import { makeFolder } from '../../lib/folder.ts';
import { userName } from '../../lib/user-name.ts';
import { SettingFault } from '../setting-fault.ts';
import { type Database } from './database.ts';
import { createGroupCommit } from './group-commit.ts';
import { createLockWait } from './sqlite-lock.ts';
import { type Tables } from './schema.ts';
import { runDirectly, type Direct } from './statement.ts';

/** How long another process (`kios relay enrolment`) may hold the file at the start, and whenever a tool comes, before we give up. */
const busyMs = 5000;
/** The pages of a busy day's rows and indexes, so that history on the disk costs a sale nothing. */
const cacheKib = 32 * 1024;
/** 16 MB of log before it goes into the file: pages that many sales touch are then written there once. */
const checkpointPages = 4_000;
/** `pragma synchronous`: a commit waits for the disk. */
const full = 2;
/** Prepared statements kept; the relay's own are far fewer. */
const maxStatements = 200;

/** `make`: the file may be made. `join`: it must be there. `read`: the same, and nothing in it is changed. */
export type SqliteUse = 'make' | 'join' | 'read';

/**
 * Opens or makes the file, mode 0600 (it holds the kiosks' claim secrets). `:memory:` is for tests.
 * @throws SettingFault when the file is not there, or this user may not open it
 */
export function openSqlite(
  path: string,
  nowMs: () => number,
  use: SqliteUse = 'make',
  clock: Clock = systemClock,
): Database {
  const database = openFile(path, use);
  if (use === 'read') database.exec('pragma query_only = on');
  database.exec('pragma synchronous = full');
  // What SQLite does not understand in a pragma it passes over in silence.
  assert.equal(database.prepare('pragma synchronous').get()?.['synchronous'], full);
  database.exec('pragma foreign_keys = on');
  database.exec(`pragma cache_size = -${cacheKib}`);
  database.exec(`pragma wal_autocheckpoint = ${checkpointPages}`);
  // What a step of a batch rolls back to needs no disk: without this every page of it is written to a file as well.
  database.exec('pragma temp_store = memory');
  const db = new Kysely<Tables>({
    dialect: new Dialect({ database: wrap(database) }),
    plugins: [new CamelCasePlugin()],
  });
  runDirectly(db, directOver(database));
  const commits = createGroupCommit(db, createLockWait(clock));
  // SQLite waits within the call. A tool may; whoever serves must not stand still for as long as another has the file.
  const servingMs = use === 'make' ? 0 : busyMs;
  database.exec(`pragma busy_timeout = ${servingMs}`);
  let wake: ((kioskId: string) => void) | undefined;
  return {
    dialect: 'sqlite',
    db,
    async forSchema(work) {
      database.exec(`pragma busy_timeout = ${busyMs}`);
      try {
        return await work(db);
      } finally {
        database.exec(`pragma busy_timeout = ${servingMs}`);
      }
    },
    nowMs,
    transact: commits.transact,
    // One process has the file: nobody else publishes, and nobody else is to be told.
    holdKiosk: () => Promise.resolve({ held: () => true, release: () => Promise.resolve() }),
    announce: (kioskId) => {
      wake?.(kioskId);
      return Promise.resolve();
    },
    onAnnounced: (told) => {
      wake = told;
    },
    async close() {
      await commits.idle();
      await db.destroy();
    },
  };
}

function openFile(path: string, use: SqliteUse): DatabaseSync {
  const isNew = path !== ':memory:' && isAbsent(path);
  if (isNew && use !== 'make') {
    throw new SettingFault(
      'store.sqlite',
      `there is no database at ${path}; the relay makes it at its first start`,
    );
  }
  let database: DatabaseSync | undefined;
  try {
    if (path !== ':memory:') makeFolder(dirname(path), 0o700);
    database = new DatabaseSync(path, { timeout: busyMs });
    if (isNew) chmodSync(path, 0o600);
    // A file that cannot serve is found at the first read of it.
    database.exec(use === 'read' ? 'pragma schema_version' : 'pragma journal_mode = wal');
    return database;
  } catch (error) {
    database?.close();
    const why = error instanceof Error ? error.message : String(error);
    throw new SettingFault(
      'store.sqlite',
      `${path} cannot be opened by the user ${userName()}: ${why}`,
      error,
    );
  }
}

/** False where this user may not look: opening it says so. */
function isAbsent(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) === undefined;
  } catch {
    return false;
  }
}

/** A migration is one transaction here as well: SQLite can, kysely only assumes that it cannot. */
class Adapter extends SqliteAdapter {
  override get supportsTransactionalDdl(): boolean {
    return true;
  }
}

class Dialect extends SqliteDialect {
  override createAdapter(): DialectAdapter {
    return new Adapter();
  }
}

type Statement = ReturnType<SqliteDatabase['prepare']>;

/** The few words of better-sqlite3 that kysely speaks, in node:sqlite's. */
function wrap(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, Statement>();
  return {
    close() {
      statements.clear();
      database.close();
    },
    prepare(sql) {
      let statement = statements.get(sql);
      if (statement === undefined) {
        if (statements.size >= maxStatements) statements.clear();
        // A transaction that reads first and then writes would fail, not wait, when another process wrote in between.
        const text = sql === 'begin' ? 'begin immediate' : sql;
        statement = wrapStatement(database.prepare(text));
        statements.set(sql, statement);
      }
      return statement;
    },
  };
}

function wrapStatement(statement: StatementSync): Statement {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}

/**
 * The hot statements' own way: kysely's queue, its drivers and its renaming of every row cost as much as SQLite itself.
 * Whoever reads outside of the open transaction must not see what is not committed, and waits in kysely's queue.
 */
function directOver(database: DatabaseSync): Direct {
  const statements = new Map<string, { prepared: StatementSync; columns: string[]; empty: Row }>();
  return (sql, parameters, inTransaction) => {
    if (!inTransaction && database.isTransaction) return undefined;
    let statement = statements.get(sql);
    if (statement === undefined) {
      if (statements.size >= maxStatements) statements.clear();
      const prepared = database.prepare(sql);
      prepared.setReturnArrays(true);
      const empty = emptyRowOf(prepared);
      statement = { prepared, empty, columns: Object.keys(empty) };
      statements.set(sql, statement);
    }
    const { prepared, columns, empty } = statement;
    const values = parameters as SQLInputValue[];
    if (columns.length === 0) {
      prepared.run(...values);
      return [];
    }
    // As `setReturnArrays` says; the type does not know it.
    return prepared.all(...values).map((row) => rowOf(columns, empty, row as unknown as unknown[]));
  };
}

type Row = Record<string, unknown>;

/** By way of JSON, because an object of so many columns that is put together one by one is a hash table ever after. */
function emptyRowOf(prepared: StatementSync): Row {
  const names = prepared.columns().map(({ name }) => [camelCase(name), null]);
  return JSON.parse(JSON.stringify(Object.fromEntries(names))) as Row;
}

/** As CamelCasePlugin names columns. */
function camelCase(name: string): string {
  return name.replace(/_([a-z0-9])/g, (_, letter: string) => letter.toUpperCase());
}

function rowOf(columns: readonly string[], empty: Row, values: readonly unknown[]): Row {
  const row = { ...empty };
  let at = 0;
  for (const column of columns) row[column] = values[at++];
  return row;
}
