// A broker that is a program of its own. The relay is one of its clients: it hears every kiosk's acknowledgements and
// status, publishes their sales, and keeps who may connect.
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { kioskTopics, parseTopic } from '../../protocol/topics.ts';
import { type ExternalBrokerConfig } from '../config.ts';
import { within } from '../within.ts';
import { maxPayloadBytes, type Broker, type BrokerEvents } from './broker.ts';
import { readCa, readSecret } from './files.ts';
import { startLine, type Connection, type Line } from './line.ts';
import { createMosquittoAccounts } from './mosquitto-accounts.ts';
import { createTakeovers } from './takeover.ts';

/** How the broker is told who may connect. Each rejects when the broker could not be told. */
export interface Accounts {
  /** On every new connection, before kiosks are heard. */
  prepare(connection: Connection): Promise<void>;
  /** False: this message is not about accounts. */
  hear(topic: string, payload: Uint8Array): boolean;
  /** The connection is gone: who waits for an answer, waits for nothing. */
  lost(): void;
  admit(kioskId: string, password: string | null): Promise<void>;
  expel(kioskId: string): Promise<void>;
}

export interface ExternalBrokerParts {
  settings: ExternalBrokerConfig;
  clock: Clock;
  log: Log;
  /** 0 ≤ x < 1. */
  random: () => number;
  ledgerId: string;
  /** A fresh name for this process at the broker. */
  newId: () => string;
  /** The broker has lost its accounts: all kiosks are due. */
  forgot(): Promise<void>;
}

/** A start waits so long for the broker; later it comes by itself, and until then the relay is not ready. */
const firstConnectionMs = 3_000;

const statusTopics = 'kios/1/+/status';
const ackTopics = 'kios/1/+/ack';
/** Each acknowledgement goes to one relay. Not statuses: a shared subscription gets no retained messages. */
const sharedAckTopics = `$share/kios/${ackTopics}`;

/** @throws SettingFault when a file of the configuration cannot serve. */
export function createExternalBroker(parts: ExternalBrokerParts): Broker {
  const { settings, clock, log, random } = parts;
  const { url, username } = settings;
  const password = readSecret(settings.passwordFile, 'broker.passwordFile');
  const ca = settings.caFile === undefined ? undefined : readCa(settings.caFile, 'broker.caFile');
  const clientId = `relay-${parts.newId()}`;
  const reach = { url, username, password, ca };
  const accounts =
    settings.kind === 'mosquitto'
      ? createMosquittoAccounts({ ...parts, mark: clientId })
      : createTakeovers(reach);
  // RabbitMQ knows no shared subscriptions for MQTT: there every relay hears every acknowledgement, which does no harm.
  const acks = settings.kind === 'mosquitto' ? sharedAckTopics : ackTopics;
  let line: Line | undefined;

  function connection(): Connection {
    const up = line?.up();
    if (up === undefined) throw new Error('the broker is away');
    return up;
  }

  return {
    async start(events) {
      line = startLine({
        ...{ ...reach, clientId, clock, log, random },
        async prepare(fresh) {
          await accounts.prepare(fresh);
          await fresh.subscribe([acks, statusTopics]);
        },
        async onMessage(topic, payload) {
          if (!accounts.hear(topic, payload)) await hear(events, log, topic, payload);
        },
        onLost() {
          accounts.lost();
        },
      });
      await within(clock, firstConnectionMs, line.firstUp);
      return 0;
    },
    publish: async (kioskId, leaf, payload) =>
      connection().publish(kioskTopics(kioskId)[leaf], payload),
    async admit({ kioskId, brokerPassword }) {
      connection();
      await accounts.admit(kioskId, brokerPassword);
    },
    async expel(kioskId) {
      connection();
      await accounts.expel(kioskId);
      // Its last status would say for ever that it is there.
      await connection().publish(kioskTopics(kioskId).status, '', true);
    },
    seesListeners: false,
    wantsPasswords: settings.kind === 'mosquitto',
    ready: () => line?.up() !== undefined,
    async stop() {
      await line?.stop();
    },
  };
}

async function hear(
  events: BrokerEvents,
  log: Log,
  topic: string,
  payload: Uint8Array,
): Promise<void> {
  const at = parseTopic(topic);
  if (at === undefined || (at.leaf !== 'ack' && at.leaf !== 'status')) return;
  if (payload.length > maxPayloadBytes) {
    log.warn({ kioskId: at.kioskId }, 'broker.message-too-large');
    return;
  }
  await events.message(at.kioskId, at.leaf, payload);
}
