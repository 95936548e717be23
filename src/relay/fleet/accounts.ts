// Keeps the broker's idea of who may connect equal to the store's, whoever changed that: this relay, another one, or the
// command line. Enrolment asks for it at once; the rest comes with the next round.
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { type Broker } from '../broker/broker.ts';
import { type Metrics } from '../metrics.ts';
import { type Store } from '../store/store.ts';

/** How long a revoked kiosk may stay connected. */
const tickMs = 1_000;
const maxKiosksATick = 100;

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
  let telling: Promise<void> = Promise.resolve();

  async function tellDue(): Promise<void> {
    if (!broker.ready()) return;
    for (const kiosk of await store.brokerDue(maxKiosksATick)) {
      if (kiosk.revokedAtMs === null) await broker.admit(kiosk.kioskId, kiosk.brokerPassword);
      else await broker.expel(kiosk.kioskId);
      await store.brokerTold(kiosk);
    }
  }

  /** One round at a time: a later one sees what was committed before it was asked for. */
  function tell(): Promise<void> {
    telling = telling.catch(() => undefined).then(tellDue);
    return telling;
  }

  async function tick(): Promise<void> {
    try {
      await tell();
    } catch (error) {
      metrics.faults.inc({ place: 'accounts' });
      log.error({ error: String(error) }, 'accounts.failed');
    }
    schedule();
  }

  function schedule(): void {
    if (!stopped) cancel = clock.after(tickMs, () => void tick());
  }

  schedule();
  return {
    tell,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
