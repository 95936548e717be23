// A relay of a run: everything that src/relay/relay.ts puts together, except sockets. It may die before or after any step
// of its store and any call to Midtrans; whatever it had under way is never heard of again.
import { randomBytes, randomUUID } from 'node:crypto';
import { createAuth } from '../../src/relay/auth.ts';
import type { AppParts } from '../../src/relay/app.ts';
import { createBackground } from '../../src/relay/background.ts';
import type { Broker, BrokerEvents } from '../../src/relay/broker/broker.ts';
import { relayConfig, type RelayConfig } from '../../src/relay/config.ts';
import { createPresence } from '../../src/relay/fleet/presence.ts';
import type { Hops } from '../../src/relay/hops.ts';
import { openKeyChain } from '../../src/relay/key-chain.ts';
import { createLetters } from '../../src/relay/letters.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { withBreaker } from '../../src/relay/midtrans/breaker.ts';
import type { Gateway, Upstream } from '../../src/relay/midtrans/gateway.ts';
import { createInquiries } from '../../src/relay/notices.ts';
import type { Signer } from '../../src/relay/proofs.ts';
import { startPublisher } from '../../src/relay/publisher.ts';
import { startReconcile } from '../../src/relay/reconcile.ts';
import { startRefunds } from '../../src/relay/refund.ts';
import type { Store } from '../../src/relay/store/store.ts';
import type { Clock } from '../../src/lib/clock.ts';
import type { RelayFleet } from './relay-fleet.ts';
import { relayKeyFolder } from './relay-keys.ts';
import type { Poll } from './sim-store.ts';
import { spoilStore } from './spoil-relay.ts';
import { merchant, serverKey } from './midtrans.ts';
import { createSwitchboard, type WireAnswer, type WireRequest } from './switchboard.ts';
import type { World } from './world.ts';

/** One for all runs, which counts nothing: nobody reads it, and making a registry costs more than a sale. */
const metrics = createMetrics();
const ignore = (): void => undefined;
for (const metric of Object.values(metrics)) {
  Object.assign(metric, { inc: ignore, observe: ignore, set: ignore });
}

/** How long a QR may be paid in a run. */
export const qrLifeMs = 60_000;

export const relaySettings = {
  environment: 'sandbox',
  http: { host: '127.0.0.1', port: 0 },
  publicUrl: 'https://relay.example',
  mqtt: { host: '127.0.0.1', port: 0 },
  store: { sqlite: ':memory:' },
  stateDir: '/unused',
  midtrans: {
    baseUrl: 'https://midtrans.example',
    serverKeyFile: '/unused',
    merchantId: merchant.id,
  },
  merchant: { name: merchant.name, nmid: merchant.nmid, pan: merchant.pan },
  sale: { expiresInMs: qrLifeMs },
};
const byOperator = relayConfig.parse(relaySettings);
const automatic: RelayConfig = {
  ...byOperator,
  refund: 'automatic',
  refundAfterMs: 45_000,
};

/** Asked all the time, mostly in vain: no place to die in more than elsewhere. */
const polls = new Set<string | symbol>([
  ...['takeDue', 'takeDueClaims', 'salesNoticed', 'kiosksToTell', 'keys'],
]);

const walks: readonly Poll[] = ['takeDue', 'salesNoticed'];

interface Life {
  alive: boolean;
  serve: (request: WireRequest) => Promise<WireAnswer>;
  presence: BrokerEvents;
  wake: (kioskId: string) => void;
}

export class SimRelay {
  readonly name: string;
  readonly #world: World;
  readonly #fleet: RelayFleet;
  #life: Life | undefined;
  #starting = false;

  constructor(world: World, fleet: RelayFleet, name: string) {
    this.#world = world;
    this.#fleet = fleet;
    this.name = name;
  }

  get up(): boolean {
    return this.#life !== undefined;
  }

  get presence(): BrokerEvents | undefined {
    return this.#life?.presence;
  }

  wake(kioskId: string): void {
    this.#life?.wake(kioskId);
  }

  async start(): Promise<void> {
    if (this.#starting || this.#life !== undefined) return;
    this.#starting = true;
    const mortal = { alive: true };
    const opened = this.#open(mortal);
    const { clock } = this.#world;
    // Reading the keys is all that a start waits for, and it takes none of the world's time.
    this.#life = Object.assign(mortal, await clock.hold(() => opened));
    this.#starting = false;
    this.#world.say(this.name, 'started');
    this.#fleet.onStart(this);
  }

  /** `downMs`: until it starts again. */
  crash(downMs: number): void {
    if (this.#life === undefined) return;
    this.stop('crashed');
    this.#world.count.crashes++;
    this.#world.clock.after(downMs, () => void this.start());
  }

  stop(why: string): void {
    if (this.#life === undefined) return;
    this.#world.say(this.name, why);
    this.#life.alive = false;
    this.#life = undefined;
    this.#fleet.onStop(this);
  }

  /** Undefined: nobody listens on the port. A relay that dies meanwhile never answers. */
  call(request: WireRequest): Promise<WireAnswer> | undefined {
    return this.#life?.serve(request);
  }

  async #open(life: { alive: boolean }): Promise<Omit<Life, 'alive'>> {
    const world = this.#world;
    const { productLog: log, draw } = world;
    const clock = world.clock.ofLife(() => life.alive);
    const random = draw.unit;
    const store = this.#storeOf(life);
    const parts = { store, clock, log, metrics, random };
    const keys = await openKeyChain({ ...parts, stateDir: relayKeyFolder() });
    if (!this.#fleet.brokerOutside) await store.allOffline();
    const signer: Signer = {
      environment: 'sandbox',
      ledgerId: store.ledgerId,
      get key() {
        return keys.current();
      },
      nowMs: () => store.nowMs(),
    };
    const background = createBackground(clock, log, metrics);
    const letters = createLetters(clock, metrics);
    const hops: Hops = {
      ...parts,
      ...withBreaker(this.#gatewayOf(life), parts),
      newKey: randomUUID,
      payee: merchant,
      merchantId: merchant.id,
      moved: (row) => void store.announce(row.kioskId),
    };
    const broker = this.#broker();
    const publisher = startPublisher({
      ...{ ...parts, clock: this.#looking(life, ['kiosksToTell'], hops.upstream) },
      broker,
      signer,
      background,
      letters,
    });
    const wake = (kioskId: string): void => {
      publisher.wake(kioskId);
    };
    const presence = createPresence({ ...parts, letters, wake });
    const inquiries = createInquiries(hops, background);
    const config = this.#fleet.refundsThemselves ? automatic : byOperator;
    startReconcile(
      { ...hops, clock: this.#looking(life, walks, hops.upstream) },
      background,
      inquiries,
    );
    const policy = {
      automatic: config.refund === 'automatic',
      refundAfterMs: config.refundAfterMs,
    };
    startRefunds(
      {
        hops: { ...hops, clock: this.#looking(life, ['takeDueClaims'], hops.upstream) },
        store,
        policy,
      },
      background,
    );
    const app: AppParts = {
      ...{
        config,
        hops,
        keys,
        signer,
        broker,
        letters,
        store,
        background,
        inquiries,
        wake,
      },
      auth: this.#authOf(store, clock),
      accounts: { tell: () => Promise.resolve(), stop: () => undefined },
      ...{
        serverKey,
        randomBytes,
        brokerUrl: () => 'mqtts://relay.example',
        accepting: () => true,
      },
    };
    const serve = createSwitchboard(app, (route, error) => {
      world.broke(`${route} failed within: ${error}`);
    });
    return { serve, presence, wake };
  }

  /** The clock of a part that polls the store, but not while Midtrans wants quiet, and asks after one that is silent. */
  #looking(life: { alive: boolean }, asked: readonly Poll[], upstream: Upstream): Clock {
    const { store } = this.#fleet;
    // Its first look may do more.
    let begun = false;
    const mayFind = (): boolean => {
      if (begun) return upstream.downMs() > 0 || asked.some((poll) => store.mayFind(poll));
      begun = upstream.quietMs() === 0;
      return true;
    };
    return this.#world.clock.ofLooks(() => life.alive, mayFind);
  }

  #authOf(store: Store, clock: Clock): AppParts['auth'] {
    return createAuth(store, clock, {
      replaced: (kioskId, bootId) => {
        this.#fleet.onReplaced(kioskId, bootId);
      },
      cloned: async (kioskId) => {
        this.#world.say(this.name, `${kioskId} is cloned`);
        await store.holdClaims(kioskId, 'kiosk-cloned');
      },
      reboots: () => undefined,
    });
  }

  #broker(): Broker {
    return {
      start: () => Promise.resolve(0),
      publish: (kioskId, leaf, text) => {
        if (leaf === 'sale') this.#fleet.onPublish(kioskId, text);
        return Promise.resolve();
      },
      admit: () => Promise.resolve(),
      expel: () => Promise.resolve(),
      seesListeners: true,
      wantsPasswords: false,
      ready: () => true,
      stop: () => Promise.resolve(),
    };
  }

  /** The store as one life of the relay sees it. */
  #storeOf(life: { alive: boolean }): Store {
    const { bug } = this.#world;
    const shared = this.#fleet.store.store;
    const target = bug === undefined ? shared : spoilStore(bug, shared, this.#fleet.store);
    const own: Partial<Store> = {
      holdKiosk: (kioskId) => Promise.resolve(this.#fleet.hold(kioskId, life)),
      announce: (kioskId) => {
        this.#fleet.wakeAll(kioskId);
        return Promise.resolve();
      },
    };
    return this.#mortal(life, { ...target, ...own }, 'relay crash');
  }

  #gatewayOf(life: { alive: boolean }): Gateway {
    return this.#mortal(life, this.#fleet.midtrans.gateway(), 'relay crash at midtrans');
  }

  /** Whatever is called, the relay may be dead before it, and before its answer. */
  #mortal<T extends object>(
    life: { alive: boolean },
    target: T,
    fault: 'relay crash' | 'relay crash at midtrans',
  ): T {
    const never = new Promise<never>(() => undefined);
    const { faults, draw } = this.#world;
    const isAlive = (): boolean => life.alive;
    const crash = (): void => {
      if (isAlive()) this.crash(draw.between(500, 40_000));
    };
    const call = async (name: string | symbol, act: () => unknown): Promise<unknown> => {
      if (!isAlive()) return never;
      const dies = !polls.has(name) && faults.strikes(fault);
      const before = dies && draw.chance(500);
      if (before) crash();
      if (!isAlive()) return never;
      const result = await act();
      if (dies) crash();
      return isAlive() ? result : never;
    };
    return new Proxy(target, {
      get: (at, name): unknown => {
        const value: unknown = Reflect.get(at, name);
        if (typeof value !== 'function' || name === 'nowMs') return value;
        return (...args: unknown[]) => call(name, () => Reflect.apply(value, at, args) as unknown);
      },
    });
  }
}
