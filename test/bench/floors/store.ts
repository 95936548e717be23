// The durable stores of the floors: the least that keeps a line of text over a power cut, a sync for each (`each`) or one
// for all that came in one turn of the loop (`turn`).
import { fdatasyncSync, openSync, writeSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';

export const floorStores = ['log-each', 'log-turn', 'sqlite-each', 'sqlite-turn'] as const;
export type FloorStore = (typeof floorStores)[number];

/** `kept` is called once the text is on the disk. */
export type Keep = (id: string, text: string, kept: () => void) => void;

interface Waiting {
  id: string;
  text: string;
  kept: () => void;
}

export function openFloorStore(kind: FloorStore, path: string): Keep {
  const commit = kind.startsWith('log') ? logOf(path) : tableOf(path);
  if (kind.endsWith('each')) {
    return (id, text, kept) => {
      commit([{ id, text, kept }]);
      kept();
    };
  }
  return byTurn(commit);
}

function byTurn(commit: (all: readonly Waiting[]) => void): Keep {
  let waiting: Waiting[] = [];
  return (id, text, kept) => {
    waiting.push({ id, text, kept });
    if (waiting.length > 1) return;
    setImmediate(() => {
      const all = waiting;
      waiting = [];
      commit(all);
      for (const one of all) one.kept();
    });
  };
}

function logOf(path: string): (all: readonly Waiting[]) => void {
  const file = openSync(path, 'w');
  return (all) => {
    writeSync(file, all.map(({ text }) => `${text}\n`).join(''));
    fdatasyncSync(file);
  };
}

function tableOf(path: string): (all: readonly Waiting[]) => void {
  const database = new DatabaseSync(path);
  database.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
  database.exec(
    'CREATE TABLE events (number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, text TEXT NOT NULL) STRICT',
  );
  const insert = database.prepare('INSERT OR IGNORE INTO events (id, text) VALUES (?, ?)');
  return (all) => {
    database.exec('BEGIN IMMEDIATE');
    for (const { id, text } of all) insert.run(id, text);
    database.exec('COMMIT');
  };
}
