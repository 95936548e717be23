// The relay, put together: store, gateway, broker, publisher, reconcile and HTTP. Holds the Server Key; never shows it.
import { randomBytes, randomUUID } from 'node:crypto';
import { type AddressInfo } from 'node:net';
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { createApp, type App } from './app.ts';
import { createAuth, type Auth } from './auth.ts';
import { createBackground, type Background } from './background.ts';
import { type Broker } from './broker/broker.ts';
import { brokerUrl, createBroker } from './broker/open.ts';
import { holdBrokerInside } from './broker/sole.ts';
import { type RelayConfig } from './config.ts';
import { watchConnections } from './connections.ts';
import { startAccounts } from './fleet/accounts.ts';
import { startCommands } from './fleet/commands.ts';
import { createPresence } from './fleet/presence.ts';
import { type Hops } from './hops.ts';
import { openKeyChain, type KeyChain } from './key-chain.ts';
import { watchLedger } from './ledger-watch.ts';
import { createLetters, type Letters } from './letters.ts';
import { createMetrics, type Metrics } from './metrics.ts';
import { withBreaker } from './midtrans/breaker.ts';
import { createInquiries } from './notices.ts';
import { type Signer } from './proofs.ts';
import { startPublisher, type Publisher } from './publisher.ts';
import { createQuietLog } from './quiet-log.ts';
import { startReconcile } from './reconcile.ts';
import { startRefunds } from './refund.ts';
import { readServerKey } from './server-key.ts';
import { connectDatabase } from './store/connect.ts';
import { openStore } from './store/open.ts';
import { type Store } from './store/store.ts';
import { midtransOf } from './upstream.ts';
import { within } from './within.ts';

export interface RelayParts {
  clock: Clock;
  /** 0 ≤ x < 1, for jitter alone; keys and codes come from node:crypto. */
  random: () => number;
  log: Log;
  /** systemd's `$CREDENTIALS_DIRECTORY`. */
  credentialsDirectory?: string | undefined;
}

export interface Relay {
  /** Rejects when the key, the store or a port cannot be had; then nothing is left open. */
  start(): Promise<{ httpPort: number; mqttPort: number }>;
  /** Takes nothing new, lets what runs end, closes; within 10 s. What was cut off goes on at the next start. */
  stop(): Promise<void>;
  /** Resolves when this relay must not go on: its ledger was replaced beneath it. Whoever runs it stops it. */
  ended: Promise<Error>;
}

/** Together below the 10 s that a stop may take: requests in flight, then the work behind them. */
const closeMs = 5_500;
const drainMs = 2_500;

/** One relay process. Nothing is opened before `start`. */
export function createRelay(config: RelayConfig, parts: RelayParts): Relay {
  let running: Running | undefined;
  const ended = Promise.withResolvers<Error>();
  return {
    ended: ended.promise,
    async start() {
      const serverKey = readServerKey(config.midtrans, parts.credentialsDirectory);
      running = await startParts(config, { ...parts, serverKey, end: ended.resolve });
      return running.ports;
    },
    async stop() {
      await running?.stop();
      running = undefined;
    },
  };
}

interface Running {
  ports: { httpPort: number; mqttPort: number };
  stop(): Promise<void>;
}

interface StartParts extends RelayParts {
  serverKey: string;
  /** This relay must not go on. */
  end: (why: Error) => void;
}

async function startParts(config: RelayConfig, parts: StartParts): Promise<Running> {
  // Whatever was opened is closed in the opposite order: at once when something cannot be had, else at the stop.
  await using opened = new AsyncDisposableStack();
  const base = await openBase(config, parts, opened);
  const { store, log, metrics, letters, signer, background, clock, random } = base;
  const reach: { publisher?: Publisher; accepting: boolean } = { accepting: true };
  const wake = (kioskId: string): void => reach.publisher?.wake(kioskId);
  store.onAnnounced(wake);
  const hops = openHops(config, parts, base, opened);
  const broker = await createBroker(config, base);
  base.reach.broker = broker;
  opened.defer(() => broker.stop()); // Also one that cannot have its port keeps the process alive.
  opened.defer(() => background.drain(drainMs));
  const mqttPort = await broker.start(
    createPresence({ store, clock, log, metrics, letters, wake }),
  );
  const publisher = startPublisher({
    ...{ store, broker, signer, background, clock, random, log, metrics, letters },
  });
  reach.publisher = publisher;
  // Each right after its start: whatever fails below must not leave a process that neither serves nor ends.
  opened.defer(() => {
    publisher.stop();
  });
  const accounts = startAccounts({ store, broker, clock, log, metrics });
  opened.defer(() => {
    accounts.stop();
  });
  opened.defer(startCommands({ store, broker, signer, clock, log, metrics }));
  const inquiries = createInquiries(hops, background);
  const app = await createApp({
    ...{ ...base, config, hops, broker, accounts, inquiries, serverKey: parts.serverKey, wake },
    brokerUrl: () => brokerUrl(config, mqttPort),
    accepting: () => reach.accepting,
    randomBytes,
  });
  opened.defer(startReconcile(hops, background, inquiries));
  const policy = { automatic: config.refund === 'automatic', refundAfterMs: config.refundAfterMs };
  opened.defer(startRefunds({ hops, store, policy }, background));
  const connections = watchConnections(app.server);
  const httpPort = await listen(app, config.http);
  opened.defer(async () => {
    reach.accepting = false;
    const closed = app.close();
    connections.letGo();
    await within(clock, closeMs, closed);
    // Whoever still waits is cut off: a connection kept open would reach a relay that is no more.
    connections.cutOff();
  });
  const running = opened.move();
  return { ports: { httpPort, mqttPort }, stop: () => running.disposeAsync() };
}

/** Store, keys and whoever needs nothing else. */
interface Base extends Pick<RelayParts, 'clock' | 'random' | 'log'> {
  store: Store;
  metrics: Metrics;
  keys: KeyChain;
  signer: Signer;
  auth: Auth;
  /** Made after the store and its rooms. */
  reach: { broker?: Broker };
  background: Background;
  letters: Letters;
}

async function openBase(
  config: RelayConfig,
  { clock, random, log, end }: StartParts,
  opened: AsyncDisposableStack,
): Promise<Base> {
  const database = await connectDatabase(config.store, clock, { random, log });
  opened.defer(() => database.close());
  const store = await openStore(database, randomUUID());
  const metrics = createMetrics();
  const keys = await openKeyChain({ stateDir: config.stateDir, store, clock, log, metrics });
  opened.defer(() => {
    keys.stop();
  });
  if (config.broker === undefined) {
    const sole = await holdBrokerInside(store, clock);
    opened.defer(() => sole.release());
    // Nobody is connected to a broker that starts with us; one outside keeps its own, and other relays serve them.
    await store.allOffline();
  }
  opened.defer(watchLedger({ store, clock, log, metrics }, end));
  const signer: Signer = {
    environment: config.environment,
    ledgerId: store.ledgerId,
    get key() {
      return keys.current();
    },
    nowMs: () => store.nowMs(),
  };
  const warnSeldom = createQuietLog(clock, log);
  const reach: Base['reach'] = {};
  const auth = createAuth(store, clock, {
    replaced(kioskId, bootId) {
      reach.broker?.replaced?.(kioskId, bootId);
    },
    async cloned(kioskId) {
      metrics.faults.inc({ place: 'kiosk-cloned' });
      log.warn({ kioskId }, 'kiosk.cloned');
      // Nobody can tell which of the two machines has reported what.
      const held = await store.holdClaims(kioskId, 'kiosk-cloned');
      if (held > 0) log.error({ kioskId, held }, 'kiosk.claims-held');
    },
    reboots(kioskId) {
      metrics.faults.inc({ place: 'kiosk-reboots' });
      warnSeldom('kiosk.reboots', kioskId, { kioskId });
    },
  });
  const background = createBackground(clock, log, metrics);
  const letters = createLetters(clock, metrics);
  return { store, metrics, keys, signer, auth, reach, background, letters, clock, random, log };
}

function openHops(
  config: RelayConfig,
  { serverKey }: StartParts,
  { store, clock, random, log, metrics }: Base,
  opened: AsyncDisposableStack,
): Hops {
  const midtrans = midtransOf(config, serverKey);
  opened.defer(() => midtrans.close());
  return {
    store,
    ...withBreaker(midtrans, { clock, random, log, metrics }),
    ...{ clock, random, log, metrics },
    newKey: randomUUID,
    payee: config.merchant,
    merchantId: config.midtrans.merchantId,
    moved: (row) => {
      void store.announce(row.kioskId);
    },
  };
}

async function listen(app: App, at: RelayConfig['http']): Promise<number> {
  await app.listen({ host: at.host, port: at.port });
  return (app.server.address() as AddressInfo).port;
}
