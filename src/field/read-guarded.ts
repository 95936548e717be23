// Reads files that somebody without rights may have put there: never through a link, never a pipe or device, never more
// than so much.
import { closeSync, constants, fstatSync, openSync, readSync } from 'node:fs';

/** Undefined: there is no such file, or none that root may read for somebody else. */
export function readGuarded(path: string, maxBytes: number): Buffer | undefined {
  let file: number;
  try {
    file = openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    return undefined;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > maxBytes) return undefined;
    const bytes = Buffer.alloc(stat.size);
    let filled = 0;
    while (filled < bytes.length) {
      const count = readSync(file, bytes, filled, bytes.length - filled, filled);
      if (count === 0) return undefined;
      filled += count;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}

/** The same as JSON; undefined for what is none. */
export function readGuardedJson(path: string, maxBytes: number): unknown {
  const bytes = readGuarded(path, maxBytes);
  if (bytes === undefined) return undefined;
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
