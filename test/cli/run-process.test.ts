// What a process does with a signal, whenever it comes.
import { expect, test } from 'vitest';
import { runUntilSignal } from '../../src/cli/run-process.ts';

test('a signal during the start ends it cleanly when the start is done', async () => {
  const done: string[] = [];
  await runUntilSignal(() => {
    process.emit('SIGTERM');
    done.push('started');
    return Promise.resolve({
      stop: () => {
        done.push('stopped');
        return Promise.resolve();
      },
    });
  });
  expect(done).toEqual(['started', 'stopped']);
  expect(process.exitCode).toBe(0);
});
