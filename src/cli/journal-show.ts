// `kios journal show`: the last entries, those of a sale or of a day, for people or as JSON lines.
import { InvalidArgumentError, type Command } from 'commander';
import type { Row } from '../kiosk/journal-chain.ts';
import {
  maxShown,
  salesNamed,
  wantedRows,
  withJournalView,
  type Wanted,
} from '../kiosk/journal-view.ts';
import { entryWords, withoutSecrets } from '../kiosk/journal-words.ts';
import { readRow, type SaleRow } from '../kiosk/past-sale-row.ts';
import { dayNamed, localTime, type TimeZone } from '../kiosk/zone.ts';
import { KiosError } from '../protocol/errors.ts';
import { formatRupiah } from '../protocol/money.ts';
import { placeOf, writeOut, type JournalFlags } from './journal-place.ts';

const defaultLast = 20;

interface Flags {
  last?: number;
  sale?: string;
  day?: string;
  json?: true;
}

export function addShowCommand(journal: Command): void {
  journal
    .command('show')
    .description('Shows entries, oldest first, and what is known of a sale.')
    .option(
      '--last <n>',
      `so many of them (${defaultLast} where nothing else is asked for)`,
      parseCount,
    )
    .option('--sale <id>', 'of one sale: its id, or the end of it as it stands on the slip')
    .option('--day <day>', 'of one day, such as 2026-11-21', parseDay)
    .option('--json', 'one JSON document a line, times in UTC')
    .action(async (flags: Flags) => {
      const { path, zone } = placeOf(journal.opts<JournalFlags>());
      await withJournalView(path, async (db) => {
        const sale = flags.sale === undefined ? undefined : named(salesNamed(db, flags.sale));
        const rows = wantedRows(db, wantedOf(flags, sale?.saleId, zone));
        const json = flags.json === true;
        if (sale !== undefined) await writeOut(`${saleText(sale, json)}\n`);
        for (const row of rows) await writeOut(`${entryText(row, zone, json)}\n`);
      });
    });
}

/** @throws KiosError when it is none, or several */
function named(sales: readonly SaleRow[]): SaleRow {
  const [first, ...others] = sales;
  if (first === undefined) throw new KiosError('sale-unknown', 'the journal has no such sale');
  if (others.length === 0) return first;
  const ids = sales.map(({ saleId }) => saleId).join(', ');
  throw new KiosError('bad-request', `several sales end so: ${ids}`);
}

function wantedOf({ last, day }: Flags, saleId: string | undefined, zone: TimeZone): Wanted {
  const span = day === undefined ? undefined : dayNamed(day, zone);
  const all = saleId !== undefined || span !== undefined;
  return {
    last: last ?? (all ? maxShown : defaultLast),
    ...(saleId === undefined ? {} : { saleId }),
    ...span,
  };
}

function entryText({ number, kind, at, hash, body }: Row, zone: TimeZone, json: boolean): string {
  const shown = withoutSecrets(parseBody(body));
  if (json) return JSON.stringify({ number, kind, at, hash, body: shown });
  const when = localTime(Date.parse(at), zone, 'seconds');
  return printable(`${String(number).padStart(8)}  ${when}  ${entryWords(kind, shown)}`);
}

function saleText(row: SaleRow, json: boolean): string {
  const { proof: _proof, ...sale } = row;
  if (json) return JSON.stringify({ sale });
  const read = readRow(row);
  if (read === undefined) return printable(`sale ${row.saleId}: what is known of it is damaged`);
  const { saleId, amountIdr, verdict, fulfilment, honoured } = read;
  const words = [
    `sale ${saleId}: ${formatRupiah(amountIdr)}, ${verdict ?? 'no verdict'}`,
    fulfilment ?? 'nothing handed over yet',
    ...(honoured === undefined ? [] : [`claim honoured as ${honoured}`]),
  ];
  return printable(words.join(', '));
}

/** What was scanned goes to a terminal. */
function printable(line: string): string {
  return line.replace(/[^\x20-\x7e]/g, '?');
}

function parseCount(text: string): number {
  const count = Number(text);
  if (Number.isInteger(count) && count >= 1 && count <= maxShown) return count;
  throw new InvalidArgumentError(`a whole number, 1 to ${maxShown}`);
}

export function parseDay(text: string): string {
  // Whether there is such a day is the same in every zone.
  if (dayNamed(text, 'Asia/Jakarta') !== undefined) return text;
  throw new InvalidArgumentError('a day such as 2026-11-21');
}

/** A damaged journal is shown as it is. */
function parseBody(body: string): unknown {
  try {
    return JSON.parse(body);
  } catch (error) {
    if (error instanceof SyntaxError) return '[damaged]';
    throw error;
  }
}
