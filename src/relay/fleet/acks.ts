// Acknowledgements on their way into the store: one step at a time for each kiosk, and what comes meanwhile goes together
// in the next one. However many a kiosk sends, it takes one connection of the database, and nobody else waits for it.
import { type AckMessage } from '../../protocol/topics.ts';
import { type Clock } from '../../lib/clock.ts';
import { type Log } from '../../lib/log.ts';
import { createTellBehind } from '../ledger-behind.ts';
import { type Letters } from '../letters.ts';
import { type Metrics } from '../metrics.ts';
import { type CoreStore } from '../store/store.ts';

export interface AckParts {
  store: Pick<CoreStore, 'ledgerId' | 'acked'>;
  clock: Pick<Clock, 'monotonicMs'>;
  log: Log;
  metrics: Metrics;
  letters: Letters;
}

/**
 * Takes an acknowledgement. Resolves when one is stored that covers it: then it may be told so (PROTOCOL.md §5, PUBACK
 * after commit). False: it is not of this ledger, or of a number never given.
 */
export type TakeAck = (kioskId: string, ack: AckMessage) => Promise<boolean>;

interface Waiting {
  upTo: number;
  resolve: (taken: boolean) => void;
  reject: (error: unknown) => void;
}

/** What waits is bounded by what a kiosk may send (broker/pace.ts) or by what the broker outside hands over. */
export function createAcks(parts: AckParts): TakeAck {
  const { store, metrics, letters } = parts;
  const tellBehind = createTellBehind(parts);
  const queues = new Map<string, Waiting[]>();

  async function run(kioskId: string, queue: Waiting[]): Promise<void> {
    while (queue.length > 0) {
      const highest = queue.reduce((most, { upTo }) => Math.max(most, upTo), 0);
      // What comes while the store is at it may be above it, and waits for the next step.
      const covered = queue.splice(0);
      try {
        const taken = await store.acked(kioskId, highest);
        if (taken) letters.acked(kioskId, highest);
        // A number never given tells nothing of the lower ones: they are asked for by themselves.
        const answered = covered.filter(({ upTo }) => taken || upTo === highest);
        if (!taken) queue.unshift(...covered.filter(({ upTo }) => upTo < highest));
        for (const one of answered) one.resolve(taken);
      } catch (error) {
        for (const one of covered) one.reject(error);
      }
    }
    queues.delete(kioskId);
  }

  return async (kioskId, { ledgerId, upTo }) => {
    const ours = ledgerId === store.ledgerId;
    const taken =
      ours &&
      (await new Promise<boolean>((resolve, reject) => {
        const waiting = { upTo, resolve, reject };
        const queue = queues.get(kioskId);
        if (queue !== undefined) {
          queue.push(waiting);
          return;
        }
        const fresh = [waiting];
        queues.set(kioskId, fresh);
        void run(kioskId, fresh);
      }));
    if (ours && !taken) tellBehind(kioskId, upTo);
    metrics.acks.inc({ outcome: taken ? 'taken' : 'ledger-differs' });
    return taken;
  };
}
