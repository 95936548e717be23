// Where in the record of an update's writes the disk passes from one state to the next, and the cuts that are worth a boot:
// behind each passage, before it, and between them.
import { execFileSync, spawnSync } from 'node:child_process';
import { makeCrashed, type Fate, type LoggedWrite } from './machine/write-log.ts';

const withSbin = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

/** What a power cut does to the disk. */
export interface Cut {
  /** In the words of an update. */
  where: string;
  /** Behind so many writes. */
  writes: number;
  fate: Fate;
}

/** Of what no flush has made certain, a third is lost. */
export const someLost: Fate = (index) => (index % 3 === 0 ? 'lost' : 'kept');

export interface RecordedDisk {
  before: string;
  log: string;
  image: string;
}

/** What a path holds on the disk of a cut: a file's text, or where a link leads. Undefined: it is not there. */
export type Seen = (path: string) => string | undefined;

/**
 * The first number of writes, in `from`…`to`, behind which it is so on a disk that has kept all of them. It must become so
 * once, and stay so.
 */
export function firstBehind(
  disk: RecordedDisk,
  all: readonly LoggedWrite[],
  [from, to]: readonly [number, number],
  isSo: (seen: Seen) => boolean,
): number {
  let [no, yes] = [from, to];
  while (yes - no > 1) {
    const middle = Math.floor((no + yes) / 2);
    makeCrashed(disk, all, middle, 'kept');
    // e2fsck(8): it replays the journal, as a boot does.
    spawnSync('e2fsck', ['-p', disk.image], { env: withSbin });
    if (isSo((path) => look(disk.image, path))) yes = middle;
    else no = middle;
  }
  return yes;
}

function look(image: string, path: string): string | undefined {
  const ask = (what: string): string =>
    execFileSync('debugfs', ['-R', `${what} ${path}`, image], {
      ...{ env: withSbin, stdio: 'pipe', encoding: 'utf8' },
    });
  const stat = ask('stat');
  if (!stat.includes('Inode:')) return undefined;
  // debugfs(8): where a short link leads stands in its inode.
  return /Fast link dest: "(.*)"/.exec(stat)?.[1] ?? ask('cat');
}
