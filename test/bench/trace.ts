// The system calls of a running process, by strace: its syncs, and what it reads and writes in between. The lines hold
// whatever the process says, so they stay in memory.
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** The process goes away without us hearing of it; a bench is not to wait for ever. */
const attachLimitMs = 10_000;
/** Of each string: enough for the head of a request, or for a sale up to its verdict. */
const shownCharacters = '240';
const maxLines = 500_000;

export interface Trace {
  /** Lets go of the process and answers every line, oldest first. */
  end(): Promise<readonly string[]>;
  dispose(): Promise<void>;
}

/** Why nothing can be traced here, or undefined. */
export async function whyNoTrace(): Promise<string | undefined> {
  const child = spawn('strace', ['-V'], { stdio: 'ignore' });
  const found = await new Promise<boolean>((resolve) => {
    child.once('error', () => {
      resolve(false);
    });
    child.once('exit', (code) => {
      resolve(code === 0);
    });
  });
  return found ? undefined : 'strace is missing: apt-get install strace';
}

/** @throws Error when the kernel does not let us: it wants root, or `sysctl kernel.yama.ptrace_scope=0`. */
export async function attachTrace(pid: number): Promise<Trace> {
  const calls = 'trace=fsync,fdatasync,read,readv,recvmsg,recvfrom,write,writev,sendmsg,sendto';
  // Standard error is the trace: what it holds needs no file.
  const child = spawn('strace', ['-f', '-e', calls, '-s', shownCharacters, '-p', String(pid)], {
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const lines: string[] = [];
  const closed = once(child, 'close');
  const attached = Promise.withResolvers<undefined>();
  createInterface({ input: child.stderr }).on('line', (line) => {
    if (line.includes('attached')) attached.resolve(undefined);
    const call = /^\[pid +(\d+)\] (.*)$/.exec(line);
    if (lines.length < maxLines)
      lines.push(call === null ? `0 ${line}` : `${call[1] ?? ''} ${call[2] ?? ''}`);
  });
  const limit = setTimeout(() => {
    child.kill();
  }, attachLimitMs);
  await Promise.race([
    attached.promise,
    closed.then(() => {
      throw new Error(
        `strace cannot attach; be root or set kernel.yama.ptrace_scope=0: ${lines.join(' ')}`,
      );
    }),
  ]).finally(() => {
    clearTimeout(limit);
  });
  const dispose = async (): Promise<void> => {
    letGo(child);
    await closed;
  };
  return {
    dispose,
    end: async () => {
      await dispose();
      return lines;
    },
  };
}

const sync = /^\d+ +(fsync|fdatasync)\(/;
export const noticeRead = /read.*"POST \/v1\/notifications\/midtrans /;
export const okWritten = /(write|send).*"HTTP\/1\.1 200 /;

export function countSyncs(lines: readonly string[]): number {
  return lines.filter((line) => sync.test(line)).length;
}

/** For each `to`: the syncs since the last `from` before it. Whatever has no `from` of its own is left out. */
export function syncsBetween(lines: readonly string[], from: RegExp, to: RegExp): number[] {
  const counts: number[] = [];
  let count: number | undefined;
  for (const line of lines) {
    if (from.test(line)) count = 0;
    else if (count !== undefined && sync.test(line)) count += 1;
    else if (count !== undefined && to.test(line)) {
      counts.push(count);
      count = undefined;
    }
  }
  return counts;
}

/** SIGINT makes strace let go of the process, which runs on. */
function letGo(child: ChildProcess): void {
  if (child.exitCode === null) child.kill('SIGINT');
}

/** A process that is not our child is traced by root, or where the kernel lets everybody. */
export function whyForbidden(): string | undefined {
  const file = '/proc/sys/kernel/yama/ptrace_scope';
  if (process.getuid?.() === 0 || !existsSync(file)) return undefined;
  const scope = readFileSync(file, 'utf8').trim();
  return scope === '0' ? undefined : `kernel.yama.ptrace_scope is ${scope}`;
}
