// The relay of a run: its real hops, ledger, inquiries, reconcile and presence over a store that outlives it. It may die
// before or after any transaction; whatever it had under way is never heard of again.
import { backoffMs } from '../../src/lib/backoff.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createBackground } from '../../src/relay/background.ts';
import { createPresence } from '../../src/relay/fleet/presence.ts';
import type { Hops } from '../../src/relay/hops.ts';
import { withBreaker } from '../../src/relay/midtrans/breaker.ts';
import { decide } from '../../src/relay/ledger.ts';
import { createLetters, type Letters } from '../../src/relay/letters.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { createInquiries } from '../../src/relay/notices.ts';
import { startReconcile } from '../../src/relay/reconcile.ts';
import type { CoreStore } from '../../src/relay/store/store.ts';
import type { Attempt } from '../../src/twin/retry-table.ts';
import { checkLanded, checkMoved } from './checks.ts';
import { MemoryStore, type Decide } from './memory-store.ts';
import { merchant, Midtrans } from './midtrans.ts';
import { saidOf, serve, takeNotice, type Call, type Reply, type Said } from './relay-routes.ts';
import type { World } from './world.ts';

/** One for all runs: nobody reads them, and making a registry costs more than a sale. */
const metrics = createMetrics();
/** As in src/relay/publisher.ts. */
const resend = { firstMs: 5_000, maxMs: 300_000 } as const;
const tickMs = 1_000;
const maxKiosksATick = 100;
const maxSalesAtOnce = 100;
/** Before or after these the relay may die; the others change nothing. */
const writes = new Set(['put', 'cancel', 'move', 'keepNotice', 'answerNotices', 'acked', 'sent']);

interface Life {
  alive: boolean;
  store: MemoryStore;
  letters: Letters;
  hops: Hops;
  background: ReturnType<typeof createBackground>;
  inquiries: ReturnType<typeof createInquiries>;
  presence: ReturnType<typeof createPresence>;
}

export class SimRelay {
  readonly store: MemoryStore;
  readonly midtrans: Midtrans;
  readonly #world: World;
  #life: Life | undefined;
  /** The broker inside the relay hands a document to a kiosk's session. */
  onPublish: (kioskId: string, said: Said) => void = () => undefined;
  onCrash: () => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
    const { clock } = world;
    this.midtrans = new Midtrans(
      world,
      (text) => this.#noticed(text),
      (saleId) => {
        checkLanded(world, this.store.sales.get(saleId));
      },
    );
    this.store = new MemoryStore(() => clock.nowMs(), this.#decider());
    this.start();
  }

  get up(): boolean {
    return this.#life !== undefined;
  }

  get presence(): Life['presence'] | undefined {
    return this.#life?.presence;
  }

  start(): void {
    const { draw, productLog: log } = this.#world;
    const life: { alive: boolean } = { alive: true };
    const clock = this.#world.clock.ofLife(() => life.alive);
    const store = this.#mortal(life);
    const background = createBackground(clock, log, metrics);
    const reach: { wake: (kioskId: string) => void } = { wake: () => undefined };
    const hops: Hops = {
      ...{ store, clock, log, metrics, random: draw.unit },
      ...withBreaker(this.midtrans.gateway(), { clock, random: draw.unit, log, metrics }),
      newKey: () => draw.uuid(),
      payee: merchant,
      merchantId: merchant.id,
      moved: (row) => {
        reach.wake(row.kioskId);
      },
    };
    const inquiries = createInquiries(hops, background);
    reach.wake = this.#startPublisher(hops, clock, background);
    const wake = (kioskId: string): void => {
      reach.wake(kioskId);
    };
    const letters = createLetters(clock, metrics);
    const presence = createPresence({ store, clock, log, metrics, letters, wake });
    startReconcile(hops, background, inquiries);
    this.#life = Object.assign(life, {
      store: this.store,
      hops,
      background,
      inquiries,
      letters,
      presence,
    });
    void store.allOffline();
  }

  crash(): void {
    if (this.#life === undefined) return;
    const { clock, draw, count } = this.#world;
    count.crashes++;
    this.#world.say('relay', 'crashed');
    this.#life.alive = false;
    this.#life = undefined;
    this.onCrash();
    clock.after(draw.between(500, 40_000), () => {
      this.#world.say('relay', 'started');
      this.start();
    });
  }

  /** Undefined: nobody listens on the port. A relay that dies meanwhile never answers. */
  call(call: Call): Promise<Reply> | undefined {
    const life = this.#life;
    if (life === undefined) return undefined;
    return serve(life, call).catch((error: unknown) => {
      this.#world.broke(`a route threw on ${call.kind}: ${String(error)}`);
      return new Promise<Reply>(() => undefined);
    });
  }

  async #noticed(text: string): Promise<Attempt> {
    const life = this.#life;
    if (life === undefined) return { kind: 'unanswered' };
    const answered = Promise.withResolvers<Attempt>();
    this.#world.clock.after(15_000, () => {
      answered.resolve({ kind: 'unanswered' });
    });
    void takeNotice(life, text).then((http) => {
      answered.resolve({ kind: 'answered', http });
    });
    return answered.promise;
  }

  /** The store as one life of the relay sees it. */
  #mortal(life: { alive: boolean }): CoreStore {
    const never = new Promise<never>(() => undefined);
    const { faults, draw } = this.#world;
    const alive = (): boolean => life.alive;
    const transact = async (name: string, act: () => unknown): Promise<unknown> => {
      if (!alive()) return never;
      const dies = writes.has(name) && faults.strikes('relay crash');
      if (dies && draw.chance(500)) {
        this.crash();
        return never;
      }
      const result = await act();
      if (dies) this.crash();
      return alive() ? result : never;
    };
    return new Proxy<CoreStore>(this.store, {
      get: (target, name): unknown => {
        const value: unknown = Reflect.get(target, name);
        if (typeof value !== 'function') return value;
        return (...args: unknown[]) =>
          transact(String(name), (): unknown => Reflect.apply(value, target, args));
      },
    });
  }

  /** As src/relay/publisher.ts, without signatures. */
  #startPublisher(
    hops: Hops,
    clock: Clock,
    background: Life['background'],
  ): (kioskId: string) => void {
    const { store } = hops;
    const wanted = new Set<string>();
    const publishDue = async (kioskId: string): Promise<void> => {
      if ((await store.kiosk(kioskId))?.online !== 1) return;
      for (const row of await store.dueOutbox(kioskId, maxSalesAtOnce)) {
        this.onPublish(kioskId, saidOf(hops, row.sale, 'mqtt'));
        const waitMs = backoffMs(resend, row.attempts + 1, hops.random());
        await store.sent(row, waitMs);
      }
    };
    const wake = (kioskId: string): void => {
      wanted.add(kioskId);
      void background.run(`publish ${kioskId}`, async () => {
        while (wanted.delete(kioskId)) await publishDue(kioskId);
      });
    };
    const tick = async (): Promise<void> => {
      for (const kioskId of await store.kiosksToTell(maxKiosksATick)) wake(kioskId);
      clock.after(tickMs, () => void tick());
    };
    clock.after(tickMs, () => void tick());
    return wake;
  }

  /** The real ledger, watched; or spoilt by a planted bug. */
  #decider(): Decide {
    const world = this.#world;
    return (row, event, nowMs) => {
      try {
        const answered = event.type === 'status-answered' || event.type === 'stop-answered';
        const forgets = world.bug === 'open-attempt-forgotten' && answered && row !== undefined;
        const decision = decide(forgets ? { ...row, sentAtMs: null } : row, event, nowMs);
        if (world.bug === 'dead-on-first-404' && answered && event.outcome.kind === 'absent') {
          if (decision.row.verdict === 'creating' && decision.row.stop !== null) {
            decision.row.verdict = 'cancelled';
            decision.moved = true;
          }
        }
        if (decision.moved) {
          const { saleId, verdict } = decision.row;
          world.say('ledger', `${saleId} ${verdict}`);
          checkMoved(world, this.midtrans.books, decision.row);
        }
        return decision;
      } catch (error) {
        world.broke(`the ledger threw on ${event.type}: ${String(error)}`);
        throw error;
      }
    };
  }
}
