// The relay, put together: store, gateway, broker, publisher, reconcile and HTTP. Holds the Server Key; never shows it.
import assert from 'node:assert';
import { randomBytes, randomUUID } from 'node:crypto';
import { type AddressInfo } from 'node:net';
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import { createApp, type App } from './app.ts';
import { createAuth, type Auth } from './auth.ts';
import { createBackground } from './background.ts';
import { type Broker } from './broker/broker.ts';
import { createEmbeddedBroker } from './broker/embedded.ts';
import { createExternalBroker } from './broker/external.ts';
import { type RelayConfig } from './config.ts';
import { startAccounts } from './fleet/accounts.ts';
import { createPresence } from './fleet/presence.ts';
import { type Hops } from './hops.ts';
import { createMetrics } from './metrics.ts';
import { createMidtrans } from './midtrans/client.ts';
import { type Gateway } from './midtrans/gateway.ts';
import { createInquiries } from './notices.ts';
import { type Signer } from './proofs.ts';
import { startPublisher, type Publisher } from './publisher.ts';
import { startReconcile } from './reconcile.ts';
import { readServerKey } from './server-key.ts';
import { loadSigningKey } from './signing-key.ts';
import { connectDatabase } from './store/connect.ts';
import { openStore } from './store/open.ts';
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
}

/** Together below the 10 s that a stop may take: requests in flight, then the work behind them. */
const closeMs = 6_000;
const drainMs = 2_500;
/** midtrans.md §12: Midtrans' own expiry is not reliable below this, so it is only the net. */
const minExpiryMinutes = 15;

/** One relay process. Nothing is opened before `start`. */
export function createRelay(config: RelayConfig, parts: RelayParts): Relay {
  let running: Running | undefined;
  return {
    async start() {
      const serverKey = readServerKey(config.midtrans, parts.credentialsDirectory);
      running = await startParts(config, parts, serverKey);
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

async function startParts(
  config: RelayConfig,
  parts: RelayParts,
  serverKey: string,
): Promise<Running> {
  const { clock, random, log } = parts;
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };
  try {
    const key = await loadSigningKey(config.stateDir);
    const store = await openStore(await connectDatabase(config.store, clock), randomUUID());
    const nowMs = (): number => store.nowMs();
    closers.push(() => store.close());
    await store.allOffline();
    const metrics = createMetrics();
    const background = createBackground(clock, log, metrics);
    const signer: Signer = {
      environment: config.environment,
      ledgerId: store.ledgerId,
      key,
      nowMs,
    };
    const auth = createAuth(store, clock);
    const broker = await brokerOf(config, auth, log);
    const reach: { publisher?: Publisher; accepting: boolean } = { accepting: true };
    const wake = (kioskId: string): void => reach.publisher?.wake(kioskId);
    const hops: Hops = {
      store,
      gateway: gatewayOf(config, serverKey),
      clock,
      random,
      log,
      metrics,
      newKey: randomUUID,
      payee: config.merchant,
      merchantId: config.midtrans.merchantId,
      moved: (row) => {
        wake(row.kioskId);
      },
    };
    closers.push(() => broker.stop()); // Also one that cannot have its port keeps the process alive.
    const mqttPort = await broker.start(createPresence({ store, log, metrics, wake }));
    reach.publisher = startPublisher({
      ...{ store, broker, signer, background, clock, random, log, metrics },
    });
    const accounts = startAccounts({ store, broker, clock, log, metrics });
    closers.push(() => {
      accounts.stop();
    });
    const inquiries = createInquiries(hops, background);
    const app = await createApp({
      ...{ config, hops, store, signer, auth, broker, accounts, background, inquiries },
      ...{ serverKey, wake },
      brokerUrl: () => brokerUrl(config, mqttPort),
      accepting: () => reach.accepting,
      randomBytes,
    });
    closers.push(() => background.drain(drainMs));
    closers.push(() => {
      reach.publisher?.stop();
    });
    closers.push(startReconcile(hops, background, inquiries));
    const httpPort = await listen(app, config.http);
    closers.push(() => within(clock, closeMs, app.close()));
    closers.push(() => {
      reach.accepting = false;
    });
    return { ports: { httpPort, mqttPort }, stop: closeAll };
  } catch (error) {
    await closeAll();
    throw error;
  }
}

async function brokerOf(config: RelayConfig, auth: Auth, log: Log): Promise<Broker> {
  if (config.broker !== undefined) return createExternalBroker({ settings: config.broker, log });
  assert(config.mqtt !== undefined, 'the configuration names a broker');
  return createEmbeddedBroker({ ...config.mqtt, log, admits: admit(auth) });
}

/** What kiosks are told. */
function brokerUrl({ broker, mqtt }: RelayConfig, port: number): string {
  return broker?.publicUrl ?? mqtt?.publicUrl ?? `mqtt://${mqtt?.host ?? ''}:${port}`;
}

function gatewayOf(config: RelayConfig, serverKey: string): Gateway {
  const { midtrans, sale } = config;
  return createMidtrans({
    baseUrl: midtrans.baseUrl,
    serverKey,
    paymentType: midtrans.paymentType,
    acquirer: midtrans.acquirer,
    notificationUrl: `${config.publicUrl}/v1/notifications/midtrans`,
    expiryMinutes: Math.max(minExpiryMinutes, Math.ceil(sale.expiresInMs / 60_000) + 1),
    timeouts: { chargeMs: midtrans.chargeTimeoutMs, askMs: midtrans.askTimeoutMs },
  });
}

function admit(auth: Auth): (kioskId: string, token: string) => Promise<boolean> {
  return async (kioskId, token) => {
    try {
      return (await auth.kioskOf(token, 'kios-broker')).kioskId === kioskId;
    } catch (error) {
      if (error instanceof KiosError) return false;
      throw error;
    }
  };
}

async function listen(app: App, at: RelayConfig['http']): Promise<number> {
  await app.listen({ host: at.host, port: at.port });
  return (app.server.address() as AddressInfo).port;
}
