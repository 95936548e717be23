// The device object around a line that behaves badly: opens too late, delivers too late, fails in a way of its own.
import { expect, test } from 'vitest';
import { DeviceError } from '../../drivers/device.ts';
import { createInputDevice, type Connect, type InputLine } from '../../drivers/keypad/line.ts';

const never = new AbortController().signal;

/** A line that opens when it is told to, and counts how often it was let go of. */
function lateLine(): {
  connect: Connect;
  open(): void;
  deliver(text: string): void;
  fail(error: DeviceError): void;
  closes: number;
} {
  const opened = Promise.withResolvers<InputLine>();
  const closed = Promise.withResolvers<DeviceError | undefined>();
  let sink: (bytes: Uint8Array) => void = () => undefined;
  const late = {
    closes: 0,
    connect: async (onBytes: (bytes: Uint8Array) => void) => {
      sink = onBytes;
      return opened.promise;
    },
    open: () => {
      opened.resolve({
        closed: closed.promise,
        close: async () => {
          late.closes += 1;
          closed.resolve(undefined);
          return Promise.resolve();
        },
      });
    },
    deliver: (text: string) => {
      sink(Buffer.from(text));
    },
    fail: closed.resolve,
  };
  return late;
}

test('a line that opens after it was called off is let go of', async () => {
  const line = lateLine();
  const device = createInputDevice({
    name: 'late',
    connect: line.connect,
    onBytes: () => undefined,
  });
  const stop = new AbortController();
  const opening = device.open(stop.signal);
  stop.abort();
  line.open();
  await expect(opening).rejects.toMatchObject({ kind: 'canceled' });
  expect(line.closes).toBe(1);
});

test('close while it opens waits until the line is let go of', async () => {
  const line = lateLine();
  const device = createInputDevice({
    name: 'late',
    connect: line.connect,
    onBytes: () => undefined,
  });
  const opening = expect(device.open(never)).rejects.toMatchObject({ kind: 'canceled' });
  const closing = device.close();
  line.open();
  await closing;
  expect(line.closes).toBe(1);
  await opening;
  expect(await device.closed).toBeUndefined();
});

test('bytes that arrive after close are not passed on', async () => {
  const line = lateLine();
  const got: string[] = [];
  const device = createInputDevice({
    name: 'late',
    connect: line.connect,
    onBytes: (bytes) => got.push(Buffer.from(bytes).toString()),
  });
  line.open();
  await device.open(never);
  line.deliver('a');
  await device.close();
  line.deliver('b');
  expect(got).toEqual(['a']);
});

test('why the line ended is told by `closed` and stays in the health', async () => {
  const line = lateLine();
  const device = createInputDevice({
    name: 'late',
    connect: line.connect,
    onBytes: () => undefined,
  });
  line.open();
  await device.open(never);
  const error = new DeviceError('disconnected', 'it was unplugged');
  line.fail(error);
  expect(await device.closed).toBe(error);
  await device.close();
  expect(device.health()).toEqual({
    state: 'down',
    fault: 'disconnected',
    detail: 'it was unplugged',
  });
});

test('a complaint is health of an open device alone', async () => {
  const line = lateLine();
  const device = createInputDevice({
    name: 'late',
    connect: line.connect,
    onBytes: () => undefined,
    complaint: () => 'it mumbles',
  });
  expect(device.health()).toEqual({ state: 'opening' });
  line.open();
  await device.open(never);
  expect(device.health()).toEqual({ state: 'up', fault: 'protocol', detail: 'it mumbles' });
  await device.close();
  expect(device.health().fault).toBe('canceled');
});
