// The day close as a person reads it: a list of sales, what is wrong with them and what to do next, the sums. PURE.
import { formatRupiah } from '../protocol/money.ts';
import { isSettled } from '../protocol/verdict.ts';
import { type Balance, type Sum } from './balance.ts';
import { word, type Finding } from './finding.ts';
import {
  localTime,
  theirWord,
  type DayHead,
  type KioskSum,
  type NoticeLine,
  type ReportForm,
  type SaleLine,
  type Summary,
} from './report-form.ts';
import { type DaySales } from './store/day.ts';

const saleWidth = 36;
const timeWidth = 9;
const moneyWidth = 16;
const stateWidth = 12;
const lineWidth = 118;

/** @param brief without the list of sales: what was found, and the sums. */
export function textForm(head: DayHead, brief: boolean): ReportForm {
  const listed = (text: string): string => (brief ? '' : text);
  return {
    head: () => headText(head),
    part: (which) => listed(`\n${parts[which]}\n${columns}\n`),
    sale: (line) => listed(saleText(head, line)),
    notice: () => '',
    end: (summary) => foundText(head, summary) + sumsText(summary) + lastWord(head, summary),
  };
}

const parts: Readonly<Record<DaySales, string>> = {
  begun: 'Begun on this day',
  settled: 'Begun on another day, settled on this one',
  refunded: 'Of other days: money went back on this one',
  claim: 'Of other days: the claim changed on this one',
};

const columns = row('', 'begun', 'settled', 'sale', 'amount', 'kiosk', 'relay', 'Midtrans');

function headText(head: DayHead): string {
  const { day, zone, merchantName, environment, offline, writtenAtMs, span } = head;
  const early =
    writtenAtMs < span.toMs ? ' The day is not over: these are its figures so far.' : '';
  const asked = offline
    ? 'Midtrans was not asked (--offline): nothing here is compared with what Midtrans has.'
    : 'Midtrans was asked about every sale.';
  return [
    `Day close of ${day} (${zone}), ${word(merchantName)}, ${environment}`,
    `Written at ${localTime(writtenAtMs, zone)} ${zone}.${early}`,
    `${asked} A sale counts on the day on which its money settled.`,
    '',
  ].join('\n');
}

function saleText(head: DayHead, { sale, claim, theirs, findings, counted }: SaleLine): string {
  const settled = sale.settledAtMs === null ? '-' : clock(head, sale.settledAtMs);
  const claimed = claim === undefined ? '' : `, claim ${claim.state}`;
  const where =
    isSettled(sale.verdict) && !counted
      ? `  (counted on ${localTime(sale.settledAtMs ?? 0, head.zone).slice(0, 10)})`
      : '';
  const line = row(
    findings.length === 0 ? '' : '!',
    clock(head, sale.createdAtMs),
    settled,
    sale.saleId,
    formatRupiah(isSettled(sale.verdict) ? sale.settledIdr : sale.amountIdr),
    sale.fulfilment ?? '-',
    sale.verdict + claimed,
    theirWord(theirs),
  );
  return `${line}${where}\n`;
}

/** The hour; with its date where that is another day. */
function clock({ day, zone }: DayHead, ms: number): string {
  const [date = '', time = ''] = localTime(ms, zone).split(' ');
  return date === day ? time : `${date.slice(5)} ${time.slice(0, 5)}`;
}

function row(mark: string, ...cells: string[]): string {
  const [begun = '', settled = '', sale = '', amount = '', kiosk = '', relay = '', theirs = ''] =
    cells;
  return [
    mark.padEnd(1),
    begun.padEnd(timeWidth + 3),
    settled.padEnd(timeWidth + 3),
    sale.padEnd(saleWidth),
    amount.padStart(moneyWidth),
    '',
    kiosk.padEnd(stateWidth),
    relay.padEnd(stateWidth * 2),
    theirs,
  ]
    .join(' ')
    .trimEnd();
}

function foundText(head: DayHead, { found, kept, noticesCut }: Summary): string {
  const total = found.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return '\nNo differences.\n';
  const kinds = found.map(({ kind, count }) => `${kind} ${count}`).join(', ');
  const shown = kept.reduce((sum, line) => sum + findingsIn(line).length, 0);
  const rest = total - shown;
  return [
    `\n${total} ${total === 1 ? 'difference' : 'differences'}: ${kinds}\n`,
    ...kept.map((line) => keptText(head, line)),
    rest > 0 ? `\n… and ${rest} more; --format csv has them all.\n` : '',
    noticesCut ? '\nMore unknown orders came than are listed.\n' : '',
  ].join('');
}

function findingsIn(line: SaleLine | NoticeLine): readonly Finding[] {
  return 'sale' in line ? line.findings : [line.finding];
}

function keptText(head: DayHead, line: SaleLine | NoticeLine): string {
  const title =
    'sale' in line
      ? `${line.sale.saleId}  ${formatRupiah(line.sale.amountIdr)}  begun ${localTime(line.sale.createdAtMs, head.zone)}`
      : `order ${word(line.orderId)}  notice came ${localTime(line.receivedAtMs, head.zone)}`;
  const findings = findingsIn(line).flatMap(({ kind, what, next }) => [
    ...wrapped(`  ${kind}: `, what),
    ...wrapped('    Next: ', next),
  ]);
  return `\n${[title, ...findings].join('\n')}\n`;
}

/** A command is to be copied: it stays in one piece. */
const command = /kios relay [^.,]+/g;
const tie = '\u00a0';

/** Broken at spaces; what follows stands below the first letter. */
function wrapped(opening: string, text: string): string[] {
  const lines: string[] = [];
  let line = opening;
  let empty = true;
  for (const part of text.replace(command, (found) => found.replaceAll(' ', tie)).split(' ')) {
    if (!empty && line.length + 1 + part.length > lineWidth) {
      lines.push(line);
      line = ' '.repeat(opening.length);
      empty = true;
    }
    line += empty ? part : ` ${part}`;
    empty = false;
  }
  return [...lines, line].map((whole) => whole.replaceAll(tie, ' '));
}

const sumColumns = ['settled', 'in hand', 'done', 'refunded', 'open claim'] as const;
/** Part of what was refunded: what Midtrans knows nothing of. */
const byHandColumn = 'outside Midtrans';
const countWidth = 7;

function sumsText({ kiosks, begun, balance, goneBack }: Summary): string {
  const title = ['kiosk'.padEnd(10), 'begun'.padStart(countWidth)];
  const lines = [
    [
      ...title,
      ...sumColumns.map((name) => name.padStart(countWidth + 1 + moneyWidth)),
      byHandColumn.padStart(moneyWidth),
    ].join(' '),
    ...kiosks.map((sum) => sumText(sum)),
    sumText({ kioskId: 'all', begun, balance }),
  ];
  return `\n${lines.join('\n')}\n${goneBackText(goneBack)}`;
}

/** Not in the sums above, which are those of the days on which these settled. */
function goneBackText({ count, idr }: Sum): string {
  if (count === 0) return '';
  const sales = count === 1 ? 'one sale' : `${count} sales`;
  return `\nBesides, money of ${sales} of other days went back: ${formatRupiah(idr)} of theirs by now.\n`;
}

function sumText({ kioskId, begun, balance }: KioskSum): string {
  const cells = sumsOf(balance).map(
    ({ count, idr }) =>
      `${String(count).padStart(countWidth)} ${formatRupiah(idr).padStart(moneyWidth)}`,
  );
  const byHand = formatRupiah(balance.byHandIdr).padStart(moneyWidth);
  return [kioskId.padEnd(10), String(begun).padStart(countWidth), ...cells, byHand].join(' ');
}

function sumsOf({ settled, inHand, done, refunded, openClaim }: Balance): Sum[] {
  return [settled, inHand, done, refunded, openClaim];
}

function lastWord({ offline }: DayHead, { balance, balanced, found }: Summary): string {
  const settled = formatRupiah(balance.settled.idr);
  const sums = balanced
    ? `Balanced: in hand, done, refunded and open claims together are the ${settled} that settled.`
    : `NOT BALANCED: in hand, done, refunded and open claims together are not the ${settled} that settled.`;
  const clean = balanced && found.length === 0;
  const verdict = clean
    ? `Nothing to do${offline ? ', as far as can be told without Midtrans' : ''}.`
    : 'See the differences above.';
  return `\n${sums} ${verdict}\n`;
}
