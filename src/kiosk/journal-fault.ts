// Why the journal cannot be read or written, by the code that screen and operator are told.
import { accessSync, constants, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { userName } from '../lib/user-name.ts';

/** Less than this is a full disk, whatever the error was called. */
const fullBytes = 256 * 1024;

/** Primary result codes of SQLite (sqlite.org/rescode.html). */
const sqlite = { busy: 5, locked: 6, readOnly: 8, corrupt: 11, full: 13, notADatabase: 26 };

const words: Partial<Record<ErrorCode, string>> = {
  'disk-full': 'the disk is full',
  'disk-read-only': 'the disk can only be read',
  'journal-damaged': 'it is damaged; what is left of it is kept as it is',
  'journal-locked': 'another program has locked it',
};

/** @param doing what could not be done: `be read`, `be written`. An error that is told already passes unchanged. */
export function journalFault(error: unknown, path: string, doing: string): KiosError {
  if (error instanceof KiosError) return error;
  const code = codeOf(error, path, doing !== 'be read');
  const why = words[code] ?? (error instanceof Error ? error.message : String(error));
  return new KiosError(code, `the journal ${path} cannot ${doing}: ${why}`, error);
}

function codeOf(error: unknown, path: string, isWritten: boolean): ErrorCode {
  switch (sqliteCode(error)) {
    case sqlite.busy:
    case sqlite.locked:
      return 'journal-locked';
    case sqlite.corrupt:
    case sqlite.notADatabase:
      return 'journal-damaged';
    case sqlite.full:
      return 'disk-full';
    case sqlite.readOnly:
      return 'disk-read-only';
    default:
      return systemCode(error) ?? folderCode(dirname(path), isWritten) ?? 'journal-failed';
  }
}

/** What the file system says, where SQLite is not in between. */
function systemCode(error: unknown): ErrorCode | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  switch (error.code) {
    case 'ENOSPC':
    case 'EDQUOT':
    case 'EFBIG':
      return 'disk-full';
    case 'EROFS':
      return 'disk-read-only';
    default:
      return undefined;
  }
}

/** An I/O error keeps its reason to itself; the folder that it happened in knows more. */
function folderCode(folder: string, isWritten: boolean): ErrorCode | undefined {
  try {
    const { bavail, bsize } = statfsSync(folder);
    if (bavail * bsize < fullBytes) return 'disk-full';
    accessSync(folder, constants.W_OK);
    // ext4 after an error (`emergency_ro`) calls itself writable, answers EIO for a file that is open, and takes no new one.
    if (isWritten) tryFile(join(folder, 'try.tmp'));
    return undefined;
  } catch (error) {
    return systemCode(error);
  }
}

function tryFile(path: string): void {
  writeFileSync(path, '', { mode: 0o600 });
  rmSync(path, { force: true });
}

/** Undefined for what is no error of SQLite. */
function sqliteCode(error: unknown): number | undefined {
  if (!(error instanceof Error) || !('errcode' in error)) return undefined;
  return typeof error.errcode === 'number' ? error.errcode & 0xff : undefined;
}

/** Whether this user may not read there, in words; undefined: that is not what is wrong. */
export function mayNotRead(path: string): string | undefined {
  for (const place of [dirname(path), path]) {
    try {
      accessSync(place, place === path ? constants.R_OK : constants.R_OK | constants.X_OK);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EACCES') return undefined;
      return `${userName()} may not read ${place}; run it as root or as the user of the kiosk: sudo -u kios kios journal …`;
    }
  }
  return undefined;
}
