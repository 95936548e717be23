// The broker inside the relay: aedes on a TCP port, plain or TLS. A kiosk reaches its own topics alone, each in its one
// direction.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { Aedes, type AuthenticateError } from 'aedes';
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { kioskTopics, parseTopic } from '../../protocol/topics.ts';
import { createQuietLog } from '../quiet-log.ts';
import { readTls, type TlsFiles } from '../tls.ts';
import { kioskMay } from './acl.ts';
import { maxPayloadBytes, type Broker, type BrokerEvents } from './broker.ts';
import { createDoor, maxConnections, type Door } from './door.ts';
import { createGuests } from './guests.ts';
import { createOutgoing, type OutgoingMessages } from './outgoing.ts';
import { createRetained, type RetainedMessages } from './retained.ts';

export interface EmbeddedSettings {
  host: string;
  port: number;
  tls?: TlsFiles | undefined;
  /** Key and boot of that kiosk, when this token is its, alive and not revoked. Never throws for a wrong one. */
  admits(
    kioskId: string,
    token: string,
  ): Promise<{ publicKey: string; bootId: string } | undefined>;
  clock: Clock;
  log: Log;
}

/** A client that does not say who it is within this is dropped. */
const connectTimeoutMs = 10_000;
const drainTimeoutMs = 30_000;
/** After a restart all come back at once; the kernel may cut it down (net.core.somaxconn). */
const backlog = 4096;
/** An echo proves that the way is open; it carries nothing. */
const maxEchoBytes = 64;
/** Written and not taken by a client: a hundred verdicts are 200 KB. */
const maxUnsentBytes = 1024 * 1024;

/** @throws SettingFault when certificate or key cannot serve. */
export async function createEmbeddedBroker(settings: EmbeddedSettings): Promise<Broker> {
  const { clock, log } = settings;
  const warn = createQuietLog(clock, log);
  const secure = settings.tls === undefined ? undefined : readTls(settings.tls, 'mqtt.tls');
  const guests = createGuests();
  let events: BrokerEvents | undefined;
  let server: Server | undefined;
  /** Everybody who is connected: the broker knows those alone who have said who they are. */
  const sockets = new Set<Socket>();

  const aedes = await Aedes.createBroker({
    connectTimeout: connectTimeoutMs,
    drainTimeout: drainTimeoutMs,
    // Unlimited: a hundred messages to one client that takes none would make everybody wait for it.
    concurrency: 0,
    authenticate(client, username, password, done) {
      const token = password?.toString() ?? '';
      // The client id is the session: another kiosk's id would take its messages over.
      const named = username !== undefined && username === client.id ? username : undefined;
      door.named(client.conn);
      if (named !== undefined) guests.arriving(client);
      const check = named === undefined ? Promise.resolve(named) : settings.admits(named, token);
      check.then(
        (kiosk) => {
          if (kiosk === undefined) {
            done(refused(5), false);
            return;
          }
          guests.shows(client, kiosk.publicKey, kiosk.bootId);
          done(null, true);
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
        warn('broker.publish-refused', client.id);
        done(new Error('not yours'));
        return;
      }
      const payload = Buffer.from(packet.payload);
      if (payload.length > (at.leaf === 'echo' ? maxEchoBytes : maxPayloadBytes)) {
        done(new Error('too large'));
        return;
      }
      // PROTOCOL.md §5 speaks QoS 1 alone; of QoS 2 the broker would keep every message until its PUBREL.
      if (packet.qos === 2) {
        done(new Error('no such quality here'));
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
      warn('broker.subscribe-refused', client.id);
      // MQTT 3.1.1 §3.9.3: a refused subscription is answered 0x80.
      done(null, null);
    },
    authorizeForward(client, packet) {
      const unsent = client.conn.writableLength;
      if (unsent <= maxUnsentBytes) return packet;
      warn('broker.client-dropped', client.id, { reason: 'it takes nothing' });
      client.conn.destroy();
      return null;
    },
  });
  // Its types do not show that it has made itself one.
  const { persistence } = aedes as Aedes & { persistence: RetainedMessages & OutgoingMessages };
  const outgoing = createOutgoing((kioskId) => {
    warn('broker.client-dropped', kioskId, { reason: 'it acknowledges nothing' });
    guests.showOut(kioskId);
  });
  Object.assign(persistence, createRetained(), outgoing);
  const door = createDoor(clock, (reason, whose) => {
    warn('broker.connection-refused', whose, { reason });
  });
  aedes.on('clientReady', (client) => {
    door.admit(client.conn, client.id);
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
      server.on('connection', (socket) => {
        sockets.add(socket);
        socket.once('close', () => sockets.delete(socket));
      });
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
    replaced(kioskId, bootId) {
      guests.keepOnly(kioskId, bootId);
    },
    wantsPasswords: false,
    ready: () => server?.listening === true,
    async stop() {
      // Nobody comes in any more; then those whom the broker knows go, and then everybody else.
      const closed = server === undefined ? Promise.resolve() : closing(server);
      await new Promise<void>((resolve) => {
        aedes.close(() => {
          resolve();
        });
      });
      for (const socket of sockets) socket.destroy();
      await closed;
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
  // Node leaves a socket whose handshake failed, or took too long, to whoever listens here.
  listener.on('tlsClientError', (_error: Error, socket: Socket) => {
    socket.destroy();
  });
  listener.maxConnections = maxConnections;
  return listener;
}

function closing(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
  });
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
