// Keeps transactions and notifications under way between runs in a SQLite file of the twin's own. A stand-in's memory: not
// built for power cuts.
import { DatabaseSync } from 'node:sqlite';
import type { Transaction } from './transaction.ts';

/** Rows of one kind by a name, in the order in which the names first came. */
export interface Rows<T> {
  load(): T[];
  save(row: T): void;
  remove(name: string): void;
}

/** A notification that is not done: on its way to one address, or held back from all of them. */
export interface KeptNotice {
  /** Counts up over restarts. */
  readonly number: number;
  readonly orderId: string;
  readonly status: string;
  readonly text: string;
  readonly urls: readonly string[];
  readonly phase: 'going' | 'held' | 'behind';
  /** Repeats so far. */
  readonly repeats: number;
  /** When it is tried next, milliseconds since 1970 UTC. */
  readonly dueMs: number;
}

export interface StateFile {
  readonly transactions: Rows<Transaction>;
  readonly notices: Rows<KeptNotice>;
  close(): void;
}

/** Opens or makes the file. @throws Error of SQLite when it cannot be used. */
export function openStateFile(path: string): StateFile {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = NORMAL');
  return {
    transactions: rowsOf<Transaction>(db, 'transactions', (row) => row.transactionId),
    notices: rowsOf<KeptNotice>(db, 'notices', (row) => `${row.number}`),
    close() {
      db.close();
    },
  };
}

function rowsOf<T>(
  db: DatabaseSync,
  table: 'transactions' | 'notices',
  nameOf: (row: T) => string,
): Rows<T> {
  db.exec(
    `CREATE TABLE IF NOT EXISTS ${table} (n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body TEXT NOT NULL) STRICT`,
  );
  const select = db.prepare(`SELECT body FROM ${table} ORDER BY n`);
  const upsert = db.prepare(
    `INSERT INTO ${table} (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body`,
  );
  const drop = db.prepare(`DELETE FROM ${table} WHERE id = ?`);
  return {
    // The file is written by this module alone, so its rows have the shape that it wrote.
    load: () => select.all().map((row) => JSON.parse(String(row['body'])) as T),
    save(row) {
      upsert.run(nameOf(row), JSON.stringify(row));
    },
    remove(name) {
      drop.run(name);
    },
  };
}
