// The day close: what a day is, how it is walked through, what its text and its CSV may hold.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { addBalances, balanceOf, emptyBalance, isBalanced } from '../../src/relay/balance.ts';
import { type Ask } from '../../src/relay/report-asking.ts';
import { csvForm } from '../../src/relay/report-csv.ts';
import { findingsOf } from '../../src/relay/report-findings.ts';
import { spanOf, type DayHead, type SaleLine, type Summary } from '../../src/relay/report-form.ts';
import { textForm } from '../../src/relay/report-lines.ts';
import { writeReport } from '../../src/relay/report.ts';
import { type ClaimRow, type SaleRow } from '../../src/relay/sale-row.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { dayStore } from '../../src/relay/store/day.ts';
import { migrate } from '../../src/relay/store/migrations.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { at, merchantId, saleId } from './ledger-rows.ts';
import { claimOf, done, failed, notAsked, ours, theirs } from './report-rows.ts';

test.each([
  ['2026-11-21', 'WIB', '2026-11-20T17:00:00.000Z'],
  ['2026-11-21', 'WITA', '2026-11-20T16:00:00.000Z'],
  ['2026-11-21', 'WIT', '2026-11-20T15:00:00.000Z'],
  ['2024-02-29', 'WIB', '2024-02-28T17:00:00.000Z'],
] as const)('%s in %s begins at %s', (day, zone, begins) => {
  const span = spanOf(day, zone);
  expect(new Date(span?.fromMs ?? 0).toISOString()).toBe(begins);
  expect((span?.toMs ?? 0) - (span?.fromMs ?? 0)).toBe(86_400_000);
});
test.each(['2026-02-30', '2026-13-01', '21-11-2026', '2026-11-21T00:00', ''])(
  'there is no day %j',
  (day) => {
    expect(spanOf(day, 'WIB')).toBeUndefined();
  },
);

const day = '2026-11-21';
const span = spanOf(day, 'WIB') ?? expect.fail('a day');
const head: DayHead = {
  ...{ day, zone: 'WIB', span, merchantName: 'KIOS CONTOH', environment: 'sandbox' },
  ...{ offline: false, writtenAtMs: span.toMs + 1 },
};

describe('CSV', () => {
  const line = (sale: SaleRow, claim?: ClaimRow): SaleLine => {
    const answer = theirs('settled');
    const findings = findingsOf({ sale, claim }, answer, ours);
    return { sale, claim, theirs: answer, findings, counted: true };
  };

  test.each([
    ['=HYPERLINK("http://x")', `"'=HYPERLINK(""http://x"")"`],
    ['+62', "'+62"],
    ['-1', "'-1"],
    ['@x', "'@x"],
    ['\t=1', "'\t=1"],
    ['a,b', '"a,b"'],
    ['said "no"', '"said ""no"""'],
    ['two\r\nlines', '"two\r\nlines"'],
  ])('a kiosk that writes %j makes no formula and no second cell', (detail, cell) => {
    const row = csvForm(head).sale(line(done({ fulfilmentDetail: detail })));
    expect(row).toContain(`,done,${cell},paid,`);
  });

  test('every line has every column, ends with CRLF, and amounts are plain integers', () => {
    const form = csvForm(head);
    const header = form.head();
    const columns = header.trimEnd().split(',');
    const cells = form.sale(line(failed(), claimOf())).split(',');
    expect(header.endsWith('\r\n')).toBe(true);
    expect(cells).toHaveLength(columns.length);
    expect(cells[columns.indexOf('amount_idr')]).toBe('15000');
    expect(cells[columns.indexOf('open_claim_idr')]).toBe('15000');
    expect(cells[columns.indexOf('differences')]).toBe('claim-open');
    const end = form.end(summaryOf([{ kioskId: 'ksk01', begun: 1, balance: emptyBalance() }]));
    for (const row of end.trimEnd().split('\r\n')) {
      expect(row.split(',')).toHaveLength(columns.length);
    }
  });
});

test('cash that the operator gave is refunded, and shown apart: Midtrans knows nothing of it', () => {
  const sale = failed();
  const claim = claimOf({ state: 'refunded', handIdr: 15_000 });
  const balance = balanceOf([{ sale, claim }]);
  expect(balance).toMatchObject({ refunded: { idr: 15_000 }, byHandIdr: 15_000 });
  expect(isBalanced(balance)).toBe(true);
  const form = csvForm(head);
  const columns = form.head().trimEnd().split(',');
  const theirs = notAsked;
  const cells = form.sale({ sale, claim, theirs, findings: [], counted: true }).split(',');
  expect(cells[columns.indexOf('refunded_idr')]).toBe('15000');
  expect(cells[columns.indexOf('of_it_outside_midtrans_idr')]).toBe('15000');
  const sums = [{ kioskId: 'ksk01', begun: 1, balance }];
  const text = textForm(head, true).end(summaryOf(sums)).replace(/ +/g, ' ');
  expect(text).toContain(' refunded open claim outside Midtrans\n');
  expect(text).toContain('\nall 1 1 Rp 15.000 0 Rp 0 0 Rp 0 1 Rp 15.000 0 Rp 0 Rp 15.000\n');
});

function summaryOf(sums: Summary['kiosks']): Summary {
  const balance = sums.reduce((all, sum) => addBalances(all, sum.balance), emptyBalance());
  return {
    kiosks: sums,
    begun: 1,
    balance,
    balanced: true,
    goneBack: { count: 0, idr: 0 },
    found: [],
    kept: [],
    noticesCut: false,
  };
}

test('text: a command to be copied stays on one line', () => {
  const sale = failed();
  const findings = findingsOf({ sale, claim: claimOf() }, notAsked, ours);
  const kept = [{ sale, claim: claimOf(), theirs: notAsked, findings, counted: true }];
  const summary = { ...summaryOf([]), kept, found: [{ kind: 'claim-open', count: 1 }] };
  const text = textForm(head, true).end(summary);
  expect(text).toContain(`kios relay claim refund --sale ${saleId}.`);
});

describe('the walk through a day', () => {
  let database: Database;
  let clock: VirtualClock;
  beforeEach(async () => {
    clock = new VirtualClock(span.toMs + 86_400_000);
    database = openSqlite(':memory:', () => clock.nowMs());
    await migrate(database);
  });
  afterEach(() => database.close());

  let made = 0;
  async function store(...rows: Partial<SaleRow>[]): Promise<string[]> {
    const sales = rows.map((row) => ({
      ...done({ settledAtMs: row.createdAtMs ?? at, ...row }),
      saleId: row.saleId ?? `ksk0${(made % 3) + 1}-${String(made++).padStart(26, '0')}`,
    }));
    for (let i = 0; i < sales.length; i += 100) {
      const page = sales
        .slice(i, i + 100)
        .map((sale) => ({ ...sale, kioskId: sale.saleId.slice(0, 5) }));
      await database.db.insertInto('sales').values(page).execute();
    }
    return sales.map((sale) => sale.saleId);
  }

  async function report(
    more: { ask?: Ask; head?: DayHead } = {},
  ): Promise<{ summary: Summary; text: string; listed: string[] }> {
    const lines: string[] = [];
    const used = more.head ?? head;
    const summary = await writeReport({
      ...{ store: dayStore(database), ask: more.ask, clock, head: used, merchantId },
      form: textForm(used, false),
      write: (text) => Promise.resolve(void lines.push(text)),
    });
    const text = lines.join('');
    const listed = [...text.matchAll(/ksk0\d-\d{26}/g)].map(([id]) => id);
    return { summary, text, listed };
  }

  test('a day of many pages lists each sale once, also where all began in one moment', async () => {
    const minuteMs = 60_000;
    const spread = Array.from({ length: 450 }, (_, i) => ({
      createdAtMs: span.fromMs + i * minuteMs,
    }));
    const together = Array.from({ length: 450 }, () => ({ createdAtMs: span.toMs - 1 }));
    const outside = [{ createdAtMs: span.fromMs - 1 }, { createdAtMs: span.toMs }];
    const ids = await store(...spread, ...together);
    await store(...outside);
    const { summary, listed } = await report();
    expect(listed).toHaveLength(900);
    expect(new Set(listed)).toEqual(new Set(ids));
    expect(summary.balance.settled).toEqual({ count: 900, idr: 900 * 15_000 });
    expect(summary.balance.done).toEqual(summary.balance.settled);
    expect(summary.kiosks.map(({ kioskId }) => kioskId)).toEqual(['ksk01', 'ksk02', 'ksk03']);
    expect(summary).toMatchObject({ begun: 900, balanced: true, found: [] });
  });

  test('a sale that settles after midnight is listed on both days, and counts on the day of its money', async () => {
    await store({ createdAtMs: span.toMs - 1000, settledAtMs: span.toMs + 5000 });
    const first = await report();
    expect(first.listed).toHaveLength(1);
    expect(first.text).toContain('(counted on 2026-11-22)');
    expect(first.summary).toMatchObject({ begun: 1, balance: { settled: { count: 0, idr: 0 } } });
    const next = {
      ...head,
      day: '2026-11-22',
      span: { fromMs: span.toMs, toMs: span.toMs + 86_400_000 },
    };
    const second = await report({ head: next });
    expect(second.text).toContain('Begun on another day, settled on this one');
    expect(second.text).not.toContain('counted on');
    expect(second.summary).toMatchObject({
      begun: 0,
      balance: { settled: { count: 1, idr: 15_000 } },
    });
  });

  test('a refund by hand on a later day is a difference of that day, and in none of its sums', async () => {
    const [id = ''] = await store({
      createdAtMs: span.fromMs - 3_600_000,
      ...{ verdict: 'refunded', refundedIdr: 15_000, refundedAtMs: span.fromMs + 1 },
    });
    const { summary, text } = await report();
    expect(text).toMatch(
      new RegExp(
        `Of other days: money went back on this one\\n.*\\n!.*${id}.*counted on 2026-11-20`,
      ),
    );
    expect(text).toContain('Besides, money of one sale of other days went back: Rp 15.000');
    expect(summary).toMatchObject({
      begun: 0,
      balance: emptyBalance(),
      found: [{ kind: 'refunded-by-hand', count: 1 }],
    });
  });

  test('what is only on its way is no difference: row and answer are looked at once more', async () => {
    clock = new VirtualClock(span.toMs - 1000);
    const [id = ''] = await store({
      createdAtMs: span.toMs - 2000,
      verdict: 'pending',
      settledAtMs: null,
      settledIdr: 0,
      fulfilment: null,
      deadlineAtMs: span.toMs,
    });
    let asked = 0;
    const ask: Ask = async () => {
      asked++;
      const answer = theirs('settled', { saleId: id });
      if (asked === 1) {
        const more = {
          verdict: 'paid',
          settledAtMs: span.toMs - 900,
          settledIdr: 15_000,
          fulfilment: 'done',
        } as const;
        await database.db.updateTable('sales').set(more).where('saleId', '=', id).execute();
      }
      return answer;
    };
    const reporting = report({ ask });
    // Time goes on only when the report has nothing else to do.
    while (asked < 2) {
      await new Promise((resolve) => setImmediate(resolve));
      await clock.advance(1000);
    }
    expect((await reporting).summary).toMatchObject({ found: [], balance: { done: { count: 1 } } });
    expect(asked).toBe(2);
  });

  test('an offline report says so, and finds what the rows alone tell', async () => {
    await store({ createdAtMs: span.fromMs, fulfilment: null });
    const { summary, text } = await report({ head: { ...head, offline: true } });
    expect(text).toContain('Midtrans was not asked (--offline)');
    expect(summary.found).toEqual([{ kind: 'in-hand', count: 1 }]);
  });
});
