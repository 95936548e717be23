// A card whose syncs take as long as we say, and the times of those syncs: our own library, loaded before the process.
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const source = fileURLToPath(new URL('floors/slow-sync.c', import.meta.url));

/** On the clock of `Clock.monotonicMs`. */
export interface Sync {
  beginMs: number;
  endMs: number;
}

export interface SlowCard {
  /** For the environment of a process whose syncs take `syncMs` longer; each process has a log of its own. */
  env(syncMs: number, log: string): Record<string, string>;
}

/** Compiles the library into `folder`; undefined: there is no C compiler here. */
export async function makeSlowCard(folder: string): Promise<SlowCard | undefined> {
  const library = join(folder, 'slow-sync.so');
  try {
    await promisify(execFile)('cc', ['-shared', '-fPIC', '-O2', '-o', library, source, '-ldl']);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
  return {
    env: (syncMs, log) => ({
      LD_PRELOAD: library,
      KIOS_SYNC_MS: String(syncMs),
      KIOS_SYNC_LOG: log,
    }),
  };
}

export async function readSyncs(log: string): Promise<Sync[]> {
  const text = await readFile(log, 'utf8');
  return text
    .trim()
    .split('\n')
    .map((line) => {
      const [begin = NaN, end = NaN] = line.split(' ').map(Number);
      return { beginMs: begin / 1e6, endMs: end / 1e6 };
    });
}
