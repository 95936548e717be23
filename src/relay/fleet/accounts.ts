// Keeps the broker's idea of who may connect equal to the store's, whoever changed that: this relay, another one, or the
// command line. Enrolment asks for it at once; the rest comes with the next round. One that the broker does not take
// must never keep another one out, or in.
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { type Broker } from '../broker/broker.ts';
import { type Metrics } from '../metrics.ts';
import { type KioskRow } from '../store/schema.ts';
import { type Store } from '../store/store.ts';

/** How long a revoked kiosk may stay connected. */
const tickMs = 1_000;
/** More than that are told right after these. */
const maxKiosksARound = 100;
/** Whoever the broker did not take is tried again so often. */
const againMs = 60_000;
/** The operator is told so often of kiosks that no account can be made for. */
const tellOperatorMs = 3_600_000;

export interface AccountsParts {
  store: Pick<
    Store,
    'kiosk' | 'brokerDue' | 'brokerTold' | 'brokerRefused' | 'brokerAgain' | 'countWithoutPassword'
  >;
  broker: Pick<Broker, 'admit' | 'expel' | 'ready' | 'wantsPasswords'>;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

export interface Accounts {
  /** Tells the broker of this kiosk, if it is due. Rejects when the broker does not take it; it is tried again. */
  tell(kioskId: string): Promise<void>;
  stop(): void;
}

export function startAccounts(parts: AccountsParts): Accounts {
  const { store, broker, clock, log, metrics } = parts;
  let stopped = false;
  let cancel: (() => void) | undefined;
  let telling: Promise<unknown> = Promise.resolve();
  const again = every(clock, againMs, () => store.brokerAgain());
  const tellOperator = every(clock, tellOperatorMs, async () => {
    const kiosks = broker.wantsPasswords ? await store.countWithoutPassword() : 0;
    metrics.depths.set({ what: 'kiosksWithoutPassword' }, kiosks);
    if (kiosks > 0) log.warn({ kiosks, mend: 'enrol them again' }, 'accounts.without-password');
  });

  /** True: there are more. */
  async function tellDue(): Promise<boolean> {
    if (!broker.ready()) return false;
    await again();
    await tellOperator();
    const due = await store.brokerDue(maxKiosksARound);
    await tellThese(due);
    return due.length === maxKiosksARound;
  }

  /** @throws what the first of them failed with, after all were told. */
  async function tellThese(kiosks: readonly KioskRow[]): Promise<void> {
    const told = await Promise.allSettled(kiosks.map(tellOne));
    for (const outcome of told) if (outcome.status === 'rejected') throw outcome.reason;
  }

  async function tellOne(kiosk: KioskRow): Promise<void> {
    try {
      // Without a password there is no account; an older one, with a password that somebody may have, ends.
      const nameless = broker.wantsPasswords && kiosk.brokerPassword === null;
      if (kiosk.revokedAtMs === null && !nameless) await broker.admit(kiosk);
      else await broker.expel(kiosk.kioskId);
    } catch (error) {
      // A broker that is away has refused nobody: all go on when it is back.
      if (broker.ready()) await store.brokerRefused(kiosk);
      throw error;
    }
    await store.brokerTold(kiosk);
  }

  /** One round at a time: a later one sees what was committed before it was asked for. */
  function inTurn<T>(round: () => Promise<T>): Promise<T> {
    const run = telling.catch(() => undefined).then(round);
    telling = run;
    return run;
  }

  async function tick(): Promise<void> {
    let more = false;
    try {
      more = await inTurn(tellDue);
    } catch (error) {
      metrics.faults.inc({ place: 'accounts' });
      log.error({ error: String(error) }, 'accounts.failed');
    }
    schedule(more ? 0 : tickMs);
  }

  function schedule(afterMs: number): void {
    if (!stopped) cancel = clock.after(afterMs, () => void tick());
  }

  schedule(tickMs);
  return {
    tell: (kioskId) =>
      inTurn(async () => {
        const kiosk = await store.kiosk(kioskId);
        if (kiosk !== undefined && kiosk.brokerDue !== 0) await tellThese([kiosk]);
      }),
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

/** Does it at the first call, and then at most so often. */
function every(clock: Clock, pauseMs: number, work: () => Promise<void>): () => Promise<void> {
  let nextAtMs = -Infinity;
  return async () => {
    const nowMs = clock.monotonicMs();
    if (nowMs < nextAtMs) return;
    nextAtMs = nowMs + pauseMs;
    await work();
  };
}
