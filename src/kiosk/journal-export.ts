// The journal as one file of JSON lines that can be checked by itself: every hash of it, without secrets. It only reads.
import type { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import {
  addHash,
  ChainWalk,
  entryKinds,
  hashText,
  noHash,
  type Anchor,
  type JournalFault,
  type Row,
} from './journal-chain.ts';
import { chainFault, endFault, entryRows, readAnchor } from './journal-verify.ts';
import { withoutSecrets } from './journal-words.ts';
import { hashOf, hashOfProof, type SaleRow } from './past-sale-row.ts';

const format = 'kios-journal-1';
/** Longer than an entry with a full catalogue. */
const maxLineCharacters = 4 * 1024 * 1024;

const anchor = z.object({ number: z.int(), hash: z.string() });
const headLine = z.object({ format: z.literal(format), anchor });
const entryLine = z.object({
  number: z.int(),
  kind: z.enum(entryKinds),
  at: z.string(),
  sales: z.string().nullable(),
  hash: z.string(),
  body: z.unknown(),
  /** Where something was left out of the body. */
  bodyHash: z.string().optional(),
});
const text = z.string().nullable();
const saleLine = z.object({
  sale: z.object({
    ...{ saleId: z.string(), changed: z.int(), amountIdr: z.int().nullable(), items: text },
    pieces: z.int().nullable(),
    ...{ verdict: text, signed: text, proofHash: z.string(), fulfilment: text, honoured: text },
    ...{ begunAt: text, endedAt: text, honouredAt: text, hash: z.string() },
  }),
});
const endLine = z.object({ end: anchor });

/** Every line, without its line feed. @throws JournalFault words when the journal itself is not whole */
export function* exportLines(db: DatabaseSync): Generator<string, JournalFault | undefined> {
  const fault = chainFault(db);
  if (fault !== undefined) return fault;
  const from = readAnchor(db);
  yield JSON.stringify({ format, anchor: from });
  let last: Anchor = from;
  for (const row of entryRows(db)) {
    yield exportedEntry(row);
    last = { number: row.number, hash: row.hash };
  }
  const sales = db.prepare('SELECT * FROM sales ORDER BY saleId').iterate();
  // node:sqlite types a row as any record; the STRICT schema is what it holds.
  for (const row of sales as unknown as Iterable<SaleRow>) {
    const { proof, ...sale } = row;
    yield JSON.stringify({ sale: { ...sale, proofHash: hashOfProof(proof) } });
  }
  yield JSON.stringify({ end: last });
  return undefined;
}

function exportedEntry({ number, kind, at, sales, hash, body }: Row): string {
  const shown = withoutSecrets(JSON.parse(body));
  const whole = JSON.stringify(shown) === body;
  return JSON.stringify({
    ...{ number, kind, at, sales, hash, body: shown },
    ...(whole ? {} : { bodyHash: hashText(body) }),
  });
}

export interface CheckedExport {
  entries: number;
  sales: number;
  /** Entries of which a part was left out: their hash is checked, their words are not. */
  hidden: number;
  head: Anchor;
  fault?: JournalFault;
}

/** Checks a file that `exportLines` made, without the journal. */
export async function checkExport(lines: AsyncIterable<string>): Promise<CheckedExport> {
  const check = new ExportCheck();
  for await (const line of lines) {
    const fault = check.take(line);
    if (fault !== undefined) return { ...check.counted(), fault };
  }
  const fault = check.end();
  return { ...check.counted(), ...(fault === undefined ? {} : { fault }) };
}

class ExportCheck {
  #walk: ChainWalk | undefined;
  #anchor: Anchor | undefined;
  #entries = 0;
  #sales = 0;
  #hidden = 0;
  #sum = noHash;
  #ended = false;

  counted(): Omit<CheckedExport, 'fault'> {
    const [entries, sales, hidden] = [this.#entries, this.#sales, this.#hidden];
    return { entries, sales, hidden, head: this.#walk?.last ?? { number: 0, hash: noHash } };
  }

  take(line: string): JournalFault | undefined {
    const read = line.length > maxLineCharacters ? undefined : parseJson(line);
    if (this.#walk === undefined) {
      const head = headLine.safeParse(read).data;
      if (head === undefined) return { why: `this is no export of a journal (${format})` };
      this.#anchor = head.anchor;
      this.#walk = new ChainWalk(head.anchor);
      return undefined;
    }
    if (this.#ended) return { why: 'there is more behind its end' };
    const entry = entryLine.safeParse(read).data;
    if (entry !== undefined) return this.#entry(this.#walk, entry);
    const sale = saleLine.safeParse(read).data;
    if (sale !== undefined) return this.#sale(sale.sale);
    const end = endLine.safeParse(read).data?.end;
    const { number, hash } = this.#walk.last;
    if (end?.number !== number || end.hash !== hash) {
      return { entry: number + 1, why: 'the line is not what was written' };
    }
    this.#ended = true;
    return undefined;
  }

  end(): JournalFault | undefined {
    if (this.#walk === undefined || this.#anchor === undefined || !this.#ended) {
      return { why: 'its end is missing' };
    }
    if (this.#sum !== (this.#walk.sales ?? noHash)) {
      return { why: 'a sale was added to the table of sales, or taken out' };
    }
    return endFault(this.#walk, this.#anchor);
  }

  #entry(walk: ChainWalk, line: z.infer<typeof entryLine>): JournalFault | undefined {
    const { body, bodyHash, ...rest } = line;
    this.#entries += 1;
    if (bodyHash !== undefined) this.#hidden += 1;
    const row = { ...rest, body: JSON.stringify(body) };
    return walk.take(row, bodyHash ?? hashText(row.body));
  }

  #sale({ proofHash, hash, ...sale }: z.infer<typeof saleLine>['sale']): JournalFault | undefined {
    this.#sales += 1;
    this.#sum = addHash(this.#sum, hash, 1n);
    if (hashOf({ ...sale, proof: null }, proofHash) === hash) return undefined;
    return { saleId: sale.saleId, why: 'what is known of this sale was altered' };
  }
}

function parseJson(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
