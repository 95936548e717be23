// The folder of journal and identity. It must never be made in the empty place where the data partition should be.
import { readlinkSync, statSync } from 'node:fs';
import { makeFolder } from '../lib/folder.ts';
import { KiosError } from '../protocol/errors.ts';

/**
 * Makes the folder where there is none yet.
 * @throws KiosError `data-missing` when it is a link that leads nowhere, and what the file system throws
 */
export function makeStateFolder(stateDir: string): void {
  const target = linkTarget(stateDir);
  if (target !== undefined && statSync(stateDir, { throwIfNoEntry: false }) === undefined) {
    throw new KiosError(
      'data-missing',
      `${stateDir} leads to ${target}, which is not there: is the data partition mounted?`,
    );
  }
  makeFolder(stateDir, 0o700);
}

/** Where a link leads; undefined for what is no link. */
function linkTarget(path: string): string | undefined {
  try {
    return readlinkSync(path);
  } catch (error) {
    // EINVAL: something else; ENOENT: nothing.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'EINVAL' && code !== 'ENOENT') throw error;
    return undefined;
  }
}
