// The broker inside the relay: aedes on a TCP port. A kiosk reaches its own topics alone, each in its one direction.
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Aedes, type AuthenticateError, type Client } from 'aedes';
import { kioskTopics, parseTopic, type KioskTopics } from '../../protocol/topics.ts';
import { type Log } from '../../lib/log.ts';
import { type Broker, type BrokerEvents, type UpLeaf } from './broker.ts';
import { createDoor, maxConnections } from './door.ts';

export interface EmbeddedSettings {
  host: string;
  port: number;
  /** Whether this token is that kiosk's, alive and not revoked. Never throws for a wrong one. */
  admits(kioskId: string, token: string): Promise<boolean>;
  log: Log;
}

/** More than a status with every part of a kiosk in it. */
const maxPayloadBytes = 16 * 1024;
/** A client that does not say who it is within this is dropped. */
const connectTimeoutMs = 10_000;
const drainTimeoutMs = 30_000;

const mayPublish: ReadonlySet<keyof KioskTopics> = new Set(['ack', 'status', 'echo']);
const maySubscribe: ReadonlySet<keyof KioskTopics> = new Set(['sale', 'command', 'status', 'echo']);

export async function createEmbeddedBroker(settings: EmbeddedSettings): Promise<Broker> {
  const clients = new Map<string, Client>();
  let events: BrokerEvents | undefined;
  let server: Server | undefined;

  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    drainTimeout: drainTimeoutMs,
    authenticate(client, username, password, done) {
      const token = password?.toString() ?? '';
      // The client id is the session: another kiosk's id would take its messages over.
      const named = username !== undefined && username === client.id ? username : undefined;
      const check = named === undefined ? Promise.resolve(false) : settings.admits(named, token);
      check.then(
        (admitted) => {
          if (admitted) done(null, true);
          else done(refused(5), false);
        },
        (error: unknown) => {
          settings.log.error({ error: String(error) }, 'broker.authenticate-failed');
          done(refused(3), false);
        },
      );
    },
    authorizePublish(client, packet, done) {
      const topic = parseTopic(packet.topic);
      if (client === null) {
        done(null);
        return;
      }
      if (topic?.kioskId !== client.id || !mayPublish.has(topic.leaf)) {
        settings.log.warn({ kioskId: client.id }, 'broker.publish-refused');
        done(new Error('not yours'));
        return;
      }
      const payload = Buffer.from(packet.payload);
      if (payload.length > maxPayloadBytes) {
        done(new Error('too large'));
        return;
      }
      if (topic.leaf === 'echo' || events === undefined) {
        done(null);
        return;
      }
      // Before the PUBACK: acknowledged means stored.
      events.message(topic.kioskId, topic.leaf as UpLeaf, payload).then(
        () => {
          done(null);
        },
        (error: unknown) => {
          settings.log.error({ kioskId: client.id, error: String(error) }, 'broker.message-failed');
          done(new Error('not stored'));
        },
      );
    },
    authorizeSubscribe(client, subscription, done) {
      const topic = parseTopic(subscription.topic);
      if (topic?.kioskId !== client.id || !maySubscribe.has(topic.leaf)) {
        settings.log.warn({ kioskId: client.id }, 'broker.subscribe-refused');
        // MQTT 3.1.1 §3.9.3: a refused subscription is answered 0x80.
        done(null, null);
        return;
      }
      done(null, subscription);
    },
  });
  const door = createDoor((reason) => {
    settings.log.warn({ reason }, 'broker.connection-refused');
  });
  aedes.on('clientReady', (client) => {
    door.admit(client.conn);
    clients.set(client.id, client);
  });
  aedes.on('clientDisconnect', (client) => {
    // After a takeover the new connection stands under the same id.
    if (clients.get(client.id) !== client) return;
    clients.delete(client.id);
    events?.gone(client.id);
  });
  aedes.on('subscribe', (subscriptions, client) => {
    const sale = kioskTopics(client.id).sale;
    if (subscriptions.some((one) => one.topic === sale)) events?.listening(client.id);
  });
  aedes.on('clientError', (client, error) => {
    settings.log.debug({ kioskId: client.id, error: error.message }, 'broker.client-error');
  });
  aedes.on('connectionError', (_client, error) => {
    settings.log.debug({ error: error.message }, 'broker.connection-error');
  });

  return {
    async start(told) {
      events = told;
      const listening = createServer((socket) => {
        aedes.handle(door.enter(socket));
      });
      listening.maxConnections = maxConnections;
      server = listening;
      await new Promise<void>((resolve, reject) => {
        listening.once('error', reject);
        listening.listen(settings.port, settings.host, resolve);
      });
      return (listening.address() as AddressInfo).port;
    },
    publish: (kioskId, leaf, payload) =>
      new Promise((resolve, reject) => {
        const packet = {
          cmd: 'publish' as const,
          qos: 1 as const,
          dup: false,
          retain: false,
          topic: kioskTopics(kioskId)[leaf],
          payload,
        };
        aedes.publish(packet, (error) => {
          if (error == null) resolve();
          else reject(error);
        });
      }),
    // Whoever connects shows a token, which is checked against the store: there is nothing to prepare.
    admit(kioskId) {
      clients.get(kioskId)?.close();
      return Promise.resolve();
    },
    expel(kioskId) {
      clients.get(kioskId)?.close();
      return Promise.resolve();
    },
    ready: () => server?.listening === true,
    async stop() {
      await new Promise<void>((resolve) => {
        aedes.close(() => {
          resolve();
        });
      });
      const listening = server;
      if (listening === undefined) return;
      await new Promise<void>((resolve) => {
        listening.close(() => {
          resolve();
        });
      });
    },
  };
}

/** MQTT 3.1.1 §3.2.2.3: 3 the server is unavailable, 5 not authorised. */
function refused(returnCode: 3 | 5): AuthenticateError {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- aedes' enum does not exist at run time.
  return Object.assign(new Error('refused'), { returnCode });
}
