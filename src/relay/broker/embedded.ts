// The broker inside the relay: aedes on a TCP port, plain or TLS. A kiosk reaches its own topics alone, each in its one
// direction.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AuthenticateError } from 'aedes';
import { kioskTopics, parseTopic } from '../../protocol/topics.ts';
import { type Log } from '../../lib/log.ts';
import { readTls, type TlsFiles } from '../tls.ts';
import { kioskMay } from './acl.ts';
import { maxPayloadBytes, type Broker, type BrokerEvents } from './broker.ts';
import { createDoor, maxConnections, type Door } from './door.ts';
import { createGuests } from './guests.ts';

export interface EmbeddedSettings {
  host: string;
  port: number;
  tls?: TlsFiles | undefined;
  /** The key of that kiosk, when this token is its, alive and not revoked. Never throws for a wrong one. */
  admits(kioskId: string, token: string): Promise<string | undefined>;
  log: Log;
}

/** A client that does not say who it is within this is dropped. */
const connectTimeoutMs = 10_000;
const drainTimeoutMs = 30_000;
/** After a restart all come back at once; the kernel may cut it down (net.core.somaxconn). */
const backlog = 4096;

/** @throws SettingFault when certificate or key cannot serve. */
export async function createEmbeddedBroker(settings: EmbeddedSettings): Promise<Broker> {
  const { log } = settings;
  const secure = settings.tls === undefined ? undefined : readTls(settings.tls, 'mqtt.tls');
  const guests = createGuests();
  let events: BrokerEvents | undefined;
  let server: Server | undefined;

  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    drainTimeout: drainTimeoutMs,
    authenticate(client, username, password, done) {
      const token = password?.toString() ?? '';
      // The client id is the session: another kiosk's id would take its messages over.
      const named = username !== undefined && username === client.id ? username : undefined;
      door.named(client.conn);
      if (named !== undefined) guests.arriving(client);
      const check = named === undefined ? Promise.resolve(named) : settings.admits(named, token);
      check.then(
        (key) => {
          if (key !== undefined) guests.shows(client, key);
          if (key !== undefined) done(null, true);
          else done(refused(5), false);
        },
        (error: unknown) => {
          log.error({ error: String(error) }, 'broker.authenticate-failed');
          done(refused(3), false);
        },
      );
    },
    authorizePublish(client, packet, done) {
      if (client === null) {
        done(null);
        return;
      }
      const at = parseTopic(packet.topic);
      if (at === undefined || !kioskMay(client.id, 'publish', packet.topic)) {
        log.warn({ kioskId: client.id }, 'broker.publish-refused');
        done(new Error('not yours'));
        return;
      }
      const payload = Buffer.from(packet.payload);
      if (payload.length > maxPayloadBytes) {
        done(new Error('too large'));
        return;
      }
      if ((at.leaf !== 'ack' && at.leaf !== 'status') || events === undefined) {
        done(null);
        return;
      }
      // Before the PUBACK: acknowledged means stored.
      events.message(at.kioskId, at.leaf, payload).then(
        () => {
          done(null);
        },
        (error: unknown) => {
          log.error({ kioskId: client.id, error: String(error) }, 'broker.message-failed');
          done(new Error('not stored'));
        },
      );
    },
    authorizeSubscribe(client, subscription, done) {
      if (kioskMay(client.id, 'subscribe', subscription.topic)) {
        done(null, subscription);
        return;
      }
      log.warn({ kioskId: client.id }, 'broker.subscribe-refused');
      // MQTT 3.1.1 §3.9.3: a refused subscription is answered 0x80.
      done(null, null);
    },
  });
  const door = createDoor((reason) => {
    log.warn({ reason }, 'broker.connection-refused');
  });
  aedes.on('clientReady', (client) => {
    door.admit(client.conn);
    guests.arrived(client);
  });
  aedes.on('clientDisconnect', (client) => {
    // After a takeover the new connection stands under the same id.
    if (guests.left(client)) events?.gone(client.id);
  });
  aedes.on('subscribe', (subscriptions, client) => {
    const sale = kioskTopics(client.id).sale;
    if (subscriptions.some((one) => one.topic === sale)) events?.listening(client.id);
  });
  aedes.on('clientError', (client, error) => {
    log.debug({ kioskId: client.id, error: error.message }, 'broker.client-error');
  });
  aedes.on('connectionError', (_client, error) => {
    log.debug({ error: error.message }, 'broker.connection-error');
  });

  return {
    async start(told) {
      events = told;
      server = listenerOf(secure, door, (socket) => void aedes.handle(socket));
      return listen(server, settings);
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
    admit({ kioskId, publicKey }) {
      guests.showOut(kioskId, publicKey);
      return Promise.resolve();
    },
    expel(kioskId) {
      guests.showOut(kioskId);
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

/** Every connection waits at the door from its first packet on, so that its limits hold before TLS is done as well. */
function listenerOf(
  secure: ReturnType<typeof readTls> | undefined,
  door: Door,
  handle: (socket: Socket) => void,
): Server {
  const enter = (socket: Socket): void => {
    door.enter(socket);
    handle(socket);
  };
  // Small packets both ways: with Nagle's algorithm one waits for the other's delayed acknowledgement, 40 ms.
  const quick = { noDelay: true };
  const listener =
    secure === undefined
      ? createServer(quick)
      : createTlsServer({ ...quick, ...secure, handshakeTimeout: connectTimeoutMs });
  listener.on('connection', (socket: Socket) => {
    door.knock(socket);
    if (secure === undefined) enter(socket);
  });
  listener.on('secureConnection', enter);
  listener.maxConnections = maxConnections;
  return listener;
}

async function listen(server: Server, at: { host: string; port: number }): Promise<number> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen({ port: at.port, host: at.host, backlog }, resolve);
  });
  return (server.address() as AddressInfo).port;
}

/** MQTT 3.1.1 §3.2.2.3: 3 the server is unavailable, 5 not authorised. */
function refused(returnCode: 3 | 5): AuthenticateError {
  // eslint-disable-next-line @typescript-eslint/no-unsafe-enum-assignment -- aedes' enum does not exist at run time.
  return Object.assign(new Error('refused'), { returnCode });
}
