// One kiosk a state folder: a second process on it would take the devices over and fight for the journal.
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { KiosError } from '../protocol/errors.ts';
import { journalFault } from './journal-fault.ts';

export interface FolderLock {
  release(): void;
}

/**
 * Locks a state folder for as long as this process lives; the kernel lets go of it however the process ends.
 * @throws KiosError `kiosk-running` when another process has it, and as the journal when the disk does not let it
 */
export function lockFolder(stateDir: string): FolderLock {
  const path = join(stateDir, 'lock.sqlite');
  // SQLite's own file lock: Node has none, and a pid file outlives a kill -9.
  let file: DatabaseSync | undefined;
  try {
    const opened = new DatabaseSync(path, { timeout: 0 });
    file = opened;
    opened.exec('BEGIN EXCLUSIVE');
    return {
      release: () => {
        opened.close();
      },
    };
  } catch (error) {
    file?.close();
    const fault = journalFault(error, path, 'be locked');
    if (fault.code !== 'journal-locked') throw fault;
    throw new KiosError(
      'kiosk-running',
      `another kios kiosk runs on ${stateDir}: stop that one`,
      error,
    );
  }
}
