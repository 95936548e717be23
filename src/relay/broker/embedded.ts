// The broker inside the relay: aedes on a TCP port, plain or TLS. What a client may do there: rules.ts.
import { Aedes } from 'aedes';
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { kioskTopics } from '../../protocol/topics.ts';
import { createQuietLog } from '../quiet-log.ts';
import { readTls, type TlsFiles } from '../tls.ts';
import { type Broker, type BrokerEvents } from './broker.ts';
import { createDoor, type Door } from './door.ts';
import { createGuests, type Guests } from './guests.ts';
import { connectTimeoutMs, createListener } from './listener.ts';
import { createOutgoing, type OutgoingMessages } from './outgoing.ts';
import { createRetained, type RetainedMessages } from './retained.ts';
import { brokerRules, type Admits } from './rules.ts';

export interface EmbeddedSettings {
  host: string;
  port: number;
  tls?: TlsFiles | undefined;
  admits: Admits;
  clock: Clock;
  log: Log;
}

const drainTimeoutMs = 30_000;

/** @throws SettingFault when certificate or key cannot serve. */
export async function createEmbeddedBroker(settings: EmbeddedSettings): Promise<Broker> {
  const { clock, log, admits } = settings;
  const warn = createQuietLog(clock, log);
  const secure = settings.tls === undefined ? undefined : readTls(settings.tls, 'mqtt.tls');
  const guests = createGuests();
  const door = createDoor(clock, (reason, whose) => {
    warn('broker.connection-refused', whose, { reason });
  });
  let events: BrokerEvents | undefined;
  const told = (): BrokerEvents | undefined => events;
  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    drainTimeout: drainTimeoutMs,
    // Unlimited: a hundred messages to one client that takes none would make everybody wait for it.
    concurrency: 0,
    ...brokerRules({ admits, guests, door, log, warn, told }),
  });
  keepLittle(aedes, (kioskId) => {
    warn('broker.client-dropped', kioskId, { reason: 'it acknowledges nothing' });
    guests.showOut(kioskId);
  });
  tellOfClients(aedes, { guests, door, log, told });
  const listener = createListener(secure, door, (socket) => void aedes.handle(socket));

  return {
    async start(to) {
      events = to;
      return listener.listen(settings);
    },
    publish: (kioskId, leaf, payload) => publish(aedes, kioskTopics(kioskId)[leaf], payload),
    // Whoever connects shows a token, which is checked against the store: there is nothing to prepare.
    admit({ kioskId, publicKey }) {
      guests.showOut(kioskId, publicKey);
      return Promise.resolve();
    },
    expel(kioskId) {
      guests.showOut(kioskId);
      return Promise.resolve();
    },
    replaced(kioskId, bootId) {
      guests.keepOnly(kioskId, bootId);
    },
    seesListeners: true,
    wantsPasswords: false,
    ready: () => listener.listening(),
    async stop() {
      // Nobody comes in any more; then those whom the broker knows go, and then everybody else.
      const closed = listener.close();
      await new Promise<void>((resolve) => {
        aedes.close(() => {
          resolve();
        });
      });
      listener.clear();
      await closed;
    },
  };
}

/** Retained and outgoing messages as a relay needs them, in the place of aedes' own. */
function keepLittle(aedes: Aedes, onStuck: (kioskId: string) => void): void {
  // Its types do not show that it has made itself one.
  const { persistence } = aedes as Aedes & { persistence: RetainedMessages & OutgoingMessages };
  Object.assign(persistence, createRetained(), createOutgoing(onStuck));
}

interface Told {
  guests: Guests;
  door: Door;
  log: Log;
  told: () => BrokerEvents | undefined;
}

function tellOfClients(aedes: Aedes, { guests, door, log, told }: Told): void {
  aedes.on('clientReady', (client) => {
    door.admit(client.conn, client.id);
    guests.arrived(client);
  });
  aedes.on('clientDisconnect', (client) => {
    // After a takeover the new connection stands under the same id.
    if (guests.left(client)) told()?.gone(client.id);
  });
  aedes.on('subscribe', (subscriptions, client) => {
    const sale = kioskTopics(client.id).sale;
    if (subscriptions.some((one) => one.topic === sale)) told()?.listening(client.id);
  });
  aedes.on('clientError', (client, error) => {
    log.debug({ kioskId: client.id, error: error.message }, 'broker.client-error');
  });
  aedes.on('connectionError', (_client, error) => {
    log.debug({ error: error.message }, 'broker.connection-error');
  });
}

function publish(aedes: Aedes, topic: string, payload: string): Promise<void> {
  const how = { cmd: 'publish' as const, qos: 1 as const, dup: false, retain: false };
  return new Promise((resolve, reject) => {
    aedes.publish({ ...how, topic, payload }, (error) => {
      if (error == null) resolve();
      else reject(error);
    });
  });
}
