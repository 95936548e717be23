// The kiosk's memory: every event in order, hash-chained, in SQLite. What is appended is on the disk when the promise
// resolves (one sync for the whole batch). It decides nothing and never changes or drops an entry.
import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import { KiosError } from '../protocol/errors.ts';
import { PastSales, type ClaimedSale, type ProvedSale, type SaleNote } from './past-sales.ts';

/** `event`: what happened. `state`: the folded state at that point, so that a boot need not read years. */
export interface Entry {
  kind: 'event' | 'state';
  /** Wall clock when written: a label for people. */
  at: string;
  body: unknown;
}

export interface Journal {
  /**
   * Writes entries, and what they add to what is known of each sale, as one transaction; resolves when it is synced.
   * @throws KiosError `journal-failed`
   */
  append(entries: readonly Entry[], notes?: readonly SaleNote[]): Promise<void>;
  /** The last `state` entry and every event after it, oldest first. */
  tail(): { state: unknown; events: readonly unknown[] };
  /** Number of the first entry whose hash does not fit, or undefined when the chain is whole. */
  verify(): number | undefined;
  /** The entries with numbers from `first` on, at most `limit`. */
  read(first: number, limit: number): readonly (Entry & { number: number })[];
  /** What the relay has signed for, to give it back when it was lost there. */
  proved(): readonly ProvedSale[];
  /** The sales that a claim code can belong to. */
  claimed(): readonly ClaimedSale[];
  close(): void;
}

/** The chain's hash before the first entry. */
const genesis = '0'.repeat(64);

const schema = `
  CREATE TABLE IF NOT EXISTS entries (
    number INTEGER PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('event', 'state')),
    at TEXT NOT NULL,
    body TEXT NOT NULL,
    hash TEXT NOT NULL
  ) STRICT;
  CREATE INDEX IF NOT EXISTS states ON entries (number) WHERE kind = 'state';
`;

interface Row {
  number: number;
  kind: 'event' | 'state';
  at: string;
  body: string;
  hash: string;
}

function chainHash(before: string, row: Omit<Row, 'hash'>): string {
  return createHash('sha256')
    .update(`${before}\n${row.number}\n${row.kind}\n${row.at}\n${row.body}`)
    .digest('hex');
}

/**
 * Opens the journal, making it where there is none.
 * @throws KiosError `journal-failed` when the file cannot be opened or its newest entries do not fit their chain.
 */
export function openJournal(path: string): Journal {
  try {
    return new SqliteJournal(path);
  } catch (error) {
    if (error instanceof KiosError) throw error;
    throw new KiosError('journal-failed', `the journal ${path} cannot be opened`, error);
  }
}

class SqliteJournal implements Journal {
  readonly #db: DatabaseSync;
  readonly #past: PastSales;
  #last: { number: number; hash: string };

  constructor(path: string) {
    this.#db = new DatabaseSync(path, { timeout: 1000 });
    // WAL with FULL costs one sync a commit; rollback journals cost four to six.
    this.#db.exec('PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;');
    this.#db.exec(schema);
    this.#past = new PastSales(this.#db);
    const row = this.#db
      .prepare('SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1')
      .get() as { number: number; hash: string } | undefined;
    this.#last = row ?? { number: 0, hash: genesis };
    const broken = this.#verifyFrom(this.#lastStateNumber());
    if (broken !== undefined) {
      throw new KiosError('journal-failed', `entry ${broken} of the journal was altered`);
    }
  }

  async append(entries: readonly Entry[], notes: readonly SaleNote[] = []): Promise<void> {
    await Promise.resolve(); // The seam is asynchronous: a slow card may move the sync off this thread.
    let { number, hash } = this.#last;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      const insert = this.#db.prepare(
        'INSERT INTO entries (number, kind, at, body, hash) VALUES (?, ?, ?, ?, ?)',
      );
      for (const { kind, at, body } of entries) {
        const row = { number: number + 1, kind, at, body: JSON.stringify(body) };
        hash = chainHash(hash, row);
        number = row.number;
        insert.run(row.number, row.kind, row.at, row.body, hash);
      }
      this.#past.note(notes, number);
      this.#db.exec('COMMIT');
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      throw new KiosError('journal-failed', 'the journal cannot be written', error);
    }
    this.#last = { number, hash };
  }

  tail(): { state: unknown; events: readonly unknown[] } {
    const from = this.#lastStateNumber();
    let state: unknown;
    const events: unknown[] = [];
    for (const row of this.#rows(from)) {
      const body: unknown = JSON.parse(row.body);
      if (row.kind === 'state') state = body;
      else events.push(body);
    }
    return { state, events };
  }

  verify(): number | undefined {
    return this.#verifyFrom(1);
  }

  read(first: number, limit: number): readonly (Entry & { number: number })[] {
    const rows: (Entry & { number: number })[] = [];
    for (const { number, kind, at, body } of this.#rows(first)) {
      if (rows.length >= limit) break;
      rows.push({ number, kind, at, body: JSON.parse(body) });
    }
    return rows;
  }

  proved(): readonly ProvedSale[] {
    return this.#past.proved();
  }

  claimed(): readonly ClaimedSale[] {
    return this.#past.claimed();
  }

  close(): void {
    this.#db.close();
  }

  #lastStateNumber(): number {
    const row = this.#db
      .prepare("SELECT number FROM entries WHERE kind = 'state' ORDER BY number DESC LIMIT 1")
      .get() as { number: number } | undefined;
    return row?.number ?? 1;
  }

  #rows(from: number): Iterable<Row> {
    // node:sqlite types a row as any record; the STRICT schema above is what it holds.
    return this.#db
      .prepare('SELECT * FROM entries WHERE number >= ? ORDER BY number')
      .iterate(from) as unknown as Iterable<Row>;
  }

  #verifyFrom(first: number): number | undefined {
    const before = this.#db.prepare('SELECT hash FROM entries WHERE number = ?').get(first - 1) as
      { hash: string } | undefined;
    let hash = before?.hash ?? genesis;
    let number = first;
    for (const row of this.#rows(first)) {
      hash = chainHash(hash, row);
      if (row.hash !== hash || row.number !== number) return number;
      number++;
    }
    return undefined;
  }
}
