// A process of the benches: forked, ready when it has sent its first message, gone when we let go of it.
import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

export interface Child<Ready> {
  process: ChildProcess;
  pid: number;
  /** Its first message. */
  ready: Ready;
  end(): Promise<void>;
}

/**
 * @param at beside whom the file is: `import.meta.url`.
 * @throws when it ends before it is ready.
 */
export async function startChild<Ready>(
  at: string,
  file: string,
  args: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<Child<Ready>> {
  const child = fork(fileURLToPath(new URL(file, at)), args, {
    execArgv: [],
    env: { ...process.env, ...env },
  });
  const ended = once(child, 'exit');
  const ready = await Promise.race([
    once(child, 'message').then(([first]) => first as Ready),
    ended.then(([code]) => {
      throw new Error(`${file} ended with ${String(code)} before it was ready`);
    }),
  ]);
  return {
    process: child,
    pid: child.pid ?? 0,
    ready,
    end: async () => {
      // Every child of ours ends when its channel does.
      if (child.connected) child.disconnect();
      await ended;
    },
  };
}

/** In the child: tells that it is ready, and ends it when its parent lets go or is gone. */
export function readyChild(ready: unknown): void {
  process.once('disconnect', () => process.exit(0));
  process.send?.(ready);
}
