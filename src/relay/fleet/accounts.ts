// Keeps the broker's idea of who may connect equal to the store's, whoever changed that: this relay, another one, or the
// command line. Enrolment asks for it at once; the rest comes with the next round.
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

export interface AccountsParts {
  store: Store;
  broker: Broker;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

export interface Accounts {
  /** Tells the broker of everybody who is due. Rejects when it cannot be told; they stay due. */
  tell(): Promise<void>;
  stop(): void;
}

export function startAccounts({ store, broker, clock, log, metrics }: AccountsParts): Accounts {
  let stopped = false;
  let cancel: (() => void) | undefined;
  let telling: Promise<unknown> = Promise.resolve();

  /** True: there are more. */
  async function tellDue(): Promise<boolean> {
    if (!broker.ready()) return false;
    const due = await store.brokerDue(maxKiosksARound);
    // One that the broker refuses must not keep the others out.
    const told = await Promise.allSettled(due.map(tellOne));
    for (const outcome of told) if (outcome.status === 'rejected') throw outcome.reason;
    return due.length === maxKiosksARound;
  }

  async function tellOne(kiosk: KioskRow): Promise<void> {
    if (kiosk.revokedAtMs === null) await broker.admit(kiosk);
    else await broker.expel(kiosk.kioskId);
    await store.brokerTold(kiosk);
  }

  /** One round at a time: a later one sees what was committed before it was asked for. */
  function tell(): Promise<boolean> {
    const round = telling.catch(() => undefined).then(tellDue);
    telling = round;
    return round;
  }

  async function tick(): Promise<void> {
    let more = false;
    try {
      more = await tell();
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
    async tell() {
      await tell();
    },
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
