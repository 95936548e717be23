// The journal's file: made whole or not at all, and opened only when it is what it was. An empty or cut file is damage,
// never a new journal.
import {
  existsSync,
  fsyncSync,
  openSync,
  closeSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
} from 'node:fs';
import { dirname } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KiosError } from '../protocol/errors.ts';
import { logFault } from './journal-log.ts';

/** In the state folder. */
export const journalName = 'journal.sqlite';

/** `PRAGMA user_version`: another one was made by another kios. */
const schemaVersion = 2;
const header = Buffer.from('SQLite format 3\0');
const lockWaitMs = 1000;

const schema = `
  PRAGMA user_version = ${schemaVersion};
  CREATE TABLE entries (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('event', 'state', 'rules', 'pruned')),
    at TEXT NOT NULL,
    body TEXT NOT NULL,
    sales TEXT,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE INDEX marks ON entries (number) WHERE kind IN ('rules', 'pruned');
  CREATE TABLE anchor (
    one INTEGER PRIMARY KEY CHECK (one = 1),
    number INTEGER NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
`;

/**
 * Opens the file for writing, making it where there is none.
 * @throws KiosError `journal-damaged`, or what SQLite and the file system throw
 */
export function openJournalFile(path: string): DatabaseSync {
  if (!existsSync(path)) make(path);
  checkHead(path);
  checkLog(path);
  const db = new DatabaseSync(path, { timeout: lockWaitMs });
  try {
    // WAL costs one sync a commit, which journal-sync.ts makes; rollback journals cost four to six.
    db.exec(
      'PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL; PRAGMA wal_autocheckpoint = 0;',
    );
    check(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Opens it only to be read, beside the kiosk or without it. @throws as `openJournalFile` */
export function openJournalToRead(path: string): DatabaseSync {
  checkHead(path);
  // A kiosk may write while it is read: what it was in the middle of is whole at the second look.
  if (faultOfLog(path) !== undefined) checkLog(path);
  const db = new DatabaseSync(path, { readOnly: true, timeout: lockWaitMs });
  try {
    check(db, path);
  } catch (error) {
    db.close();
    throw error;
  }
  return db;
}

/** Under another name until it is on the disk: a power cut leaves a whole journal or none. */
function make(path: string): void {
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  const db = new DatabaseSync(beside);
  db.exec(schema);
  db.close();
  renameSync(beside, path);
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}

/** SQLite takes an empty file for a new database and would begin anew over what was there. */
function checkHead(path: string): void {
  const file = openSync(path, 'r');
  try {
    const head = Buffer.alloc(header.length);
    readSync(file, head, 0, head.length, 0);
    if (!head.equals(header)) throw damaged(path, 'it is empty, or no database');
  } finally {
    closeSync(file);
  }
}

/** Before SQLite, which would overwrite what lies behind a bad block. */
function checkLog(path: string): void {
  const fault = faultOfLog(path);
  if (fault !== undefined) throw damaged(path, fault);
}

function faultOfLog(path: string): string | undefined {
  const log = `${path}-wal`;
  return existsSync(log) ? logFault(readFileSync(log)) : undefined;
}

function check(db: DatabaseSync, path: string): void {
  const pragma = (name: string): number => {
    const row = db.prepare(`PRAGMA ${name}`).get();
    return Number(Object.values(row ?? {})[0]);
  };
  const version = pragma('user_version');
  if (version !== schemaVersion) {
    throw new KiosError('journal-failed', `the journal ${path} is of another version (${version})`);
  }
  const bytes = pragma('page_count') * pragma('page_size');
  // With a log beside it the file may lawfully lag behind.
  if (sizeOf(path) < bytes && sizeOf(`${path}-wal`) === 0) {
    throw damaged(path, 'its end was cut off');
  }
}

function damaged(path: string, why: string): KiosError {
  return new KiosError('journal-damaged', `the journal ${path} is damaged: ${why}`);
}

function sizeOf(path: string): number {
  return statSync(path, { throwIfNoEntry: false })?.size ?? 0;
}
