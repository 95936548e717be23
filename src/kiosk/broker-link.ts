// The kiosk's MQTT line. A message is acknowledged (PUBACK) only when it is stored; nothing depends on this line alone.
import { MqttClient, type IClientOptions, type IPublishPacket } from 'mqtt';
import { KiosError } from '../protocol/errors.ts';
import { sale as saleSchema } from '../protocol/sale.ts';
import {
  commandMessage,
  kioskTopics,
  statusMessage,
  type StatusMessage,
} from '../protocol/topics.ts';
import { backoffMs, type Backoff } from '../lib/backoff.ts';
import { wait, type Clock } from '../lib/clock.ts';
import { openBrokerLine } from './broker-line.ts';
import type { Log } from '../lib/log.ts';
import type { Told } from './state.ts';
import type { RelayClient } from './relay-client.ts';

const reconnect: Backoff = { firstMs: 500, maxMs: 30_000 };
const keepaliveS = 30;
const connectTimeoutMs = 10_000;
/** For a broker to hear the goodbye; its will says the same. */
const goodbyeMs = 2_000;

export interface BrokerLink {
  /** Tells the relay that everything up to `upTo` is stored. Lost when the line is down: HTTP does it then. */
  ack(ledgerId: string, upTo: number): boolean;
  /** Publishes the kiosk's condition, retained. */
  status(message: Omit<StatusMessage, 'connection'>): void;
  stop(): Promise<void>;
}

export interface BrokerLinkOptions {
  url: string;
  kioskId: string;
  /** From enrolment, where the broker cannot check tokens; otherwise a fresh token is shown at every connection. */
  brokerPassword?: string | undefined;
  client: RelayClient;
  clock: Clock;
  log: Log;
  random: () => number;
  /** The will, and the status before the first one is given. */
  offline: Omit<StatusMessage, 'connection'>;
  /** Resolves when the document is on disk; only then the broker may forget it. */
  onTold: (told: Told) => Promise<void>;
  /** A command's token, unproved. The relay tells it again until it is answered. */
  onCommand?: (token: string) => Promise<void>;
  onChange: (up: boolean) => void;
}

/** Connects, and again whenever the line is lost, until `stop`. */
export function startBrokerLink(options: BrokerLinkOptions): BrokerLink {
  const { url, kioskId, client, clock, log, random, offline, onTold, onChange } = options;
  const { onCommand } = options;
  const topics = kioskTopics(kioskId);
  const ended = new AbortController();
  const stopped = (): boolean => ended.signal.aborted;
  let line: MqttClient | undefined;
  // Counts on over restarts of this process, so that within one boot a later connection always has the higher number.
  let connection = Math.floor(clock.monotonicMs());
  let latest = offline;

  /** Only our own parse and proof errors are poison: they are counted and put away, never asked for again. */
  const take = async ({ topic, retain }: IPublishPacket, payload: Buffer): Promise<void> => {
    // A retained one is from before this connection, which says its own right after.
    if (topic === topics.status && !retain) watchStatus(payload);
    if (topic !== topics.sale && topic !== topics.command) return;
    try {
      if (topic === topics.command) {
        await onCommand?.(commandMessage.parse(JSON.parse(payload.toString('utf8'))).token);
        return;
      }
      const document = saleSchema.parse(JSON.parse(payload.toString('utf8')));
      await onTold(await client.prove(document, clock.monotonicMs()));
    } catch (error) {
      if (error instanceof KiosError && error.code !== 'bad-proof') throw error;
      log.warn(
        { topic, reason: error instanceof Error ? error.name : 'unknown' },
        'broker.bad-message',
      );
    }
  };

  const connectOnce = async (): Promise<{ wasUp: boolean; reason: string }> => {
    connection++;
    let reason = 'the line was lost';
    const failed = (error: Error): void => {
      reason = reasonOf(error);
    };
    const will = JSON.stringify({ ...offline, connection });
    const settings: IClientOptions = {
      protocolVersion: 4,
      clientId: kioskId,
      username: kioskId,
      password: options.brokerPassword ?? (await client.brokerToken()),
      clean: false,
      keepalive: keepaliveS,
      connectTimeout: connectTimeoutMs,
      reconnectPeriod: 0,
      resubscribe: false,
      // Two bytes for each of 65,536 numbers, made beforehand: 30 ms and 10 MB for a few packets a minute.
      writeCache: false,
      will: { topic: topics.status, payload: Buffer.from(will), qos: 1, retain: true },
    };
    const opened = new MqttClient(() => openBrokerLine(url, failed), settings);
    // mqtt.js sends the PUBACK when this calls back, so the callback waits for the disk.
    opened.handleMessage = (packet, callback): void => {
      take(packet, Buffer.from(packet.payload)).then(
        () => {
          callback();
        },
        (error: unknown) => {
          callback(error instanceof Error ? error : new Error('not stored'));
        },
      );
    };
    const gone = Promise.withResolvers<undefined>();
    const stop = (): void => {
      opened.end(true);
      // A goodbye that nobody answers holds the line against `end`.
      opened.stream.destroy();
    };
    ended.signal.addEventListener('abort', stop, { once: true });
    let wasUp = false;
    opened.on('connect', () => {
      opened.subscribe([topics.sale, topics.command, topics.status], { qos: 1 }, (error) => {
        if (error !== null) {
          reason = 'it lets this kiosk listen to nothing';
          opened.end(true);
          return;
        }
        wasUp = true;
        line = opened;
        publishStatus();
        log.info({ connection }, 'broker.up');
        onChange(true);
      });
    });
    opened.on('error', failed);
    opened.on('close', () => {
      gone.resolve(undefined);
    });
    await gone.promise;
    ended.signal.removeEventListener('abort', stop);
    line = undefined;
    opened.end(true);
    return { wasUp, reason };
  };

  const publishStatus = (): void => {
    line?.publish(topics.status, JSON.stringify({ ...latest, connection }), {
      qos: 1,
      retain: true,
    });
  };

  /** An old connection's will may land after this one has spoken (PROTOCOL.md §5). Our own words are left alone. */
  const watchStatus = (payload: Buffer): void => {
    let said: unknown;
    try {
      said = JSON.parse(payload.toString('utf8'));
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
    }
    const status = statusMessage.safeParse(said).data;
    if (status?.bootId === offline.bootId && status.connection === connection) return;
    log.info({ connection }, 'broker.old-will');
    publishStatus();
  };

  const run = async (): Promise<void> => {
    let told = '';
    for (let attempt = 1; !stopped(); attempt++) {
      const { wasUp, reason } = await connectOnce();
      if (stopped()) break;
      // Once for each reason, not for each try.
      if (wasUp || reason !== told) log.warn({ attempt, reason }, 'broker.down');
      told = reason;
      if (wasUp) attempt = 1;
      onChange(false);
      await wait(clock, backoffMs(reconnect, attempt, random()), ended.signal);
    }
  };
  const running = run();

  return {
    ack: (ledgerId, upTo) => {
      if (line === undefined) return false;
      line.publish(topics.ack, JSON.stringify({ ledgerId, upTo }), { qos: 1 });
      return true;
    },
    status: (message) => {
      latest = message;
      publishStatus();
    },
    stop: async () => {
      const open = line;
      if (open !== undefined) {
        open.publish(topics.status, JSON.stringify({ ...offline, connection }), {
          qos: 1,
          retain: true,
        });
        const heard = new AbortController();
        open.end(false, {}, () => {
          heard.abort();
        });
        await wait(clock, goodbyeMs, heard.signal);
      }
      ended.abort();
      await running;
    },
  };
}

/** MQTT 3.1.1 §3.2.2.3, table 3.1. */
const refusals: readonly string[] = [
  'it was taken',
  'it does not speak MQTT 3.1.1',
  'it refuses the client id of this kiosk',
  'it is not ready',
  'it refuses the password of this kiosk',
  'it does not let this kiosk in',
];

/** Why there is no line, in words and without anything secret. */
function reasonOf(error: Error & { code?: unknown }): string {
  const { code } = error;
  if (typeof code === 'number') return refusals[code] ?? `it refuses with code ${code}`;
  return typeof code === 'string' ? `no connection (${code})` : error.message;
}
