// PUBACK means stored: while the store hangs, or when it refuses, a message stays unacknowledged, whichever broker it is.
import { createServer, type AddressInfo } from 'node:net';
import { Aedes } from 'aedes';
import { connectAsync } from 'mqtt';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { createEmbeddedBroker } from '../../src/relay/broker/embedded.ts';
import { startLine } from '../../src/relay/broker/line.ts';

/** A PUBACK that comes too early is there within a few milliseconds. */
const tooEarlyMs = 150;
const aWhile = (): Promise<unknown> => new Promise((resolve) => setTimeout(resolve, tooEarlyMs));

interface Storing {
  /** Resolves when a message has come. */
  asked: Promise<unknown>;
  store(): void;
  refuse(): void;
  message: () => Promise<void>;
}

function storing(): Storing {
  const asked = Promise.withResolvers<undefined>();
  const stored = Promise.withResolvers<undefined>();
  return {
    asked: asked.promise,
    store: () => {
      stored.resolve(undefined);
    },
    refuse: () => {
      stored.reject(new Error('the store is down'));
    },
    async message() {
      asked.resolve(undefined);
      await stored.promise;
    },
  };
}

/** A kiosk at the broker inside has sent one message; whether it has the PUBACK. */
async function atBrokerInside(
  leaf: 'ack' | 'status',
): Promise<Storing & { isAcked(): boolean; acked: Promise<unknown>; closed: Promise<unknown> }> {
  const there = storing();
  const broker = await createEmbeddedBroker({
    ...{ host: '127.0.0.1', port: 0, log: silentLog, clock: systemClock },
    admits: () => Promise.resolve({ publicKey: 'key', bootId: 'boot' }),
  });
  const port = await broker.start({
    message: there.message,
    listening: () => undefined,
    gone: () => undefined,
  });
  onTestFinished(() => broker.stop());
  const client = await connectAsync(`mqtt://127.0.0.1:${port}`, {
    ...{ protocolVersion: 4, clientId: 'ksk01', username: 'ksk01', password: 'x' },
    reconnectPeriod: 0,
  });
  onTestFinished(() => client.endAsync(true));
  let isAcked = false;
  const closed = new Promise<void>((resolve) =>
    client.once('close', () => {
      resolve();
    }),
  );
  const acked = client.publishAsync(kioskTopics('ksk01')[leaf], '{}', { qos: 1 }).then(() => {
    isAcked = true;
  });
  acked.catch(() => undefined);
  await there.asked;
  return { ...there, isAcked: () => isAcked, acked, closed };
}

test.each(['ack', 'status'] as const)(
  'at the broker inside, the PUBACK of %s waits for the store',
  async (leaf) => {
    const kiosk = await atBrokerInside(leaf);
    await aWhile();
    expect(kiosk.isAcked()).toBe(false);
    kiosk.store();
    await kiosk.acked;
  },
);

test('at the broker inside, what the store refuses is never acknowledged', async () => {
  const kiosk = await atBrokerInside('ack');
  kiosk.refuse();
  await kiosk.closed;
  expect(kiosk.isAcked()).toBe(false);
});

/** A broker outside has sent the relay one message; how many PUBACKs it has. */
async function atBrokerOutside(): Promise<
  Storing & { acks(): number; acked: Promise<unknown>; lost: Promise<unknown> }
> {
  const there = storing();
  const aedes = await Aedes.createBroker();
  const server = createServer((socket) => void aedes.handle(socket));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  let acks = 0;
  const acked = Promise.withResolvers<undefined>();
  aedes.on('ack', () => {
    acks++;
    acked.resolve(undefined);
  });
  const lost = Promise.withResolvers<undefined>();
  const line = startLine({
    url: `mqtt://127.0.0.1:${(server.address() as AddressInfo).port}`,
    ...{ clientId: 'relay-1', username: 'relay', password: 'x', ca: undefined },
    ...{ clock: systemClock, log: silentLog, random: () => 0.5 },
    prepare: (connection) => connection.subscribe(['kios/1/ksk01/ack']),
    onMessage: there.message,
    onLost: () => {
      lost.resolve(undefined);
    },
  });
  onTestFinished(async () => {
    await line.stop();
    await new Promise<void>((resolve) => {
      aedes.close(resolve);
    });
    server.close();
  });
  await line.firstUp;
  aedes.publish(
    {
      ...{ cmd: 'publish', topic: 'kios/1/ksk01/ack', payload: '{}', qos: 1 },
      ...{ dup: false, retain: false },
    },
    () => undefined,
  );
  await there.asked;
  return { ...there, acks: () => acks, acked: acked.promise, lost: lost.promise };
}

test('at a broker outside, the relay’s PUBACK waits for the store', async () => {
  const relay = await atBrokerOutside();
  await aWhile();
  expect(relay.acks()).toBe(0);
  relay.store();
  await relay.acked;
});

test('at a broker outside, what the store refuses ends the connection and is never acknowledged', async () => {
  const relay = await atBrokerOutside();
  relay.refuse();
  await relay.lost;
  expect(relay.acks()).toBe(0);
});
