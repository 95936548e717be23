// Files and links that are whole after a power cut at any moment: written beside their place, synced, renamed, and the
// folder synced. What is replaced is there until what replaces it is.
import {
  chmodSync,
  closeSync,
  fsyncSync,
  openSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { dirname } from 'node:path';

export function writeDurably(path: string, text: string, mode = 0o600): void {
  const beside = `${path}.new`;
  rmSync(beside, { force: true });
  writeFileSync(beside, text, { mode, flush: true, flag: 'wx' });
  // The umask of a unit takes from what is meant for others.
  chmodSync(beside, mode);
  renameSync(beside, path);
  syncFolder(dirname(path));
}

/** Leads the link elsewhere, without a moment in which it leads nowhere. */
export function linkDurably(target: string, link: string): void {
  const beside = `${link}.new`;
  rmSync(beside, { force: true });
  symlinkSync(target, beside);
  renameSync(beside, link);
  syncFolder(dirname(link));
}

export function removeDurably(path: string): void {
  rmSync(path, { force: true });
  syncFolder(dirname(path));
}

/** What was renamed, made or removed in a folder is on the disk. */
export function syncFolder(folder: string): void {
  const file = openSync(folder, 'r');
  try {
    fsyncSync(file);
  } finally {
    closeSync(file);
  }
}

/** Where a link leads; undefined: there is no link. */
export function linkTarget(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch (error) {
    if (['ENOENT', 'EINVAL'].includes((error as NodeJS.ErrnoException).code ?? ''))
      return undefined;
    throw error;
  }
}
