// The hop from stored notices to the truth: get-status, again and again until it is final (PROTOCOL.md §4).
import { type Background } from './background.ts';
import { maxAskTimeoutMs } from './config.ts';
import { confirmSale } from './confirm.ts';
import { type Hops } from './hops.ts';
import { type StatusOutcome } from './midtrans/gateway.ts';
import { speaksOfRefund } from './midtrans/notification.ts';
import { pursue } from './pursue.ts';
import { type NoticeRow } from './store/schema.ts';
import { type Judgement, type Kept } from './store/store.ts';

/** Waits after the first, second … question; the last one repeats. Status may lag the notice. */
const firstWaitsMs = [1_000, 2_000, 5_000, 10_000] as const;
const slowAfter = 60;
const slowWaitMs = 60_000;
/** A notice that get-status contradicts for this long is put aside, with a warning. */
const staleMs = 24 * 3_600_000;

/** What the store and the loop may take besides the one question that a lease is for. */
const spareMs = 2_000;
/** Whoever takes notices has this long before another may: when a relay is killed, another asks so soon. */
export const noticeLeaseMs = maxAskTimeoutMs + spareMs;

/**
 * Questions at once: fewer than there are connections to Midtrans, so that a flood of notices keeps no charge waiting, and
 * none of them waits for a connection until its time is over, which would look like a silent Midtrans.
 */
const maxAtOnce = 96;
/** Sales that wait to be asked about; above it they are left to `reconcile`. */
const maxWanted = 10_000;

export interface Inquiries {
  /**
   * Confirms what is due of this sale's notices; resolves when that is done. One question at a time for each sale.
   * @param kept A notice that was stored and leased just now.
   */
  ask(saleId: string, kept?: Kept): Promise<void>;
}

/** A notice that came, and since when (monotonic) it waits for its question. */
interface Wanted {
  kept: Kept;
  sinceMs: number;
}

export function createInquiries(hops: Hops, background: Background): Inquiries {
  const wanted = new Map<string, Wanted[]>();
  const places = createPlaces(maxAtOnce);

  async function ask(saleId: string, kept?: Kept): Promise<void> {
    const present = wanted.get(saleId);
    // It is stored: whoever looks when its lease is over, asks.
    if (present === undefined && wanted.size >= maxWanted) return;
    const sinceMs = hops.clock.monotonicMs();
    wanted.set(saleId, [...(present ?? []), ...(kept === undefined ? [] : [{ kept, sinceMs }])]);
    await places.take();
    try {
      // What comes while a question runs is asked about in the same run, or right after it.
      while (wanted.has(saleId)) await background.run(`notices ${saleId}`, () => confirm(saleId));
    } finally {
      places.free();
    }
    if (kept === undefined) return;
    const seconds = (hops.clock.monotonicMs() - sinceMs) / 1000;
    hops.metrics.hops.observe({ hop: 'notice-confirmed' }, seconds);
  }

  async function confirm(saleId: string): Promise<void> {
    const fresh = wanted.get(saleId) ?? [];
    wanted.delete(saleId);
    await confirmNotices(
      hops,
      saleId,
      fresh.map(({ kept }) => kept),
      // What has waited in a crowd takes its lease anew, unless another relay has it by now.
      fresh.every(({ sinceMs }) => hops.clock.monotonicMs() - sinceMs < spareMs),
    );
  }

  return { ask };
}

/**
 * Asks once for all due notices of a sale; confirms them, or leaves them for later.
 * @param fresh Those that came and need not be looked for. `isLeased`: long enough for a question.
 * @throws what the store throws.
 */
async function confirmNotices(
  hops: Hops,
  saleId: string,
  fresh: readonly Kept[],
  isLeased: boolean,
): Promise<void> {
  const ours = fresh.flatMap(({ notice }) => (notice === undefined ? [] : [notice]));
  const notices =
    ours.length > 0 && isLeased ? ours : await hops.store.takeNotices(saleId, noticeLeaseMs, ours);
  if (notices.length === 0) return;
  const row = fresh.at(-1)?.sale ?? (await hops.store.sale(saleId));
  if (row === undefined) {
    await hops.store.settleNotices((nextAtMs) =>
      notices.map(({ noticeId }) => ({ noticeId, state: 'unknown-order', nextAtMs })),
    );
    return;
  }
  const { chargeId } = row;
  const bySale =
    chargeId !== null &&
    notices.some((notice) => notice.chargeId !== null && notice.chargeId !== chargeId);
  const { decision, outcome } = await confirmSale(hops, row, {
    bySale,
    judge: (answer, nowMs, said) =>
      notices.map((notice) => judged(notice, isAbout(notice, said) ? said : answer, nowMs)),
  });
  const nowMs = hops.clock.nowMs();
  const isStale = notices.some((notice) => judged(notice, outcome, nowMs).state === 'stale');
  if (isStale) hops.log.warn({ saleId }, 'notice.stale');
  await pursue(hops, decision);
}

/** The very charge that the notice names: it is answered, also when that one is not the sale's own. */
function isAbout(notice: NoticeRow, outcome: StatusOutcome): boolean {
  return outcome.kind === 'found' && outcome.status.chargeId === notice.chargeId;
}

function judged(notice: NoticeRow, outcome: StatusOutcome, nowMs: number): Judgement {
  const { noticeId } = notice;
  if (isConfirmed(notice, outcome)) return { noticeId, state: 'confirmed', nextAtMs: nowMs };
  if (nowMs - notice.receivedAtMs > staleMs) return { noticeId, state: 'stale', nextAtMs: nowMs };
  return { noticeId, state: 'unconfirmed', nextAtMs: nowMs + waitMs(notice.attempts) };
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

/** So many at once, the others in the order in which they came. */
function createPlaces(count: number): { take(): Promise<void>; free(): void } {
  const waiting: (() => void)[] = [];
  let left = count;
  return {
    take() {
      if (left === 0) return new Promise<void>((resolve) => waiting.push(resolve));
      left--;
      return Promise.resolve();
    },
    free() {
      const next = waiting.shift();
      if (next === undefined) left++;
      else next();
    },
  };
}
