// The day close: walks through the sales of one day, asks Midtrans about each, and writes what it finds. It changes
// nothing, works beside a running relay, and holds one page of sales in memory, however many the day has.
import { wait, type Clock } from '../lib/clock.ts';
import { isSettled } from '../protocol/verdict.ts';
import {
  addBalances,
  balanceOf,
  emptyBalance,
  isBalanced,
  type BalanceRow,
  type Sum,
} from './balance.ts';
import { type Finding, type FindingKind, type Theirs } from './finding.ts';
import { atOnce, type Ask } from './report-asking.ts';
import { findingsOf, unknownOrder } from './report-findings.ts';
import {
  type DayHead,
  type KioskSum,
  type NoticeLine,
  type ReportForm,
  type SaleLine,
  type Summary,
} from './report-form.ts';
import { dayTimeMs, type DayCursor, type DaySales, type DayStore } from './store/day.ts';

/** The day itself last: it is the longest. */
const reported: readonly DaySales[] = ['refunded', 'claim', 'settled', 'begun'];
const pageSize = 200;
/** Findings that are told in words at the end; all are counted. */
const maxKept = 1_000;
const maxNotices = 1_000;
/** A sale so young may be moving just now, */
const freshMs = 3_600_000;
/** and so long later it has settled down, or has not. */
const secondLookMs = 3_000;
/** What another look a moment later would find again. */
const lasting: ReadonlySet<FindingKind> = new Set([
  'no-answer',
  'refunded-by-hand',
  'held-by-fraud-mark',
  'pending-after-expiry',
  'recovering',
  'claim-open',
  'claim-locked',
  'in-hand',
  'no-settled-time',
]);

export interface ReportParts {
  store: DayStore;
  /** Undefined: Midtrans is not asked. */
  ask: Ask | undefined;
  clock: Clock;
  head: DayHead;
  form: ReportForm;
  merchantId: string;
  /** Takes whole lines; resolves when there is room for more. */
  write: (text: string) => Promise<void>;
}

/** Writes the report. Its summary says whether the day is closed: balanced, and nothing found. */
export async function writeReport(parts: ReportParts): Promise<Summary> {
  const { store, form, head, write } = parts;
  const sums = createSums();
  await write(form.head());
  for (const which of reported) {
    let after: DayCursor | undefined;
    for (;;) {
      const rows = await store.salesOfDay(head.span, which, after, pageSize);
      const last = rows.at(-1);
      if (last === undefined) break;
      if (after === undefined) await write(form.part(which));
      for (const line of await linesOf(parts, rows)) {
        sums.take(line, which);
        await write(form.sale(line));
      }
      after = { atMs: dayTimeMs(last, which), saleId: last.sale.saleId };
    }
  }
  const { lines, cut } = await noticesOf(parts);
  for (const line of lines) {
    sums.takeNotice(line);
    await write(form.notice(line));
  }
  const summary = { ...sums.end(), noticesCut: cut };
  await write(form.end(summary));
  return summary;
}

/** A few at once, in the order of the rows. */
async function linesOf(parts: ReportParts, rows: readonly BalanceRow[]): Promise<SaleLine[]> {
  const lines: SaleLine[] = [];
  for (let i = 0; i < rows.length; i += atOnce) {
    const few = rows.slice(i, i + atOnce);
    lines.push(...(await Promise.all(few.map((row) => lineOf(parts, row)))));
  }
  return lines;
}

async function lineOf(parts: ReportParts, row: BalanceRow): Promise<SaleLine> {
  const first = await judged(parts, row);
  if (first.findings.every(({ kind }) => lasting.has(kind))) return first;
  // Row and answer are of two moments, and so are sale and claim: what is only on its way is no difference.
  if (parts.clock.nowMs() - row.sale.createdAtMs < freshMs) await wait(parts.clock, secondLookMs);
  const now = await parts.store.saleWithClaim(row.sale.saleId);
  return judged(parts, now ?? row);
}

async function judged(
  { ask, clock, head, merchantId }: ReportParts,
  row: BalanceRow,
): Promise<SaleLine> {
  const { sale } = row;
  const theirs: Theirs =
    ask === undefined ? { kind: 'not-asked' } : await ask(sale.saleId, sale.chargeId);
  const { fromMs, toMs } = head.span;
  const settledAtMs = isSettled(sale.verdict) ? sale.settledAtMs : null;
  return {
    ...row,
    theirs,
    findings: findingsOf(row, theirs, { nowMs: clock.nowMs(), merchantId }),
    counted: settledAtMs !== null && settledAtMs >= fromMs && settledAtMs < toMs,
  };
}

/** One line an order, although Midtrans sends several notices of each. */
async function noticesOf({
  store,
  ask,
  head,
}: ReportParts): Promise<{ lines: NoticeLine[]; cut: boolean }> {
  const notices = await store.unknownNotices(head.span, maxNotices);
  const byOrder = new Map<string, NoticeLine>();
  for (const { saleId, receivedAtMs } of notices) {
    if (byOrder.has(saleId)) continue;
    const theirs: Theirs = ask === undefined ? { kind: 'not-asked' } : await ask(saleId, null);
    byOrder.set(saleId, { orderId: saleId, receivedAtMs, theirs, finding: unknownOrder(theirs) });
  }
  return { lines: [...byOrder.values()], cut: notices.length === maxNotices };
}

interface Sums {
  take(line: SaleLine, which: DaySales): void;
  takeNotice(line: NoticeLine): void;
  end(): Omit<Summary, 'noticesCut'>;
}

function createSums(): Sums {
  const kiosks = new Map<string, KioskSum>();
  const found = new Map<string, number>();
  const kept: (SaleLine | NoticeLine)[] = [];
  let goneBack: Sum = { count: 0, idr: 0 };

  function note(line: SaleLine | NoticeLine, findings: readonly Finding[]): void {
    for (const { kind } of findings) found.set(kind, (found.get(kind) ?? 0) + 1);
    if (findings.length > 0 && kept.length < maxKept) kept.push(line);
  }

  return {
    take(line, which) {
      const { kioskId } = line.sale;
      const sum = kiosks.get(kioskId) ?? { kioskId, begun: 0, balance: emptyBalance() };
      // Differences are told sale by sale; kept in the sums they would fill the memory.
      const own = line.counted ? { ...balanceOf([line]), differences: [] } : emptyBalance();
      kiosks.set(kioskId, {
        kioskId,
        begun: sum.begun + (which === 'begun' ? 1 : 0),
        balance: addBalances(sum.balance, own),
      });
      if (which === 'refunded') {
        goneBack = { count: goneBack.count + 1, idr: goneBack.idr + line.sale.refundedIdr };
      }
      note(line, line.findings);
    },
    takeNotice(line) {
      note(line, [line.finding]);
    },
    end() {
      const sorted = [...kiosks.values()].sort((a, b) => (a.kioskId < b.kioskId ? -1 : 1));
      const balance = sorted.reduce((all, sum) => addBalances(all, sum.balance), emptyBalance());
      return {
        kiosks: sorted,
        begun: sorted.reduce((count, { begun }) => count + begun, 0),
        balance,
        balanced: isBalanced(balance),
        goneBack,
        found: [...found]
          .map(([kind, count]) => ({ kind, count }))
          .sort((a, b) => b.count - a.count),
        kept,
      };
    },
  };
}
