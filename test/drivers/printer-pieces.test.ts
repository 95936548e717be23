// Bytes on their way to a printer, piece by piece, and what is left behind by a job that is over.
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { sendPieces } from '../../drivers/printer/pieces.ts';
import type { BytePort } from '../../drivers/ports.ts';
import { DeviceError } from '../../drivers/device.ts';

const slip = new Uint8Array(3000);

function portOf(write: (bytes: Uint8Array) => Promise<void>): BytePort {
  return {
    write,
    close: async () => undefined,
    closed: new Promise(() => undefined),
  };
}

test('all pieces leave, in order', async () => {
  const sent: number[] = [];
  const port = portOf(async ({ length }) => void sent.push(length));
  expect(await sendPieces(port, slip, new AbortController().signal)).toBe(true);
  expect(sent).toEqual([1024, 1024, 952]);
});

test('an abort ends it while a write stands still', async () => {
  const over = new AbortController();
  const port = portOf(async () => {
    over.abort();
    return new Promise(() => undefined);
  });
  expect(await sendPieces(port, slip, over.signal)).toBe(false);
});

test('nothing leaves for a job that is over already', async () => {
  let writes = 0;
  const port = portOf(async () => void writes++);
  expect(await sendPieces(port, slip, AbortSignal.abort())).toBe(false);
  expect(writes).toBe(0);
});

// A kiosk lost 3 KB with each slip: a signal made of others is never collected while somebody listens to it.
test.each([
  ['printed', async () => undefined],
  [
    'broken off',
    async () => {
      throw new DeviceError('disconnected', 'gone');
    },
  ],
] as const)('nobody listens any more to the end of a job that was %s', async (_how, write) => {
  const { signal } = new AbortController();
  await sendPieces(portOf(write), slip, signal);
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
