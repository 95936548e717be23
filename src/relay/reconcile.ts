// Walks what nobody is waiting for: deadlines, stops that are not through, charges without news, unconfirmed notices.
// It calls the same hops as a request and never charges.
import { type Background } from './background.ts';
import { move, type Hops } from './hops.ts';
import { confirmNotice } from './notices.ts';
import { pursue } from './pursue.ts';

const tickMs = 500;
/** Sales and notices in work at once: so many calls Midtrans sees from here at most. */
const maxAtOnce = 16;
/** Whoever takes a row has this long before another may. Longer than the longest chain of hops. */
const leaseMs = 60_000;

/** Starts walking; the answer stops it (what is in work goes on in `background`). */
export function startReconcile(hops: Hops, background: Background): () => void {
  let stopped = false;
  let cancel: (() => void) | undefined;

  async function tick(): Promise<void> {
    try {
      await takeSales(hops, background);
      await takeNotices(hops, background);
    } catch (error) {
      hops.metrics.faults.inc({ place: 'reconcile' });
      hops.log.error({ error: String(error) }, 'reconcile.failed');
    }
    schedule();
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

async function takeSales(hops: Hops, background: Background): Promise<void> {
  const room = maxAtOnce - background.size;
  if (room <= 0) return;
  for (const row of await hops.store.takeDue(room, leaseMs)) {
    void background.run(`due ${row.saleId}`, async () => {
      await pursue(hops, await move(hops, row.saleId, { type: 'due' }));
    });
  }
}

async function takeNotices(hops: Hops, background: Background): Promise<void> {
  const room = maxAtOnce - background.size;
  if (room <= 0) return;
  for (const notice of await hops.store.takeNotices(room, leaseMs)) {
    void background.run(`notice ${notice.noticeId}`, () => confirmNotice(hops, notice));
  }
}
