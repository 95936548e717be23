// A copy of a SQLite store while the relay runs: all that is committed at one moment, in one file of its own.
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KiosError } from '../../protocol/errors.ts';

/** How long the relay may hold the file at our first look; while it is copied nobody waits for anybody. */
const busyMs = 5_000;

/**
 * Writes the copy, mode 0600, under its name only when it is whole and on the disk. It needs no `-wal` beside it.
 * @throws KiosError `bad-request` when there is a file of this name; what file system and SQLite throw
 */
export function backUpSqlite(path: string, target: string): void {
  if (existsSync(target)) throw taken(target);
  // Not a name that a backup has: whoever is killed here leaves nothing that looks like one.
  const part = `${target}.part`;
  makePrivate(part);
  try {
    const database = new DatabaseSync(path, { timeout: busyMs });
    try {
      database.prepare('vacuum into ?').run(part);
    } finally {
      database.close();
    }
    sync(part);
    if (existsSync(target)) throw taken(target);
    renameSync(part, target);
  } catch (error) {
    rmSync(part, { force: true });
    throw error;
  }
  sync(dirname(resolve(target)));
}

/** It holds the kiosks' claim secrets: at no moment may anybody else read it. */
function makePrivate(part: string): void {
  try {
    closeSync(openSync(part, 'wx', 0o600));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      const why = `${part} is there: another backup runs, or one was cut off; then remove it`;
      throw new KiosError('bad-request', why, error);
    }
    throw error;
  }
}

function taken(target: string): KiosError {
  return new KiosError('bad-request', `${target} is there already; nothing is overwritten`);
}

function sync(path: string): void {
  const handle = openSync(path, 'r');
  try {
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
}
