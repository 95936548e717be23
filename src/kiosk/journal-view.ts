// The journal as tools see it: read-only, beside the running kiosk or without it, all of one moment. It takes no lock that
// the kiosk waits for, and writes nothing.
import type { DatabaseSync } from 'node:sqlite';
import { existsSync } from 'node:fs';
import { KiosError } from '../protocol/errors.ts';
import { journalFault, mayNotRead } from './journal-fault.ts';
import { openJournalToRead } from './journal-file.ts';
import type { Anchor, Row } from './journal-chain.ts';
import { entryRows, newestRules, readAnchor } from './journal-verify.ts';
import type { SaleRow } from './past-sale-row.ts';

/** @throws KiosError in words for whoever typed the command */
export async function withJournalView<T>(
  path: string,
  work: (db: DatabaseSync) => Promise<T>,
): Promise<T> {
  const denied = mayNotRead(path);
  if (denied !== undefined) throw new KiosError('journal-failed', denied);
  if (!existsSync(path)) throw new KiosError('journal-failed', `there is no journal ${path}`);
  let db: DatabaseSync | undefined;
  try {
    db = openJournalToRead(path);
    // One read transaction: what the kiosk writes meanwhile is not in it.
    db.exec('BEGIN');
    return await work(db);
  } catch (error) {
    // What the command itself found out, or whom it wrote to, is no fault of the journal.
    if (error instanceof Error && !('errcode' in error)) throw error;
    throw journalFault(error, path, 'be read');
  } finally {
    db?.close();
  }
}

/** Which entries somebody wants to see. Times are ISO 8601, UTC. */
export interface Wanted {
  last?: number;
  saleId?: string;
  from?: string;
  until?: string;
}

/** More lines than anybody reads. */
export const maxShown = 100_000;

/** Oldest first. */
export function wantedRows(db: DatabaseSync, wanted: Wanted): readonly Row[] {
  const { last = maxShown, saleId = '', from = '', until = '~' } = wanted;
  const rows = db
    .prepare(
      `SELECT * FROM entries WHERE at >= ? AND at < ? AND instr(body, ?) > 0
       ORDER BY number DESC LIMIT ?`,
    )
    .all(from, until, saleId, Math.min(last, maxShown));
  // node:sqlite types a row as any record; the STRICT schema is what it holds.
  return (rows as unknown as Row[]).reverse();
}

/** Every sale whose id ends so: the whole id, or the four characters that stand on its slip. */
export function salesNamed(db: DatabaseSync, end: string): readonly SaleRow[] {
  const rows = db
    .prepare('SELECT * FROM sales WHERE substr(saleId, -length(?)) = ? ORDER BY changed DESC')
    .all(end, end);
  // node:sqlite types a row as any record; the STRICT schema is what it holds.
  return rows as unknown as SaleRow[];
}

/** What a replay of this span needs: from the last state before it on, where there is one. */
export function replayPart(
  db: DatabaseSync,
  span: { from: string; until: string } = { from: '', until: '~' },
): { rows: Iterable<Row>; before: Anchor; rules: unknown } {
  const anchor = readAnchor(db);
  const found = db
    .prepare(
      'SELECT min(number) AS first, max(number) AS last FROM entries WHERE at >= ? AND at < ?',
    )
    .get(span.from, span.until);
  const first = Number(found?.['first'] ?? 0);
  const state = db
    .prepare("SELECT max(number) AS number FROM entries WHERE kind = 'state' AND number < ?")
    .get(first);
  const from = Math.max(Number(state?.['number'] ?? 0), anchor.number + 1);
  const before = db.prepare('SELECT hash FROM entries WHERE number = ?').get(from - 1);
  return {
    rows: until(entryRows(db, from), Number(found?.['last'] ?? 0)),
    before: before === undefined ? anchor : { number: from - 1, hash: String(before['hash']) },
    rules: newestRules(db, from),
  };
}

function* until(rows: Iterable<Row>, last: number): Generator<Row> {
  for (const row of rows) {
    if (row.number > last) return;
    yield row;
  }
}
