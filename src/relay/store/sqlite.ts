// SQLite as kysely's database, over node:sqlite. One connection a file; every commit is on the disk when it returns.
import { chmodSync, existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync, type SQLInputValue, type StatementSync } from 'node:sqlite';
import { CamelCasePlugin, Kysely, SqliteDialect, type SqliteDatabase } from 'kysely';
import { type Database } from './database.ts';
import { type Tables } from './schema.ts';

/** How long another process (`kios relay enrolment`) may hold the file before we give up. */
const busyMs = 5000;
/** Prepared statements kept; the relay's own are far fewer. */
const maxStatements = 200;

/** Opens or makes the file, mode 0600 (it holds the kiosks' claim secrets). `:memory:` is for tests. */
export function openSqlite(path: string, nowMs: () => number): Database {
  if (path !== ':memory:') mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const isNew = path !== ':memory:' && !existsSync(path);
  const database = new DatabaseSync(path, { timeout: busyMs });
  if (isNew) chmodSync(path, 0o600);
  database.exec('pragma journal_mode = wal');
  database.exec('pragma synchronous = full');
  database.exec('pragma foreign_keys = on');
  const db = new Kysely<Tables>({
    dialect: new SqliteDialect({ database: wrap(database) }),
    plugins: [new CamelCasePlugin()],
  });
  let wake: ((kioskId: string) => void) | undefined;
  return {
    dialect: 'sqlite',
    db,
    nowMs,
    transact: (work) => db.transaction().execute(work),
    // One process has the file: nobody else publishes, and nobody else is to be told.
    holdKiosk: () => Promise.resolve(() => Promise.resolve()),
    announce: (kioskId) => {
      wake?.(kioskId);
      return Promise.resolve();
    },
    onAnnounced: (told) => {
      wake = told;
    },
    close: () => db.destroy(),
  };
}

/** The few words of better-sqlite3 that kysely speaks, in node:sqlite's. */
function wrap(database: DatabaseSync): SqliteDatabase {
  const statements = new Map<string, StatementSync>();
  return {
    close() {
      statements.clear();
      database.close();
    },
    prepare(sql) {
      // A transaction that reads first and then writes would fail, not wait, when another process wrote in between.
      const text = sql === 'begin' ? 'begin immediate' : sql;
      let statement = statements.get(text);
      if (statement === undefined) {
        if (statements.size >= maxStatements) statements.clear();
        statement = database.prepare(text);
        statements.set(text, statement);
      }
      return wrapStatement(statement);
    },
  };
}

function wrapStatement(statement: StatementSync): ReturnType<SqliteDatabase['prepare']> {
  return {
    reader: statement.columns().length > 0,
    all: (parameters) => statement.all(...(parameters as SQLInputValue[])),
    run: (parameters) => statement.run(...(parameters as SQLInputValue[])),
    iterate: (parameters) => statement.iterate(...(parameters as SQLInputValue[])),
  };
}
