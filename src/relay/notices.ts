// The hop from stored notices to the truth: get-status, again and again until it is final (PROTOCOL.md §4).
import { type Background } from './background.ts';
import { confirmSale } from './confirm.ts';
import { type Hops } from './hops.ts';
import { type StatusOutcome } from './midtrans/gateway.ts';
import { speaksOfRefund } from './midtrans/notification.ts';
import { pursue } from './pursue.ts';
import { type NoticeRow } from './store/schema.ts';

/** Waits after the first, second … question; the last one repeats. Status may lag the notice. */
const firstWaitsMs = [1_000, 2_000, 5_000, 10_000] as const;
const slowAfter = 60;
const slowWaitMs = 60_000;
/** A notice that get-status contradicts for this long is put aside, with a warning. */
const staleMs = 24 * 3_600_000;

/** Whoever takes notices has this long before another may. Longer than the longest chain of hops. */
const leaseMs = 60_000;

export interface Inquiries {
  /** Confirms what is due of this sale's notices; resolves when that is done. One question at a time for each sale. */
  ask(saleId: string): Promise<void>;
}

export function createInquiries(hops: Hops, background: Background): Inquiries {
  const wanted = new Set<string>();
  return {
    ask(saleId) {
      wanted.add(saleId);
      // What comes while a question runs is asked about in the same run; what slips through, `reconcile` finds.
      return background.run(`notices ${saleId}`, async () => {
        while (wanted.delete(saleId)) await confirmNotices(hops, saleId);
      });
    },
  };
}

/** Asks once for all due notices of a sale; confirms them, or leaves them for later. @throws what the store throws. */
async function confirmNotices(hops: Hops, saleId: string): Promise<void> {
  const notices = await hops.store.takeNotices(saleId, leaseMs);
  if (notices.length === 0) return;
  const nowMs = hops.clock.nowMs();
  const row = await hops.store.sale(saleId);
  if (row === undefined) {
    for (const { noticeId } of notices) {
      await hops.store.settleNotice(noticeId, { state: 'unknown-order', nextAtMs: nowMs });
    }
    return;
  }
  const { chargeId } = row;
  const bySale =
    chargeId !== null &&
    notices.some((notice) => notice.chargeId !== null && notice.chargeId !== chargeId);
  const { decision, outcome } = await confirmSale(hops, row, { bySale });
  await pursue(hops, decision);
  for (const notice of notices) await settle(hops, notice, outcome, nowMs);
}

async function settle(
  hops: Hops,
  notice: NoticeRow,
  outcome: StatusOutcome,
  nowMs: number,
): Promise<void> {
  const { saleId, noticeId } = notice;
  if (isConfirmed(notice, outcome)) {
    await hops.store.settleNotice(noticeId, { state: 'confirmed', nextAtMs: nowMs });
  } else if (nowMs - notice.receivedAtMs > staleMs) {
    hops.log.warn({ saleId }, 'notice.stale');
    await hops.store.settleNotice(noticeId, { state: 'stale', nextAtMs: nowMs });
  } else {
    const nextAtMs = nowMs + waitMs(notice.attempts);
    await hops.store.settleNotice(noticeId, { state: 'unconfirmed', nextAtMs });
  }
}

/** Whether get-status says what the notice said; it may lag, and then it is asked again. */
export function isConfirmed(
  notice: Pick<NoticeRow, 'pending' | 'body'>,
  outcome: StatusOutcome,
): boolean {
  if (outcome.kind !== 'found') return false;
  if (notice.pending === 1) return true;
  // The money was there before it went back: an old `settlement` confirms no refund.
  if (speaksOfRefund(notice.body)) {
    return outcome.status.state === 'refunded' || outcome.status.refundedIdr > 0;
  }
  return outcome.status.state !== 'pending' && outcome.status.state !== 'other';
}

function waitMs(attempts: number): number {
  if (attempts > slowAfter) return slowWaitMs;
  return firstWaitsMs[Math.min(Math.max(attempts, 1), firstWaitsMs.length) - 1] ?? slowWaitMs;
}
