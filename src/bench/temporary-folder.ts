// A demo's folder below /tmp, for its sockets and, without --state, for all that it has. Gone when the demo is gone: what
// a killed one left, the next one removes. Never touches a folder that a living demo has, or that was kept for its logs.
import { lstatSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

export interface TemporaryFolder {
  readonly path: string;
  remove(): void;
  /** Leaves it to a person, who removes it. */
  keep(): void;
}

const prefix = 'kios-demo-';
/** Whose it is: the process id, as text. */
const ownerFile = 'demo.pid';
/** A limit for the mess of years; the next demo goes on from there. */
const maxRemoved = 100;

/** Makes one in `parent`, and removes those of demos that were killed. */
export function makeTemporaryFolder(parent: string): TemporaryFolder {
  for (const path of abandoned(parent).slice(0, maxRemoved)) rmSync(path, { recursive: true });
  const path = mkdtempSync(join(parent, prefix));
  writeFileSync(join(path, ownerFile), String(process.pid));
  return {
    path,
    remove: () => {
      rmSync(path, { recursive: true, force: true });
    },
    keep: () => {
      rmSync(join(path, ownerFile), { force: true });
    },
  };
}

function abandoned(parent: string): string[] {
  return readdirSync(parent)
    .filter((name) => name.startsWith(prefix))
    .map((name) => join(parent, name))
    .filter((path) => {
      const pid = isOurs(path) ? ownerOf(path) : undefined;
      return pid !== undefined && !lives(pid);
    });
}

/** /tmp is everybody's: a link, or another user's folder, is none of ours. */
function isOurs(path: string): boolean {
  const stat = lstatSync(path, { throwIfNoEntry: false });
  return stat?.isDirectory() === true && stat.uid === process.getuid?.();
}

function ownerOf(path: string): number | undefined {
  try {
    const text = readFileSync(join(path, ownerFile), 'utf8');
    return /^[1-9]\d{0,9}$/.test(text) ? Number(text) : undefined;
  } catch {
    return undefined; // Kept for its logs, or being made at this moment.
  }
}

function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code !== 'ESRCH';
  }
}
