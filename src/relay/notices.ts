// The hop from a stored notice to the truth: get-status, again and again until it is final (PROTOCOL.md §4).
import { confirmSale } from './confirm.ts';
import { type Hops } from './hops.ts';
import { type StatusOutcome } from './midtrans/gateway.ts';
import { pursue } from './pursue.ts';
import { type NoticeRow } from './store/schema.ts';

/** Waits after the first, second … question; the last one repeats. Status may lag the notice. */
const firstWaitsMs = [1_000, 2_000, 5_000, 10_000] as const;
const slowAfter = 60;
const slowWaitMs = 60_000;
/** A notice that get-status contradicts for this long is put aside, with a warning. */
const staleMs = 24 * 3_600_000;

/** Confirms one notice, or leaves it for later. `attempts` counts this one. @throws what the store throws. */
export async function confirmNotice(hops: Hops, notice: NoticeRow): Promise<void> {
  const { saleId, noticeId } = notice;
  const nowMs = hops.clock.nowMs();
  const row = await hops.store.sale(saleId);
  if (row === undefined) {
    await hops.store.settleNotice(noticeId, { state: 'unknown-order', nextAtMs: nowMs });
    return;
  }
  const bySale =
    notice.chargeId !== null && row.chargeId !== null && notice.chargeId !== row.chargeId;
  const { decision, outcome } = await confirmSale(hops, row, { bySale });
  await pursue(hops, decision);
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

function isConfirmed(notice: NoticeRow, outcome: StatusOutcome): boolean {
  if (outcome.kind !== 'found') return false;
  if (notice.pending === 1) return true;
  return outcome.status.state !== 'pending' && outcome.status.state !== 'other';
}

function waitMs(attempts: number): number {
  if (attempts > slowAfter) return slowWaitMs;
  return firstWaitsMs[Math.min(Math.max(attempts, 1), firstWaitsMs.length) - 1] ?? slowWaitMs;
}
