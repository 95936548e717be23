// One kiosk a state folder: a second process on it would take the devices over and fight for the journal.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KiosError } from '../protocol/errors.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Locks a state folder for as long as this process lives; the kernel lets go of it however the process ends.
 * @throws KiosError `journal-failed` when another process has it
 */
export function lockFolder(stateDir: string): FolderLock {
  // SQLite's own file lock: Node has none, and a pid file outlives a kill -9.
  const file = new DatabaseSync(join(stateDir, 'lock.sqlite'), { timeout: 0 });
  try {
    file.exec('BEGIN EXCLUSIVE');
  } catch (error) {
    file.close();
    throw new KiosError(
      'journal-failed',
      `another kios kiosk runs on ${stateDir}, or it cannot be written: stop that one, or look at the disk`,
      error,
    );
  }
  return {
    release: () => {
      file.close();
    },
  };
}
