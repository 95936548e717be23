// A row of the journal's table `sales`: its schema, its hash, and how it is read. Every column goes into the hash.
import { z } from 'zod';
import { fulfilment, saleItem, type Fulfilment, type SaleItem } from '../protocol/sale.ts';
import { verdict, type Verdict } from '../protocol/verdict.ts';
import { hashText, noHash } from './journal-chain.ts';

export const schema = `
  CREATE TABLE IF NOT EXISTS sales (
    saleId TEXT PRIMARY KEY,
    changed INTEGER NOT NULL,
    amountIdr INTEGER,
    items TEXT,
    pieces INTEGER,
    verdict TEXT,
    signed TEXT,
    proof TEXT,
    fulfilment TEXT,
    honoured TEXT,
    begunAt TEXT,
    endedAt TEXT,
    honouredAt TEXT,
    hash TEXT NOT NULL
  ) STRICT, WITHOUT ROWID;
`;

/** As it lies in the file. `changed`: the entry with which it last changed. Times are labels. */
export interface SaleRow {
  saleId: string;
  changed: number;
  amountIdr: number | null;
  items: string | null;
  pieces: number | null;
  verdict: string | null;
  signed: string | null;
  proof: string | null;
  fulfilment: string | null;
  honoured: string | null;
  begunAt: string | null;
  endedAt: string | null;
  honouredAt: string | null;
  hash: string;
}

const columns = [
  ...(['saleId', 'changed', 'amountIdr', 'items', 'pieces', 'verdict', 'signed'] as const),
  ...(['proof', 'fulfilment', 'honoured', 'begunAt', 'endedAt', 'honouredAt', 'hash'] as const),
];

/** Writes a row in the place of the one that stands; given its `valuesOf`. */
export const upsert = `INSERT OR REPLACE INTO sales (${columns.join(', ')})
  VALUES (${columns.map(() => '?').join(', ')})`;

export function valuesOf(row: SaleRow): (string | number | null)[] {
  return columns.map((column) => row[column]);
}

/** Of a sale that nothing is known of yet. */
export function blankRow(saleId: string): SaleRow {
  return {
    ...{ saleId, changed: 0, amountIdr: null, items: null, pieces: null, verdict: null },
    ...{
      signed: null,
      proof: null,
      fulfilment: null,
      honoured: null,
      begunAt: null,
      endedAt: null,
    },
    ...{ honouredAt: null, hash: noHash },
  };
}

/** A sale of the past as this kiosk knows it. */
export interface PastSale {
  saleId: string;
  amountIdr: number;
  items: readonly SaleItem[];
  pieces: number;
  verdict: Verdict | undefined;
  proof: string | undefined;
  fulfilment: Fulfilment | undefined;
  /** The dispense by which its claim was honoured. */
  honoured: string | undefined;
  begunAt: string | undefined;
  endedAt: string | undefined;
  honouredAt: string | undefined;
}

const optional = z
  .string()
  .nullable()
  .transform((text) => text ?? undefined);
const rowShape = z.object({
  saleId: z.string(),
  amountIdr: z.int().nullable(),
  items: z.string().transform(parseItems).pipe(z.array(saleItem)).nullable(),
  pieces: z.int().min(1).nullable(),
  verdict: verdict.nullable(),
  proof: optional,
  fulfilment: fulfilment.nullable(),
  honoured: optional,
  begunAt: optional,
  endedAt: optional,
  honouredAt: optional,
});

/** The proof goes in by its own hash, so that a copy that leaves it out can still be checked. */
export function hashOf(row: Omit<SaleRow, 'hash'>, proofHash = hashOfProof(row.proof)): string {
  const { saleId, changed, amountIdr, items, pieces, verdict: word, signed } = row;
  const { fulfilment: result, honoured, begunAt, endedAt, honouredAt } = row;
  return hashText(
    JSON.stringify([
      ...[saleId, changed, amountIdr, items, pieces, word, signed, proofHash],
      ...[result, honoured, begunAt, endedAt, honouredAt],
    ]),
  );
}

export function hashOfProof(proof: string | null): string {
  return proof === null ? '' : hashText(proof);
}

/** Undefined for a row that an honest kiosk does not write. A sale that was not minted here has neither goods nor price. */
export function readRow(row: SaleRow): PastSale | undefined {
  const read = rowShape.safeParse(row).data;
  if (read === undefined) return undefined;
  return {
    ...read,
    amountIdr: read.amountIdr ?? 0,
    items: read.items ?? [],
    pieces: read.pieces ?? 0,
    verdict: read.verdict ?? undefined,
    fulfilment: read.fulfilment ?? undefined,
  };
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
