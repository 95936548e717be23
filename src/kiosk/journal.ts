// The kiosk's memory: every event in order, hash-chained, in SQLite. What is appended is on the disk when the promise
// resolves (one sync for the whole batch). It decides nothing and never changes an entry; the oldest are let go.
import assert from 'node:assert';
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { KiosError } from '../protocol/errors.ts';
import {
  ChainWalk,
  chainHash,
  faultWords,
  genesis,
  hashText,
  noHash,
  type Anchor,
  type EntryKind,
  type JournalFault,
} from './journal-chain.ts';
import { journalFault } from './journal-fault.ts';
import { openJournalFile } from './journal-file.ts';
import { chainFault, entryRows, newestRules, readAnchor } from './journal-verify.ts';
import { JournalSync } from './journal-sync.ts';
import {
  PastSales,
  type ClaimedSale,
  type PastSale,
  type ProvedSale,
  type SaleNote,
} from './past-sales.ts';

/** `event`: what happened. `state`: the folded state at that point, so that a boot need not read years. */
export interface Entry {
  kind: EntryKind;
  /** Wall clock when written: a label for people. */
  at: string;
  body: unknown;
}

export interface Journal {
  /**
   * Writes entries, and what they add to what is known of each sale, as one transaction; resolves when it is synced.
   * @throws KiosError `journal-failed`, `journal-damaged`, `journal-locked`, `disk-full`, `disk-read-only`
   */
  append(entries: readonly Entry[], notes?: readonly SaleNote[]): Promise<void>;
  /** Nobody waits for the kiosk: a good moment for work that takes several syncs. @throws KiosError as `append` */
  rest?(): void;
  /** The last `state` entry and every event after it, oldest first. */
  tail(): { state: unknown; events: readonly unknown[] };
  /** Number of the first entry that does not fit, or undefined when all is whole; 0 for the table of sales. */
  verify(): number | undefined;
  /** The entries with numbers from `first` on, at most `limit`. */
  read(first: number, limit: number): readonly (Entry & { number: number })[];
  /** What the relay has signed for, to give it back when it was lost there. */
  proved(): readonly ProvedSale[];
  /** The sales that a claim code can belong to. */
  claimed(): readonly ClaimedSale[];
  close(): void;
}

/** The journal as a whole, for all that is no step of the machine. */
export interface JournalFile extends Journal {
  /** The newest entry. */
  head(): Anchor;
  /** The newest sales that left a slip, the newest first. */
  slipped(limit: number): readonly PastSale[];
  /** The order that a dispenser carried out last; two, where entries and clock do not agree. */
  lastCarriedOut(): readonly string[];
  find(saleId: string): PastSale | undefined;
  /** Sales that began between two times (ISO 8601, UTC), oldest first. */
  begun(from: string, until: string): readonly PastSale[];
  /** The body of the newest `rules` entry; undefined: there was none. */
  rules(): unknown;
  /**
   * Lets go of the oldest entries when there are more than `keep`, and of old sales that nobody is owed for. What stays
   * can be verified from its anchor on. Answers how many entries went.
   */
  prune(at: string, keep?: number): number;
  /**
   * Reads a part of the entries over, another one for each `turn`; whoever counts on has read all of it after a while.
   * @throws KiosError as `append` when it cannot be read
   */
  reread(turn: number): JournalFault | undefined;
}

/** Some fifteen thousand sales; a few hundred megabytes. */
export const maxEntries = 250_000;
/** Let go of, or read over, in one go: no customer is to wait for it. */
export const entriesAtOnce = 5_000;

/**
 * Opens the journal, making it where there is none.
 * @throws KiosError as `append`, when the file cannot be opened or its newest entries do not fit their chain.
 */
export function openJournal(path: string): JournalFile {
  try {
    return new SqliteJournal(path);
  } catch (error) {
    throw journalFault(error, path, 'be opened');
  }
}

class SqliteJournal implements JournalFile {
  readonly #path: string;
  readonly #db: DatabaseSync;
  readonly #past: PastSales;
  readonly #sync: JournalSync;
  readonly #insert: StatementSync;
  #last: Anchor;

  constructor(path: string) {
    this.#path = path;
    this.#db = openJournalFile(path);
    try {
      this.#past = new PastSales(this.#db);
      // node:sqlite types a row as any record; the STRICT schema is what it holds.
      const row = this.#db
        .prepare('SELECT number, hash FROM entries ORDER BY number DESC LIMIT 1')
        .get() as unknown as Anchor | undefined;
      this.#last = row ?? genesis;
      this.#checkTail();
      this.#insert = this.#db.prepare(
        'INSERT INTO entries (number, kind, at, body, sales, hash) VALUES (?, ?, ?, ?, ?, ?)',
      );
      this.#sync = new JournalSync(this.#db, path);
    } catch (error) {
      this.#db.close();
      throw error;
    }
  }

  async append(entries: readonly Entry[], notes: readonly SaleNote[] = []): Promise<void> {
    assert(entries.length > 0 || notes.length === 0, 'what is known of a sale comes from an entry');
    this.#transact('be written', () => {
      this.#write(entries, (number, at) => {
        if (notes.length === 0) return false;
        this.#past.note(notes, number, at);
        return true;
      });
    });
    try {
      await this.#sync.synced(entries.length);
    } catch (error) {
      throw journalFault(error, this.#path, 'be written');
    }
  }

  rest(): void {
    try {
      this.#sync.rest();
    } catch (error) {
      throw journalFault(error, this.#path, 'be tidied');
    }
  }

  tail(): { state: unknown; events: readonly unknown[] } {
    let state: unknown;
    const events: unknown[] = [];
    this.#reading(() => {
      for (const row of entryRows(this.#db, this.#lastStateNumber())) {
        if (row.kind === 'state') state = JSON.parse(row.body);
        else if (row.kind === 'event') events.push(JSON.parse(row.body));
      }
    });
    return { state, events };
  }

  verify(): number | undefined {
    const fault = chainFault(this.#db);
    return fault === undefined ? undefined : (fault.entry ?? 0);
  }

  read(first: number, limit: number): readonly (Entry & { number: number })[] {
    const rows: (Entry & { number: number })[] = [];
    for (const { number, kind, at, body } of entryRows(this.#db, first)) {
      if (rows.length >= limit) break;
      rows.push({ number, kind, at, body: JSON.parse(body) });
    }
    return rows;
  }

  proved(): readonly ProvedSale[] {
    return this.#reading(() => this.#past.proved());
  }

  claimed(): readonly ClaimedSale[] {
    return this.#reading(() => this.#past.claimed());
  }

  head(): Anchor {
    return this.#last;
  }

  slipped(limit: number): readonly PastSale[] {
    return this.#reading(() => this.#past.slipped(limit));
  }

  lastCarriedOut(): readonly string[] {
    return this.#reading(() => this.#past.lastCarriedOut());
  }

  find(saleId: string): PastSale | undefined {
    return this.#reading(() => this.#past.find(saleId));
  }

  begun(from: string, until: string): readonly PastSale[] {
    return this.#reading(() => this.#past.begun(from, until));
  }

  rules(): unknown {
    return this.#reading(() => newestRules(this.#db, this.#last.number));
  }

  prune(at: string, keep = maxEntries): number {
    const { number: first } = readAnchor(this.#db);
    const excess = Math.min(this.#last.number - first - keep, entriesAtOnce);
    // What stays begins with a state, so that it can be replayed.
    const state = this.#db
      .prepare("SELECT max(number) AS number FROM entries WHERE kind = 'state' AND number <= ?")
      .get(first + excess + 1);
    const upTo = excess <= 0 || state?.['number'] == null ? first : Number(state['number']) - 1;
    if (upTo <= first) return 0;
    // What the machine worked by then is needed to replay what stays.
    const rules = newestRules(this.#db, upTo);
    this.#transact('be tidied', () => {
      const { hash } = this.#row(upTo);
      this.#db.prepare('DELETE FROM entries WHERE number <= ?').run(upTo);
      this.#db
        .prepare('INSERT OR REPLACE INTO anchor (one, number, hash) VALUES (1, ?, ?)')
        .run(upTo, hash);
      const body = { number: upTo, hash, sales: this.#past.prune(), rules };
      this.#write([{ kind: 'pruned', at, body }], () => true);
    });
    try {
      this.#sync.syncNow();
    } catch (error) {
      throw journalFault(error, this.#path, 'be tidied');
    }
    return upTo - first;
  }

  reread(turn: number): JournalFault | undefined {
    const anchor = readAnchor(this.#db);
    const parts = Math.ceil((this.#last.number - anchor.number) / entriesAtOnce);
    if (parts === 0) return undefined;
    const first = anchor.number + 1 + (turn % parts) * entriesAtOnce;
    return this.#reading(() => this.#walk(first, entriesAtOnce));
  }

  close(): void {
    this.#sync.close();
    this.#db.close();
  }

  /** @param note called with the last entry's number and time before it is written; whether it changed a sale. */
  #write(entries: readonly Entry[], note: (number: number, at: string) => boolean): void {
    let { number, hash } = this.#last;
    entries.forEach(({ kind, at, body }, index) => {
      number += 1;
      const changed = index === entries.length - 1 && note(number, at);
      const text = JSON.stringify(body);
      const row = { number, kind, at, sales: changed ? this.#past.sum : null };
      hash = chainHash(hash, row, hashText(text));
      this.#insert.run(number, kind, at, text, row.sales, hash);
    });
    this.#last = { number, hash };
  }

  #transact(doing: string, work: () => void): void {
    const before = this.#last;
    try {
      this.#db.exec('BEGIN IMMEDIATE');
      work();
      this.#db.exec('COMMIT');
    } catch (error) {
      this.#last = before;
      this.#undo();
      throw journalFault(error, this.#path, doing);
    }
  }

  /** After an error SQLite may have rolled back already; what a broken file does then changes nothing more. */
  #undo(): void {
    try {
      if (this.#db.isTransaction) this.#db.exec('ROLLBACK');
      this.#past.reload();
    } catch (error) {
      if (!(error instanceof Error)) throw error;
    }
  }

  #reading<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      throw journalFault(error, this.#path, 'be read');
    }
  }

  /** From the last written state on, and that the table of sales is the chain's. */
  #checkTail(): void {
    const from = this.#lastStateNumber();
    const fault = this.#tailFault(from);
    if (fault === undefined) return;
    throw new KiosError('journal-damaged', `the journal ${this.#path}: ${faultWords(fault)}`);
  }

  #walk(first: number, limit: number): JournalFault | undefined {
    const anchor = readAnchor(this.#db);
    const walk = new ChainWalk(first <= anchor.number + 1 ? anchor : this.#row(first - 1));
    let walked = 0;
    for (const row of entryRows(this.#db, walk.last.number + 1)) {
      const fault = walk.take(row);
      if (fault !== undefined) return fault;
      if (++walked === limit) return undefined;
    }
    return undefined;
  }

  #tailFault(from: number): JournalFault | undefined {
    const fault = this.#walk(from, Infinity);
    if (fault !== undefined) return fault;
    const sum = this.#db
      .prepare('SELECT sales FROM entries WHERE sales IS NOT NULL ORDER BY number DESC LIMIT 1')
      .get()?.['sales'];
    if ((sum ?? noHash) === this.#past.sum) return undefined;
    return { why: 'its table of sales is not what was written' };
  }

  #lastStateNumber(): number {
    const row = this.#db
      .prepare("SELECT number FROM entries WHERE kind = 'state' ORDER BY number DESC LIMIT 1")
      .get();
    return Number(row?.['number'] ?? 1);
  }

  #row(number: number): Anchor {
    const row = this.#db.prepare('SELECT number, hash FROM entries WHERE number = ?').get(number);
    if (row === undefined) {
      throw new KiosError('journal-damaged', `entry ${number} of the journal is missing`);
    }
    return { number, hash: String(row['hash']) };
  }
}
