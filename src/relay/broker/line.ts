// The relay's own MQTT connection to a broker outside: made, prepared, and made again whenever it is lost. A message is
// acknowledged (PUBACK) only when it is stored.
import { Socket } from 'node:net';
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt';
import { backoffMs, type Backoff } from '../../lib/backoff.ts';
import { wait, type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { lineWords } from './line-words.ts';

const reconnect: Backoff = { firstMs: 250, maxMs: 10_000 };
/** A broker that hangs is noticed within one and a half of these. */
const keepaliveS = 10;
const connectTimeoutMs = 10_000;

export interface LineOptions {
  url: string;
  clientId: string;
  username: string;
  password: string;
  ca: Buffer | undefined;
  clock: Clock;
  log: Log;
  /** 0 ≤ x < 1. */
  random: () => number;
  /** Runs on every new connection before anything else is heard on it. A rejection ends the connection. */
  prepare(connection: Connection): Promise<void>;
  /** The PUBACK waits for it; a rejection ends the connection, and the message stays unacknowledged. */
  onMessage(topic: string, payload: Uint8Array): Promise<void>;
  /** A connection has ended. */
  onLost(): void;
}

/** One connection while it lasts. */
export interface Connection {
  subscribe(topics: readonly string[]): Promise<void>;
  publish(topic: string, payload: string, retain?: boolean): Promise<void>;
}

export interface Line {
  /** Resolves when the first connection is prepared. */
  readonly firstUp: Promise<void>;
  /** The connection, once it is prepared; undefined while there is none. */
  up(): Connection | undefined;
  stop(): Promise<void>;
}

/** Connects, and again with backoff, until `stop`. */
export function startLine(options: LineOptions): Line {
  const { clock, log } = options;
  const ended = new AbortController();
  const stopped = (): boolean => ended.signal.aborted;
  const firstUp = Promise.withResolvers<undefined>();
  let connection: Connection | undefined;
  let said: string | undefined;

  async function connectOnce(): Promise<boolean> {
    const client = mqtt.connect(options.url, settingsOf(options));
    // Small packets both ways: with Nagle's algorithm one waits for the other's delayed acknowledgement, 40 ms.
    if (client.stream instanceof Socket) client.stream.setNoDelay();
    const gone = Promise.withResolvers<undefined>();
    const end = (): void => void client.end(true);
    ended.signal.addEventListener('abort', end, { once: true });
    client.handleMessage = (packet, callback): void => {
      options.onMessage(packet.topic, Buffer.from(packet.payload)).then(
        () => {
          callback();
        },
        (error: unknown) => {
          log.error({ error: String(error) }, 'broker.message-failed');
          end();
        },
      );
    };
    const { connection: wrapped, lost } = connectionOf(client);
    let wasUp = false;
    client.on('connect', () => {
      options.prepare(wrapped).then(
        () => {
          if (!client.connected || stopped()) return;
          wasUp = true;
          connection = wrapped;
          said = undefined;
          log.info({}, 'broker.up');
          firstUp.resolve(undefined);
        },
        (error: unknown) => {
          if (client.connected) log.error({ error: String(error) }, 'broker.not-prepared');
          end();
        },
      );
    });
    client.on('error', (error) => {
      const words = lineWords(error);
      // Once a fault, not once a try: a broker may be away for days.
      if (words.error !== said) log.warn(words, 'broker.error');
      said = words.error;
    });
    client.on('close', () => {
      gone.resolve(undefined);
    });
    await gone.promise;
    ended.signal.removeEventListener('abort', end);
    connection = undefined;
    end();
    lost();
    options.onLost();
    return wasUp;
  }

  async function run(): Promise<void> {
    for (let attempt = 1; !stopped(); attempt++) {
      const wasUp = await connectOnce();
      if (stopped()) return;
      if (wasUp) attempt = 1;
      log.warn({ attempt }, 'broker.down');
      await wait(clock, backoffMs(reconnect, attempt, options.random()), ended.signal);
    }
  }
  const running = run();

  return {
    firstUp: firstUp.promise,
    up: () => connection,
    async stop() {
      ended.abort();
      await running;
    },
  };
}

/** What is not answered when the connection ends was not taken: `lost` tells whoever waits. */
function connectionOf(client: MqttClient): { connection: Connection; lost: () => void } {
  const waiting = new Set<(error: Error) => void>();
  async function whileUp(work: Promise<unknown>): Promise<void> {
    const cut = Promise.withResolvers<undefined>();
    waiting.add(cut.reject);
    try {
      await Promise.race([work, cut.promise]);
    } finally {
      waiting.delete(cut.reject);
    }
  }
  return {
    connection: {
      subscribe: (topics) => whileUp(client.subscribeAsync([...topics], { qos: 1 })),
      publish: (topic, payload, retain = false) =>
        whileUp(client.publishAsync(topic, payload, { qos: 1, retain })),
    },
    lost() {
      const error = new Error('the connection to the broker was lost');
      for (const reject of waiting) reject(error);
    },
  };
}

function settingsOf(options: LineOptions): IClientOptions {
  const { clientId, username, password, ca } = options;
  return {
    protocolVersion: 4,
    ...{ clientId, username, password },
    // What is published while the relay is away comes again: statuses are retained, acknowledgements are asked for.
    clean: true,
    keepalive: keepaliveS,
    connectTimeout: connectTimeoutMs,
    reconnectPeriod: 0,
    resubscribe: false,
    ...(ca === undefined ? {} : { ca }),
  };
}
