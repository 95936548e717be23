// Whether a journal is what was written: every entry, where the chain begins, and the table of sales. It only reads.
import type { DatabaseSync } from 'node:sqlite';
import {
  ChainWalk,
  genesis,
  noHash,
  type Anchor,
  type JournalFault,
  type Row,
} from './journal-chain.ts';
import { salesFault } from './past-sales.ts';

/** Behind which entry this file's chain begins. */
export function readAnchor(db: DatabaseSync): Anchor {
  const row = db.prepare('SELECT number, hash FROM anchor').get();
  return row === undefined ? genesis : { number: Number(row['number']), hash: String(row['hash']) };
}

/** Entries from a number on, oldest first. */
export function entryRows(db: DatabaseSync, from = 0): Iterable<Row> {
  // node:sqlite types a row as any record; the STRICT schema is what it holds.
  return db
    .prepare('SELECT * FROM entries WHERE number >= ? ORDER BY number')
    .iterate(from) as unknown as Iterable<Row>;
}

/** The first thing that is not as it was written. A page that cannot be read is one, with the entry before it. */
export function chainFault(db: DatabaseSync): JournalFault | undefined {
  const anchor = readAnchor(db);
  const walk = new ChainWalk(anchor);
  try {
    for (const row of entryRows(db)) {
      const fault = walk.take(row);
      if (fault !== undefined) return fault;
    }
    return endFault(walk, anchor) ?? salesFault(db, walk.sales ?? noHash) ?? pageFault(db);
  } catch (error) {
    if (!(error instanceof Error) || !('errcode' in error)) throw error;
    return { entry: walk.last.number + 1, why: `the file cannot be read there: ${error.message}` };
  }
}

/** Pages that hold no entry and no sale. */
function pageFault(db: DatabaseSync): JournalFault | undefined {
  const said = Object.values(db.prepare('PRAGMA quick_check(1)').get() ?? {})[0];
  return said === 'ok' ? undefined : { why: `the file is damaged: ${String(said)}` };
}

/** The chain's beginning is only as good as the entry that says where it is. */
export function endFault(walk: ChainWalk, anchor: Anchor): JournalFault | undefined {
  const begins = walk.pruned ?? genesis;
  if (begins.number === anchor.number && begins.hash === anchor.hash) return undefined;
  return { entry: anchor.number + 1, why: 'entries before this one were taken out' };
}

/** What the machine worked by at an entry: the newest `rules` before it, or those that a `pruned` entry kept. */
export function newestRules(db: DatabaseSync, at: number): unknown {
  const rows = db
    .prepare(
      `SELECT number, kind, body FROM entries
       WHERE kind IN ('rules', 'pruned') AND number <= ? ORDER BY number DESC`,
    )
    .iterate(at);
  for (const { kind, body } of rows) {
    const read: unknown = JSON.parse(String(body));
    if (kind === 'rules') return read;
    if (typeof read === 'object' && read !== null && 'rules' in read) return read.rules;
  }
  return undefined;
}

/** What a whole journal holds. `head`: its newest entry, or its anchor where it has none. */
export function countJournal(db: DatabaseSync): { first: number; head: Anchor; sales: number } {
  const anchor = readAnchor(db);
  const head = db.prepare('SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1').get();
  const sales = db.prepare('SELECT count(*) AS count FROM sales').get();
  return {
    first: anchor.number + 1,
    head:
      head === undefined ? anchor : { number: Number(head['number']), hash: String(head['hash']) },
    sales: Number(sales?.['count']),
  };
}
