// Notices that the ledger was replaced beneath a running relay (`kios relay restored`), and ends it: what it holds in
// memory belongs to another ledger. The next start reads everything anew.
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { KiosError } from '../protocol/errors.ts';
import { type Metrics } from './metrics.ts';
import { type Store } from './store/store.ts';

const lookEveryMs = 2_000;

export interface LedgerWatchParts {
  store: Pick<Store, 'ledgerId' | 'presentLedgerId'>;
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

/** Calls `replaced` once, when the id in the database is another one. The answer stops the watch. */
export function watchLedger(parts: LedgerWatchParts, replaced: (why: Error) => void): () => void {
  const { store, clock, log, metrics } = parts;
  let stopped = false;
  let cancel: (() => void) | undefined;

  async function look(): Promise<void> {
    const present = await store.presentLedgerId().catch((error: unknown) => {
      // A database that is away says nothing about its ledger.
      metrics.faults.inc({ place: 'ledger-watch' });
      log.warn({ error: String(error) }, 'ledger.unread');
      return store.ledgerId;
    });
    if (stopped) return;
    if (present === store.ledgerId) {
      schedule();
      return;
    }
    log.error({ was: store.ledgerId, is: present }, 'ledger.replaced');
    replaced(new KiosError('ledger-differs', 'the ledger was replaced: start this relay again'));
  }

  function schedule(): void {
    cancel = clock.after(lookEveryMs, () => void look());
  }

  schedule();
  return () => {
    stopped = true;
    cancel?.();
  };
}
