// What a disk could hold after its power was cut, out of qemu's record of all writes and flushes to it (blklogwrites, in
// the format of Linux' dm-log-writes). Killing qemu alone loses nothing that the guest has written: the host keeps it.
import { execFileSync } from 'node:child_process';
import { closeSync, fstatSync, openSync, readSync, writeSync } from 'node:fs';

/** linux/drivers/md/dm-log-writes.c: WRITE_LOG_MAGIC, and the flags of an entry. */
const magic = 0x6a736677736872n;
const [flushFlag, fuaFlag, discardFlag] = [1, 2, 4];
const superBytes = 28;
const headBytes = 32;

export interface LoggedWrite {
  /** Where on the disk, in bytes. */
  at: number;
  bytes: number;
  /** Everything before it is on the disk when it has ended. */
  flushes: boolean;
  /** It is on the disk itself when it has ended. */
  durable: boolean;
  discards: boolean;
  /** Where its content lies in the log. */
  logAt: number;
}

/** What becomes of writes that no flush has made certain. */
export type Fate = 'lost' | 'kept' | ((index: number) => 'lost' | 'kept');

/** How many writes and flushes there were so far; while the guest runs, too. */
export function countWrites(log: string): number {
  const file = openSync(log, 'r');
  try {
    return Number(readAt(file, 0, superBytes).readBigUInt64LE(16));
  } finally {
    closeSync(file);
  }
}

/** @throws Error when this is no such log */
export function readWrites(log: string): LoggedWrite[] {
  const file = openSync(log, 'r');
  try {
    const head = readAt(file, 0, superBytes);
    if (head.readBigUInt64LE(0) !== magic) throw new Error(`${log} is no log of writes`);
    const sector = head.readUInt32LE(24);
    const count = Number(head.readBigUInt64LE(16));
    const size = fstatSync(file).size;
    const writes: LoggedWrite[] = [];
    for (let at = sector; writes.length < count && at + sector <= size;) {
      const entry = readAt(file, at, headBytes);
      const flags = Number(entry.readBigUInt64LE(16));
      const one = {
        at: Number(entry.readBigUInt64LE(0)) * sector,
        bytes: Number(entry.readBigUInt64LE(8)) * sector,
        flushes: (flags & flushFlag) !== 0,
        durable: (flags & fuaFlag) !== 0,
        discards: (flags & discardFlag) !== 0,
        logAt: at + sector,
      };
      writes.push(one);
      at = one.logAt + (one.discards ? 0 : one.bytes);
    }
    return writes;
  } finally {
    closeSync(file);
  }
}

/** Makes the disk as it could be found after a cut that came behind the first `cut` writes. */
export function makeCrashed(
  disk: { before: string; log: string; image: string },
  writes: readonly LoggedWrite[],
  cut: number,
  fate: Fate,
): void {
  const done = writes.slice(0, cut);
  const certain = done.findLastIndex(({ flushes }) => flushes);
  // Node copies holes as zeros, for seconds.
  execFileSync('cp', ['--sparse=always', disk.before, disk.image]);
  const log = openSync(disk.log, 'r');
  const image = openSync(disk.image, 'r+');
  done.forEach((one, index) => {
    const isSure = index <= certain || one.durable;
    const becomes = typeof fate === 'string' ? fate : fate(index);
    if (one.bytes === 0 || (!isSure && becomes === 'lost')) return;
    const content = one.discards ? Buffer.alloc(one.bytes) : readAt(log, one.logAt, one.bytes);
    writeSync(image, content, 0, content.length, one.at);
  });
  closeSync(log);
  closeSync(image);
}

function readAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  readSync(file, bytes, 0, length, at);
  return bytes;
}
