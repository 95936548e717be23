// One process at a time does what two must not do at once: build a guest, fetch packages into the rig's cache. The lock is a
// name in the kernel's abstract socket space, so that nothing of it is left when its holder is killed.
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';
import { systemClock, wait } from '../../../src/lib/clock.ts';

const askAgainMs = 500;
/** A guest is built within this also where the machine is busy. */
const limitMs = 900_000;

/**
 * Runs `work` when no other process is within its own for the same name.
 * @throws what `work` throws, or an Error when another one holds the name for a quarter of an hour
 */
export async function alone<T>(name: string, work: () => Promise<T>): Promise<T> {
  // Short and of fixed length: a path may be longer than such a name.
  const address = `\0kios-rig-${createHash('sha256').update(name).digest('hex')}`;
  const untilMs = systemClock.monotonicMs() + limitMs;
  for (;;) {
    const lock = createServer();
    try {
      lock.listen(address);
      await once(lock, 'listening');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EADDRINUSE') throw error;
      if (systemClock.monotonicMs() > untilMs)
        throw new Error(`another run holds ${name}`, { cause: error });
      await wait(systemClock, askAgainMs);
      continue;
    }
    try {
      return await work();
    } finally {
      lock.close();
    }
  }
}
