// A demo as a process of its own, for the tests of this folder: started, heard, and ended whatever happens.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '../..');

export interface Demo {
  readonly process: ChildProcess;
  readonly pid: number;
  /** All that it has said so far. */
  said(): string;
  /** Resolves with the first match in what it says. Rejects when it ends before that. */
  heard(pattern: RegExp): Promise<RegExpExecArray>;
  /** Its address, once the kiosk is up. */
  opened(): Promise<string>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  [Symbol.asyncDispose](): Promise<void>;
}

export function startDemo(...flags: string[]): Demo {
  return startKios('demo', ...flags);
}

/** Any command of `kios`, heard and ended in the same way. */
export function startKios(...args: string[]): Demo {
  const child = spawn(process.execPath, [join(root, 'src/cli/kios.ts'), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (bytes: Buffer) => {
      text += bytes.toString();
      child.emit('said');
    });
  }
  const ended = (async () => {
    const [code, signal] = (await once(child, 'close')) as [number | null, NodeJS.Signals | null];
    return { code, signal };
  })();
  let over = false;
  void ended.then(() => {
    over = true;
    child.emit('said');
  });
  const heard = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(text);
      if (match !== null) return match;
      if (over) throw new Error(`the demo ended without ${String(pattern)}:\n${text}`);
      await once(child, 'said');
    }
  };
  return {
    process: child,
    pid: child.pid ?? 0,
    said: () => text,
    heard,
    opened: async () => {
      const [, url = ''] = await heard(/ready to sell: +(http:\/\/\S+)/);
      return url;
    },
    ended,
    [Symbol.asyncDispose]: async () => {
      if (over) return;
      child.kill('SIGINT');
      await ended;
    },
  };
}

export interface ChildPart {
  pid: number;
  /** `twin`, `relay` or `kiosk`. */
  name: string;
}

/** The parts that a demo has running at this moment, out of /proc. */
export function partsOf(parentPid: number): ChildPart[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .flatMap((pid) => {
      const [stat, commandLine] = [procText(pid, 'stat'), procText(pid, 'cmdline')];
      const parent = Number(/\) \S (\d+) /.exec(stat)?.[1]);
      const name = /kios\.ts\0([a-z]+)\0/.exec(commandLine)?.[1];
      return parent === parentPid && name !== undefined ? [{ pid, name }] : [];
    });
}

/** Whether it still runs; one that only waits to be buried does not. */
export function runs(pid: number): boolean {
  const state = /\) (\S) /.exec(procText(pid, 'stat'))?.[1];
  return state !== undefined && state !== 'Z';
}

function procText(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return ''; // It ended while we looked.
  }
}
