// Takes verdicts from the outbox to the kiosks. A row leaves only when the kiosk itself says that it is stored.
import { backoffMs } from '../lib/backoff.ts';
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { type Background } from './background.ts';
import { type Broker } from './broker/broker.ts';
import { type Letters } from './letters.ts';
import { type Metrics } from './metrics.ts';
import { saleDocument, type Signer } from './proofs.ts';
import { type SaleRow } from './sale-row.ts';
import { type OutboxRow } from './store/schema.ts';
import { type Store } from './store/store.ts';

export interface PublisherParts {
  store: Store;
  broker: Broker;
  signer: Signer;
  background: Background;
  clock: Clock;
  random: () => number;
  log: Log;
  metrics: Metrics;
  letters: Letters;
}

export interface Publisher {
  /** This kiosk has something new, or has come back. */
  wake(kioskId: string): void;
  stop(): void;
}

interface Letter {
  row: OutboxRow;
  movedAtMs: number;
  text: string;
}

/** Without an acknowledgement a verdict is sent again, at this pace, while the kiosk is online. */
const resend = { firstMs: 5_000, maxMs: 300_000 } as const;
/** The net under a lost wake. */
const tickMs = 1_000;
const maxKiosksATick = 100;
const maxSalesAtOnce = 100;

export function startPublisher(parts: PublisherParts): Publisher {
  const { store, broker, clock, background } = parts;
  const wanted = new Set<string>();
  let stopped = false;
  let cancel: (() => void) | undefined;

  function wake(kioskId: string): void {
    wanted.add(kioskId);
    void publishWanted(kioskId);
  }

  /** One run a kiosk, in the order of its numbers; what comes meanwhile is taken right after it. */
  async function publishWanted(kioskId: string): Promise<void> {
    while (wanted.has(kioskId) && !stopped) {
      await background.run(`publish ${kioskId}`, async () => {
        wanted.delete(kioskId);
        await publishDue(kioskId);
      });
    }
  }

  async function publishDue(kioskId: string): Promise<void> {
    const kiosk = await store.kiosk(kioskId);
    if (kiosk?.revokedAtMs !== null || !broker.ready()) return;
    if (kiosk.online !== 1 && broker.seesListeners) return;
    const hold = await store.holdKiosk(kioskId);
    // Another relay is at it: it hears of what is new as we did, and publishes it after what it has begun.
    if (hold === undefined) return;
    try {
      const due = await store.dueOutbox(kioskId, maxSalesAtOnce);
      // Its status may not have reached us; a message that nobody hears costs nothing, once.
      const rows = kiosk.online === 1 ? due : due.filter(({ attempts }) => attempts === 0);
      const letters = await Promise.all(rows.map(letterOf));
      if (!hold.held()) return;
      // Each is handed over before the next, and all that went are noted with one sync.
      const handed = await Promise.allSettled(letters.map(hand));
      for (const outcome of handed) if (outcome.status === 'rejected') throw outcome.reason;
    } finally {
      await hold.release();
    }
  }

  async function letterOf(row: OutboxRow & { sale: SaleRow }): Promise<Letter> {
    const document = await saleDocument(parts.signer, row.sale, { by: 'mqtt' });
    return { row, movedAtMs: row.sale.movedAtMs, text: JSON.stringify(document) };
  }

  async function hand({ row, movedAtMs, text }: Letter): Promise<void> {
    // Before: the acknowledgement may be faster than what we hear of the broker.
    if (row.attempts === 0) parts.letters.sent(row.kioskId, row.seq);
    await broker.publish(row.kioskId, 'sale', text);
    parts.metrics.published.inc();
    if (row.attempts === 0) {
      const seconds = Math.max(0, store.nowMs() - movedAtMs) / 1000;
      parts.metrics.hops.observe({ hop: 'verdict-sent' }, seconds);
    }
    await store.sent(row, backoffMs(resend, row.attempts + 1, parts.random()));
  }

  async function tick(): Promise<void> {
    try {
      for (const kioskId of await store.kiosksToTell(maxKiosksATick)) wake(kioskId);
    } catch (error) {
      parts.metrics.faults.inc({ place: 'publisher' });
      parts.log.error({ error: String(error) }, 'publisher.failed');
    }
    schedule();
  }

  function schedule(): void {
    if (!stopped) cancel = clock.after(tickMs, () => void tick());
  }

  schedule();
  return {
    wake,
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}
