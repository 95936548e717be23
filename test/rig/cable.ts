// A serial cable made of the kernel's own pty: the driver opens its near end with the real serial library, a simulator's
// unix socket is at the far end. Unplugging it takes the terminal away as a USB adapter's does.
import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { open, type FileHandle } from 'node:fs/promises';

export interface Cable {
  plug(): Promise<void>;
  unplug(): Promise<void>;
}

/** Why there are no cables here, or undefined. */
export function whyNoCable(): string | undefined {
  return spawnSync('socat', ['-V'], { stdio: 'ignore' }).status === 0
    ? undefined
    : 'socat is missing: apt-get install socat';
}

/** Not plugged in yet. `near` is the path that the driver opens, `far` the socket at which a simulator listens. */
export function createCable(near: string, far: string): Cable {
  let socat: { process: ChildProcess; exited: Promise<unknown> } | undefined;
  let keeper: FileHandle | undefined;
  return {
    plug: async () => {
      const next = spawn('socat', ['-d', '-d', `PTY,rawer,link=${near}`, `UNIX-CONNECT:${far}`], {
        stdio: ['ignore', 'ignore', 'pipe'],
      });
      socat = { process: next, exited: once(next, 'exit') };
      let said = '';
      for await (const chunk of next.stderr.iterator({ destroyOnReturn: false })) {
        said += String(chunk);
        if (said.includes('starting data transfer loop')) break;
      }
      if (!said.includes('starting data transfer loop')) throw new Error(`socat: ${said}`);
      next.stderr.resume();
      // A pty hangs up when its last reader leaves; a serial port does not.
      keeper = await open(near, 'r+');
    },
    unplug: async () => {
      await keeper?.close();
      keeper = undefined;
      socat?.process.kill();
      await socat?.exited;
      socat = undefined;
    },
  };
}
