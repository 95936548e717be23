// Walks what nobody is waiting for: deadlines, stops that are not through, charges without news, unconfirmed notices.
// It calls the same hops as a request and never charges. While Midtrans is silent or wants quiet it waits: nobody else does.
import { type Background } from './background.ts';
import { move, type Hops } from './hops.ts';
import { type Inquiries } from './notices.ts';
import { pursue } from './pursue.ts';

const tickMs = 500;
/** Sales in work at once, and as many again with notices: so many calls Midtrans sees from here at most. */
const maxAtOnce = 16;
/** Whoever takes a row has this long before another may. Longer than the longest chain of hops (config.ts). */
export const dueLeaseMs = 60_000;

/** Starts walking; the answer stops it (what is in work goes on in `background`). */
export function startReconcile(
  hops: Hops,
  background: Background,
  inquiries: Inquiries,
): () => void {
  const due = createPlaces();
  const noticed = createPlaces();
  let stopped = false;
  let cancel: (() => void) | undefined;

  async function tick(): Promise<void> {
    try {
      void background.run('midtrans probe', () => hops.upstream.probe());
      if (hops.upstream.quietMs() === 0) await walk();
    } catch (error) {
      hops.metrics.faults.inc({ place: 'reconcile' });
      hops.log.error({ error: String(error) }, 'reconcile.failed');
    }
    schedule();
  }

  async function walk(): Promise<void> {
    for (const row of await hops.store.takeDue(due.free(), dueLeaseMs)) {
      due.take(
        background.run(`due ${row.saleId}`, async () => {
          await pursue(hops, await move(hops, row.saleId, { type: 'due' }));
        }),
      );
    }
    for (const saleId of await hops.store.salesNoticed(noticed.free())) {
      noticed.take(inquiries.ask(saleId));
    }
  }

  function schedule(): void {
    if (!stopped) cancel = hops.clock.after(tickMs, () => void tick());
  }

  schedule();
  return () => {
    stopped = true;
    cancel?.();
  };
}

/** Counts what was begun here alone: whatever else the relay is busy with must not hold back a deadline. */
function createPlaces(): { free(): number; take(work: Promise<void>): void } {
  let taken = 0;
  return {
    free: () => maxAtOnce - taken,
    take(work) {
      taken++;
      void work.finally(() => taken--);
    },
  };
}
