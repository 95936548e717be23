// What one kiosk can do to the broker inside, with a key that was stolen: it is cut off, and the others notice nothing.
import { connect, type Socket } from 'node:net';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { type Broker } from '../../src/relay/broker/broker.ts';
import { createEmbeddedBroker } from '../../src/relay/broker/embedded.ts';
import { maxWaiting } from '../../src/relay/broker/door.ts';
import { maxUnacknowledged, maxUnacknowledgedBytes } from '../../src/relay/broker/outgoing.ts';
import {
  connectFrame,
  publishFrame,
  readFrames,
  subscribeFrame,
  type Heard,
} from '../bench/mqtt-frames.ts';

let broker: Broker;
let port: number;
let taken: number;
let lines: string[];
let open: Socket[];

beforeEach(async () => {
  taken = 0;
  lines = [];
  open = [];
  broker = await createEmbeddedBroker({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock },
    log: pino({}, { write: (line: string) => void lines.push(line) }),
    admits: () => Promise.resolve({ publicKey: 'key', bootId: 'boot' }),
  });
  port = await broker.start({
    message() {
      taken++;
      return Promise.resolve();
    },
    listening: () => undefined,
    gone: () => undefined,
  });
});
afterEach(async () => {
  for (const socket of open) socket.destroy();
  await broker.stop();
});

interface Line {
  socket: Socket;
  heard: Heard[];
  closed: Promise<void>;
  until(fits: () => boolean): Promise<void>;
}

/** Connects, and acknowledges nothing that it hears. */
async function join(kioskId: string, { clean = false } = {}): Promise<Line> {
  const socket = connect(port, '127.0.0.1');
  open.push(socket);
  socket.on('error', () => undefined);
  const heard: Heard[] = [];
  let rest: Buffer = Buffer.alloc(0);
  socket.on('data', (chunk: Buffer) => {
    const read = readFrames(Buffer.concat([rest, chunk]));
    rest = read.rest;
    heard.push(...read.heard);
  });
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      resolve();
    }),
  );
  const line: Line = {
    ...{ socket, heard, closed },
    async until(fits) {
      while (!fits() && !socket.destroyed)
        await Promise.race([new Promise((go) => socket.once('data', go)), closed]);
      if (!fits()) throw new Error('closed');
    },
  };
  const will = { topic: kioskTopics(kioskId).status, payload: '{}' };
  const hello = connectFrame({ kioskId, password: 'x', will, keepaliveS: 60 });
  // MQTT 3.1.1 §3.1.2.4: bit 1 of the flags, which follow length, protocol name and level.
  if (clean) hello.writeUInt8(hello.readUInt8(9) | 2, 9);
  socket.write(hello);
  await line.until(() => heard.some(({ kind }) => kind === 'connack'));
  return line;
}

async function subscribe(line: Line, ...topics: string[]): Promise<void> {
  line.socket.write(subscribeFrame(1, topics));
  await line.until(() => line.heard.some(({ kind }) => kind === 'suback'));
}

/** A kiosk like the others is served at once. */
async function isServed(kioskId: string): Promise<void> {
  const line = await join(kioskId);
  await subscribe(line, kioskTopics(kioskId).sale);
  await broker.publish(kioskId, 'sale', 'document');
  await line.until(() => line.heard.some(({ kind }) => kind === 'publish'));
}

test('one that sends more than a kiosk may is cut off, and does not come back with a fresh allowance', async () => {
  const flood = Buffer.concat(
    Array.from({ length: 5_000 }, (_, at) => publishFrame(at + 1, kioskTopics('loud1').ack, '{}')),
  );
  const first = await join('loud1');
  first.socket.write(flood);
  await first.closed;
  const afterFirst = taken;
  expect(afterFirst).toBeLessThanOrEqual(2_000);
  for (let i = 0; i < 20; i++) {
    const again = await join('loud1').catch(() => undefined);
    again?.socket.write(flood);
    await again?.closed;
  }
  expect(taken - afterFirst).toBeLessThan(3_000);
  await isServed('quiet');
});

test('silent connections of one address push each other out, not a slow kiosk of another', async () => {
  const slow = connect({ port, host: '127.0.0.1', localAddress: '127.0.0.2' });
  open.push(slow);
  let ended = false;
  slow.once('close', () => (ended = true));
  await new Promise((go) => slow.once('connect', go));
  const silent = await Promise.all(
    Array.from({ length: maxWaiting + 100 }, async () => {
      const socket = connect(port, '127.0.0.1');
      open.push(socket);
      socket.on('error', () => undefined);
      await new Promise((go) => socket.once('connect', go));
      return socket;
    }),
  );
  while (silent.filter((socket) => socket.destroyed).length < 101) {
    await new Promise((go) => setImmediate(go));
  }
  expect(ended).toBe(false);
  expect(lines.filter((text) => text.includes('broker.connection-refused'))).toHaveLength(1);
});

test('what is cut off is told in one line a minute, with its kiosk', async () => {
  const line = await join('loud2');
  const wanted = Array.from({ length: 500 }, (_, at) => `kios/1/other/${at}`);
  await subscribe(line, ...wanted);
  const told = lines.filter((text) => text.includes('broker.subscribe-refused'));
  expect(told).toHaveLength(1);
  expect(told[0]).toContain('"cause":"loud2"');
});

test('an echo carries nothing: 64 bytes pass, more do not', async () => {
  const line = await join('loud3');
  const { echo } = kioskTopics('loud3');
  line.socket.write(publishFrame(1, echo, 'x'.repeat(64)));
  await line.until(() => line.heard.some(({ kind }) => kind === 'puback'));
  line.socket.write(publishFrame(2, echo, 'x'.repeat(65)));
  await line.closed;
});

test('a message at QoS 2 ends the connection: the broker would keep it until its PUBREL', async () => {
  const line = await join('loud4');
  const twice = publishFrame(1, kioskTopics('loud4').status, '{}');
  twice.writeUInt8(0x34, 0);
  line.socket.write(twice);
  await line.closed;
  expect(taken).toBe(1); // Its will.
});

test.each([
  ['many', maxUnacknowledged + 1, 'document'],
  ['large', maxUnacknowledgedBytes / 16_384 + 1, 'x'.repeat(16_384)],
])(
  'a kiosk that acknowledges nothing loses its connection and what waits for it: %s messages',
  async (_how, count, payload) => {
    const kioskId = 'mute1';
    const line = await join(kioskId);
    await subscribe(line, kioskTopics(kioskId).sale);
    for (let i = 0; i < count; i++) await broker.publish(kioskId, 'sale', payload);
    await line.closed;
    const again = await join(kioskId);
    await subscribe(again, kioskTopics(kioskId).sale);
    expect(again.heard.filter(({ kind }) => kind === 'publish')).toEqual([]);
    await isServed('quiet');
  },
);

test('one that takes nothing off the wire keeps nobody waiting, and is dropped', async () => {
  const line = await join('deaf1', { clean: true });
  await subscribe(line, kioskTopics('deaf1').sale);
  line.socket.pause();
  const letters: Promise<void>[] = [];
  for (let i = 0; i < 1_000; i++) {
    letters.push(broker.publish('deaf1', 'sale', 'x'.repeat(16_384)));
    if (i % 10 === 0) await new Promise((go) => setImmediate(go));
  }
  await isServed('quiet');
  await Promise.all(letters);
  line.socket.resume();
  await line.closed;
});
