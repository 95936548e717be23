// What the journal knows of each sale of the past, beside its entries and written in the same transaction: what a relay
// that was restored from a backup is given, and whose claim code it is. It never lets a proof be replaced by a lesser one.
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import { saleItem, fulfilment, type Fulfilment } from '../protocol/sale.ts';
import { mayReach, verdict, type Verdict } from '../protocol/verdict.ts';
import type { FoundClaim } from './state.ts';

/** What one step adds to what is known of a sale. */
export type SaleNote =
  | { saleId: string; kind: 'minted'; amountIdr: number; items: readonly unknown[] }
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

const schema = `
  CREATE TABLE IF NOT EXISTS sales (
    saleId TEXT PRIMARY KEY,
    changed INTEGER NOT NULL,
    amountIdr INTEGER,
    items TEXT,
    verdict TEXT,
    signed TEXT,
    proof TEXT,
    fulfilment TEXT,
    honoured TEXT
  ) STRICT, WITHOUT ROWID;
  CREATE INDEX IF NOT EXISTS salesChanged ON sales (changed);
`;

/** Money came, or may have come, and the goods of the sale itself did not. */
const mayBeOwed = `(coalesce(fulfilment, '') <> 'done' AND
  (verdict IN ('paid', 'paid-late', 'refunded') OR fulfilment IN ('failed', 'unknown', 'abandoned')))`;

const provedRow = z.object({
  saleId: z.string(),
  proof: z.string(),
  fulfilment: fulfilment.nullable(),
  honoured: z.string().nullable(),
});
const claimedRow = z.object({
  saleId: z.string(),
  amountIdr: z.int(),
  items: z.string().transform(parseItems).pipe(z.array(saleItem)),
  verdict: verdict.nullable(),
  honoured: z.string().nullable(),
});
const standingRow = z
  .object({ verdict: verdict.nullable(), signed: fulfilment.nullable() })
  .optional();

export class PastSales {
  readonly #db: DatabaseSync;

  constructor(db: DatabaseSync) {
    this.#db = db;
    db.exec(schema);
  }

  /** Within the caller's transaction. `number`: of the newest entry there. */
  note(notes: readonly SaleNote[], number: number): void {
    for (const note of notes) {
      this.#db
        .prepare('INSERT INTO sales (saleId, changed) VALUES (?, ?) ON CONFLICT DO NOTHING')
        .run(note.saleId, number);
      this.#keep(note, number);
    }
  }

  /** Everything that the relay has signed for, the most important first. */
  proved(): readonly ProvedSale[] {
    const rows = this.#db
      .prepare(
        `SELECT saleId, proof, fulfilment, honoured FROM sales WHERE proof IS NOT NULL
         ORDER BY ${mayBeOwed} DESC, changed DESC LIMIT ?`,
      )
      .all(maxRecovered);
    return rows.flatMap((row) => {
      // A damaged row does not take the others with it.
      const read = provedRow.safeParse(row).data;
      if (read === undefined) return [];
      const { saleId, proof, fulfilment: result, honoured } = read;
      // The goods of an honoured claim are out: that is what this kiosk did for the sale.
      const did = honoured === null ? result : 'done';
      return [{ saleId, proof, ...(did === null ? {} : { fulfilment: did }) }];
    });
  }

  /** The newest sales that a claim code can belong to. */
  claimed(): readonly ClaimedSale[] {
    const rows = this.#db
      .prepare(
        `SELECT saleId, amountIdr, items, verdict, honoured FROM sales
         WHERE items IS NOT NULL AND ${mayBeOwed} ORDER BY changed DESC LIMIT ?`,
      )
      .all(maxClaimed);
    return rows.flatMap((row) => {
      const read = claimedRow.safeParse(row).data;
      if (read === undefined) return [];
      const { verdict: word, honoured, ...sale } = read;
      return [{ ...sale, verdict: word ?? 'creating', honoured: honoured !== null }];
    });
  }

  #keep(note: SaleNote, number: number): void {
    const { saleId } = note;
    switch (note.kind) {
      case 'minted':
        this.#set('amountIdr = ?, items = ?', saleId, number, [
          note.amountIdr,
          JSON.stringify(note.items),
        ]);
        return;
      case 'proof':
        if (!this.#isNews(note)) return;
        this.#set('verdict = ?, signed = ?, proof = ?', saleId, number, [
          note.verdict,
          note.fulfilment ?? null,
          note.proof,
        ]);
        return;
      case 'fulfilment':
        this.#set('fulfilment = ?', saleId, number, [note.result]);
        return;
      case 'honoured':
        this.#set('honoured = ?', saleId, number, [note.dispenseId]);
        return;
    }
  }

  /** A message of before that comes late takes nothing away. */
  #isNews(note: Extract<SaleNote, { kind: 'proof' }>): boolean {
    const row = standingRow.parse(
      this.#db.prepare('SELECT verdict, signed FROM sales WHERE saleId = ?').get(note.saleId),
    );
    const word = row?.verdict ?? undefined;
    if (word === undefined) return true;
    if (word === note.verdict)
      return (row?.signed ?? undefined) !== note.fulfilment && note.fulfilment !== undefined;
    return mayReach(word, note.verdict);
  }

  #set(columns: string, saleId: string, number: number, values: (string | number | null)[]): void {
    this.#db
      .prepare(`UPDATE sales SET ${columns}, changed = ? WHERE saleId = ?`)
      .run(...values, number, saleId);
  }
}

/** Undefined, which is no list of items, for what is no JSON. */
function parseItems(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
