// Keeps transactions between runs in a SQLite file of the twin's own. A stand-in's memory: not built for power cuts.
import { DatabaseSync } from 'node:sqlite';
import type { Transaction } from './transaction.ts';

export interface StateFile {
  /** All transactions, oldest first. */
  load(): Transaction[];
  save(transaction: Transaction): void;
  remove(transactionId: string): void;
  close(): void;
}

/** Opens or makes the file. @throws Error of SQLite when it cannot be used. */
export function openStateFile(path: string): StateFile {
  const db = new DatabaseSync(path);
  db.exec('PRAGMA journal_mode = WAL');
  db.exec('PRAGMA synchronous = NORMAL');
  db.exec(
    'CREATE TABLE IF NOT EXISTS transactions (n INTEGER PRIMARY KEY, id TEXT UNIQUE NOT NULL, body TEXT NOT NULL) STRICT',
  );
  const select = db.prepare('SELECT body FROM transactions ORDER BY n');
  const upsert = db.prepare(
    'INSERT INTO transactions (id, body) VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body',
  );
  const drop = db.prepare('DELETE FROM transactions WHERE id = ?');
  return {
    // The file is written by this module alone, so its rows have the shape that it wrote.
    load: () => select.all().map((row) => JSON.parse(String(row['body'])) as Transaction),
    save(transaction) {
      upsert.run(transaction.transactionId, JSON.stringify(transaction));
    },
    remove(transactionId) {
      drop.run(transactionId);
    },
    close() {
      db.close();
    },
  };
}
