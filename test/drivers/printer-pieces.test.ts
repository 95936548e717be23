// Bytes on their way to a printer, piece by piece, and what is left behind by a job that is over.
import { getEventListeners } from 'node:events';
import { expect, test } from 'vitest';
import { DeviceError } from '../../drivers/device.ts';
import { sendPieces } from '../../drivers/printer/pieces.ts';
import type { BytePort } from '../../drivers/ports.ts';

type Write = BytePort['write'];

const slip = new Uint8Array(3000);
const pending = new Promise<never>(() => undefined);

function portOf(write: Write): BytePort {
  return { write, close: () => Promise.resolve(), closed: pending };
}

test('all pieces leave, in order', async () => {
  const sent: number[] = [];
  const write: Write = ({ length }) => {
    sent.push(length);
    return Promise.resolve();
  };
  expect(await sendPieces(portOf(write), slip, new AbortController().signal)).toBe(true);
  expect(sent).toEqual([1024, 1024, 952]);
});

test('an abort ends it while a write stands still', async () => {
  const over = new AbortController();
  const write: Write = () => {
    over.abort();
    return pending;
  };
  expect(await sendPieces(portOf(write), slip, over.signal)).toBe(false);
});

test('nothing leaves for a job that is over already', async () => {
  let writes = 0;
  const write: Write = () => {
    writes += 1;
    return Promise.resolve();
  };
  expect(await sendPieces(portOf(write), slip, AbortSignal.abort())).toBe(false);
  expect(writes).toBe(0);
});

// A kiosk lost 3 KB with each slip: a signal made of others is never collected while somebody listens to it.
test('nobody listens any more to the end of a job that is over', async () => {
  const { signal } = new AbortController();
  await sendPieces(
    portOf(() => Promise.resolve()),
    slip,
    signal,
  );
  expect(getEventListeners(signal, 'abort')).toEqual([]);
  const broken = new DeviceError('disconnected', 'gone');
  await sendPieces(
    portOf(() => Promise.reject(broken)),
    slip,
    signal,
  );
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});
