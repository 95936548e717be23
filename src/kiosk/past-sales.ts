// What the journal knows of each sale of the past, beside its entries and written in the same transaction: what a relay
// that was restored from a backup is given, whose claim code it is, what slips and day sheets say. It never lets a proof
// be replaced by a lesser one, and uses no row that was altered.
import type { DatabaseSync, StatementSync } from 'node:sqlite';
import { KiosError } from '../protocol/errors.ts';
import { fulfilment, type Fulfilment, type SaleItem } from '../protocol/sale.ts';
import { isDead, mayReach, verdict, type Verdict } from '../protocol/verdict.ts';
import { addHash, noHash, type JournalFault } from './journal-chain.ts';
import {
  blankRow,
  hashOf,
  readRow,
  schema,
  upsert,
  valuesOf,
  type PastSale,
  type SaleRow,
} from './past-sale-row.ts';
import type { FoundClaim } from './state.ts';

export type { PastSale } from './past-sale-row.ts';

/** What one step adds to what is known of a sale. */
export type SaleNote =
  | {
      saleId: string;
      kind: 'minted';
      amountIdr: number;
      items: readonly SaleItem[];
      pieces: number;
    }
  | { saleId: string; kind: 'proof'; verdict: Verdict; fulfilment?: Fulfilment; proof: string }
  | { saleId: string; kind: 'fulfilment'; result: Fulfilment }
  /** Its claim's goods came out. */
  | { saleId: string; kind: 'honoured'; dispenseId: string };

/** As the relay is given it. */
export interface ProvedSale {
  saleId: string;
  proof: string;
  fulfilment?: Fulfilment;
}

/** A sale that this kiosk minted and whose money may still be owed to its customer, or was. */
export type ClaimedSale = FoundClaim;

/** All that a relay is given, the sales that money may be owed for first. A backup is seldom so many sales old. */
const maxRecovered = 2_000;
/** Claims of years. */
const maxClaimed = 5_000;
/** The newest sales of any kind that are kept; older ones only while money may be owed for them. */
export const keptSales = 4_000;
/** Sales of one day on its sheet. */
const maxOfDay = 10_000;

/** Money came, or may have come, and the goods of the sale itself did not. */
const mayBeOwed = `(coalesce(fulfilment, '') <> 'done' AND
  (coalesce(verdict, '') IN ('paid', 'paid-late', 'refunded') OR
   coalesce(fulfilment, '') IN ('failed', 'unknown', 'abandoned')))`;
const isOpen = `(${mayBeOwed} AND honoured IS NULL AND coalesce(verdict, '') <> 'refunded')`;

export class PastSales {
  readonly #db: DatabaseSync;
  readonly #selectRow: StatementSync;
  readonly #writeRow: StatementSync;
  #sum = noHash;

  constructor(db: DatabaseSync) {
    this.#db = db;
    db.exec(schema);
    this.#selectRow = db.prepare('SELECT * FROM sales WHERE saleId = ?');
    this.#writeRow = db.prepare(upsert);
    this.reload();
  }

  /** What all rows sum to (`addHash`): it goes into the chain with each change. */
  get sum(): string {
    return this.#sum;
  }

  /** After a transaction that came to nothing. */
  reload(): void {
    const rows = this.#db.prepare('SELECT hash FROM sales').all();
    this.#sum = rows.reduce((sum, { hash }) => addHash(sum, String(hash), 1n), noHash);
  }

  /**
   * Within the caller's transaction. `number`: of the newest entry there; `at`: its time, a label.
   * @throws KiosError `journal-damaged` when the row of such a sale was altered
   */
  note(notes: readonly SaleNote[], number: number, at = ''): void {
    for (const note of notes) {
      const before = this.#standing(note.saleId);
      const news = newsOf(note, before, at);
      if (news === undefined) continue;
      const row = { ...(before ?? blankRow(note.saleId)), ...news, changed: number };
      row.hash = hashOf(row);
      this.#writeRow.run(...valuesOf(row));
      if (before !== undefined) this.#sum = addHash(this.#sum, before.hash, -1n);
      this.#sum = addHash(this.#sum, row.hash, 1n);
    }
  }

  /** Everything that the relay has signed for, the most important first. */
  proved(): readonly ProvedSale[] {
    const sales = this.#select(
      `WHERE proof IS NOT NULL ORDER BY ${mayBeOwed} DESC, changed DESC LIMIT ?`,
      maxRecovered,
    );
    return sales.flatMap(({ saleId, proof, fulfilment: result, honoured }) => {
      if (proof === undefined) return [];
      // The goods of an honoured claim are out: that is what this kiosk did for the sale.
      const did = honoured === undefined ? result : 'done';
      return [{ saleId, proof, ...(did === undefined ? {} : { fulfilment: did }) }];
    });
  }

  /** The newest sales that a claim code can belong to. */
  claimed(): readonly ClaimedSale[] {
    const sales = this.#select(
      `WHERE items IS NOT NULL AND ${mayBeOwed} ORDER BY changed DESC LIMIT ?`,
      maxClaimed,
    );
    return sales.map(({ saleId, amountIdr, items, pieces, verdict: word, honoured }) => ({
      ...{ saleId, amountIdr, items, pieces },
      verdict: word ?? 'creating',
      honoured: honoured !== undefined,
    }));
  }

  /** The newest sales that left a receipt or a claim slip, the newest first. */
  slipped(limit: number): readonly PastSale[] {
    return this.#select(
      `WHERE items IS NOT NULL AND (fulfilment = 'done' OR honoured IS NOT NULL OR
         verdict = 'paid-late' OR (verdict = 'paid' AND fulfilment IS NOT NULL))
       ORDER BY changed DESC LIMIT ?`,
      limit,
    );
  }

  /**
   * The order that a dispenser carried out last: by its sale's id, or the claim's dispense id. By the entries, which a late
   * proof of an older sale moves up, and by the clock, which may jump: they may be two.
   */
  lastCarriedOut(): readonly string[] {
    const newest = ['changed', `max(coalesce(endedAt, ''), coalesce(honouredAt, ''))`].flatMap(
      (order) =>
        this.#select(
          `WHERE fulfilment = 'done' OR honoured IS NOT NULL ORDER BY ${order} DESC LIMIT 1`,
        ),
    );
    return [...new Set(newest.map(({ saleId, honoured }) => honoured ?? saleId))];
  }

  /** Undefined: there is no such sale, or its row was altered. */
  find(saleId: string): PastSale | undefined {
    return this.#select('WHERE saleId = ? LIMIT 1', saleId)[0];
  }

  /** Those that began between two times, oldest first. ISO 8601, UTC. */
  begun(from: string, until: string): readonly PastSale[] {
    return this.#select(
      `WHERE begunAt >= ? AND begunAt < ? ORDER BY begunAt LIMIT ${maxOfDay}`,
      from,
      until,
    );
  }

  /** Lets go of old sales that nobody is owed for. Within the caller's transaction. Answers how many. */
  prune(keep = keptSales): number {
    const old = this.#db
      .prepare(
        `SELECT saleId, hash FROM sales
         WHERE changed < (SELECT changed FROM sales ORDER BY changed DESC LIMIT 1 OFFSET ?)
           AND (NOT ${isOpen} OR changed <
             (SELECT changed FROM sales WHERE ${isOpen} ORDER BY changed DESC LIMIT 1 OFFSET ?))`,
      )
      .all(keep - 1, maxClaimed - 1);
    for (const { saleId, hash } of old) {
      this.#db.prepare('DELETE FROM sales WHERE saleId = ?').run(String(saleId));
      this.#sum = addHash(this.#sum, String(hash), -1n);
    }
    return old.length;
  }

  /** A row that is there and is what was written. */
  #standing(saleId: string): SaleRow | undefined {
    // node:sqlite types a row as any record; the STRICT schema is what it holds.
    const row = this.#selectRow.get(saleId) as unknown as SaleRow | undefined;
    if (row === undefined || row.hash === hashOf(row)) return row;
    throw new KiosError('journal-damaged', `what the journal knows of ${saleId} was altered`);
  }

  /** A damaged row does not take the others with it. */
  #select(rest: string, ...values: (string | number)[]): PastSale[] {
    const rows = this.#db.prepare(`SELECT * FROM sales ${rest}`).all(...values);
    // node:sqlite types a row as any record; the STRICT schema is what it holds.
    return (rows as unknown as SaleRow[]).flatMap((row) => {
      const read = row.hash === hashOf(row) ? readRow(row) : undefined;
      return read === undefined ? [] : [read];
    });
  }
}

/** What a note changes in the sale's row; undefined: nothing. */
function newsOf(
  note: SaleNote,
  before: SaleRow | undefined,
  at: string,
): Partial<SaleRow> | undefined {
  switch (note.kind) {
    case 'minted': {
      const { amountIdr, items, pieces } = note;
      return { amountIdr, items: JSON.stringify(items), pieces, begunAt: at };
    }
    case 'proof':
      if (!isNews(note, before)) return undefined;
      return { verdict: note.verdict, signed: note.fulfilment ?? null, proof: note.proof };
    case 'fulfilment':
      return { fulfilment: note.result, endedAt: at };
    case 'honoured':
      return { honoured: note.dispenseId, honouredAt: at };
  }
}

/** A message of before that comes late takes nothing away. */
function isNews(note: Extract<SaleNote, { kind: 'proof' }>, row: SaleRow | undefined): boolean {
  const word = verdict.safeParse(row?.verdict).data;
  if (word === undefined) return true;
  if (word === note.verdict) {
    const signed = fulfilment.safeParse(row?.signed).data;
    return signed !== note.fulfilment && note.fulfilment !== undefined;
  }
  // Only a ledger that was restored says so: it is shown that this sale was closed, and makes a claim of the money.
  const isLost = isDead(word) && note.verdict === 'paid' && note.fulfilment === undefined;
  if (isLost && row?.fulfilment == null) return false;
  return mayReach(word, note.verdict);
}

/** Reads every row: the first that was altered, or that rows were taken out or put in. @param sum the chain's */
export function salesFault(db: DatabaseSync, sum: string): JournalFault | undefined {
  let found = noHash;
  // node:sqlite types a row as any record; the STRICT schema is what it holds.
  const rows = db.prepare('SELECT * FROM sales').iterate() as unknown as Iterable<SaleRow>;
  for (const row of rows) {
    const { saleId } = row;
    if (row.hash !== hashOf(row)) return { saleId, why: 'what is known of this sale was altered' };
    found = addHash(found, row.hash, 1n);
  }
  return found === sum
    ? undefined
    : { why: 'a sale was added to the table of sales, or taken out' };
}
