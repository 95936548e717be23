// The day close as a table for a spreadsheet: RFC 4180, one header, a row a sale, and the sums as rows of their own. PURE.
// The sums of a column of sales are the row `all`. No cell is a formula, whatever a kiosk or Midtrans wrote.
import { balanceOf, emptyBalance, type Balance } from './balance.ts';
import { type Finding } from './finding.ts';
import {
  localTime,
  theirWord,
  type DayHead,
  type KioskSum,
  type NoticeLine,
  type ReportForm,
  type SaleLine,
} from './report-form.ts';

const columns = [
  'row',
  'kiosk',
  'sale',
  'begun',
  'settled',
  'counted',
  'amount_idr',
  'fulfilment',
  'fulfilment_detail',
  'verdict',
  'claim_kind',
  'claim_state',
  'claim_note',
  'midtrans',
  'midtrans_idr',
  'midtrans_refunded_idr',
  'issuer',
  'begun_count',
  'settled_idr',
  'in_hand_idr',
  'done_idr',
  'refunded_idr',
  'of_it_outside_midtrans_idr',
  'open_claim_idr',
  'differences',
  'next',
] as const;
type Cells = Partial<Record<(typeof columns)[number], string | number | null>>;

/** `row` is `sale`, `notice` (an order that is not ours), `kiosk` (its sums) or `all`. Times are local, amounts whole rupiah. */
export function csvForm(head: DayHead): ReportForm {
  const time = (ms: number | null): string => (ms === null ? '' : localTime(ms, head.zone));
  return {
    head: () => line([...columns]),
    part: () => '',
    sale: (of) => saleRow(of, time),
    notice: (of) => noticeRow(of, time),
    end: ({ kiosks, begun, balance }) =>
      [
        ...kiosks.map((sum) => sumRow('kiosk', sum)),
        sumRow('all', { kioskId: '', begun, balance }),
      ].join(''),
  };
}

function saleRow(of: SaleLine, time: (ms: number | null) => string): string {
  const { sale, claim, theirs, findings, counted } = of;
  const balance = counted ? balanceOf([of]) : emptyBalance();
  return cells({
    row: 'sale',
    kiosk: sale.kioskId,
    sale: sale.saleId,
    begun: time(sale.createdAtMs),
    settled: time(sale.settledAtMs),
    counted: counted ? 1 : 0,
    amount_idr: sale.amountIdr,
    fulfilment: sale.fulfilment,
    fulfilment_detail: sale.fulfilmentDetail,
    verdict: sale.verdict,
    claim_kind: claim?.kind ?? null,
    claim_state: claim?.state ?? null,
    claim_note: claim?.note ?? null,
    midtrans: theirWord(theirs),
    midtrans_idr: theirs.kind === 'found' ? (theirs.status.amountIdr ?? null) : null,
    midtrans_refunded_idr: theirs.kind === 'found' ? theirs.status.refundedIdr : null,
    issuer: sale.issuer,
    ...sums(balance),
    ...found(findings),
  });
}

function noticeRow(of: NoticeLine, time: (ms: number | null) => string): string {
  const { orderId, receivedAtMs, theirs, finding } = of;
  return cells({
    row: 'notice',
    sale: orderId,
    begun: time(receivedAtMs),
    midtrans: theirWord(theirs),
    midtrans_idr: theirs.kind === 'found' ? (theirs.status.amountIdr ?? null) : null,
    ...found([finding]),
  });
}

function sumRow(kind: 'kiosk' | 'all', { kioskId, begun, balance }: KioskSum): string {
  const counted = balance.settled.count;
  return cells({ row: kind, kiosk: kioskId, begun_count: begun, counted, ...sums(balance) });
}

function sums({ settled, inHand, done, refunded, byHandIdr, openClaim }: Balance): Cells {
  return {
    settled_idr: settled.idr,
    in_hand_idr: inHand.idr,
    done_idr: done.idr,
    refunded_idr: refunded.idr,
    of_it_outside_midtrans_idr: byHandIdr,
    open_claim_idr: openClaim.idr,
  };
}

function found(findings: readonly Finding[]): Cells {
  return {
    differences: findings.map(({ kind }) => kind).join('; '),
    next: findings.map(({ next }) => next).join(' | '),
  };
}

function cells(of: Cells): string {
  return line(columns.map((name) => of[name] ?? ''));
}

/** RFC 4180 §2: CRLF ends a line, quotes are doubled. */
function line(values: readonly (string | number)[]): string {
  return `${values.map((value) => (typeof value === 'number' ? String(value) : cell(value))).join(',')}\r\n`;
}

/** A spreadsheet takes a cell that begins so for a formula, and runs it. */
const formula = /^[=+\-@\t\r]/;

function cell(text: string): string {
  const safe = formula.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
