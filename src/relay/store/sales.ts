// The sales in the store: every decision of the ledger with all that must become durable with it.
import assert from 'node:assert';
import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import { KiosError } from '../../protocol/errors.ts';
import { kioskOfSale } from '../../protocol/ids.ts';
import { decide, type LedgerEvent } from '../ledger.ts';
import { type Decision } from '../ledger-rules.ts';
import { type SaleRow } from '../sale-row.ts';
import { applyClaimChange, restoredAtOf, selectClaim } from './claim-rows.ts';
import { type Database, type Tx } from './database.ts';
import {
  insertSale,
  lockKioskRow,
  lockSale,
  maxChanges,
  maxTombstones,
  nextSeq,
  openSaleOf,
  selectChanges,
  selectSale,
  selectSaleAt,
  tombstonesOf,
  updateSale,
  upsertOutbox,
} from './sale-statements.ts';
import { type Tables } from './schema.ts';
import { statement } from './statement.ts';
import { type CancelEvent, type SaleStore } from './store.ts';

/** Of one kiosk in one round: whatever it has left behind, the others' deadlines are kept. */
export const maxDueAKiosk = 4;
/** Rows looked at in one round, and how often: a kiosk with thousands is passed over after the first look. */
const dueWindow = 64;
const dueLooks = 3;

/** The sale methods of the store. */
export function saleStore(database: Database): SaleStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
    put: (event) =>
      database.transact(async (tx) => {
        const row = await lock(database, tx, event.saleId);
        if (row === undefined && (await openSaleOf(tx, { kioskId: event.kioskId })).length > 0)
          return undefined;
        return { decision: await apply(tx, row, event, nowMs()), created: row === undefined };
      }),
    cancel: (event) =>
      database.transact(async (tx) => {
        const row = await lock(database, tx, event.saleId);
        if (row !== undefined) return apply(tx, row, event, nowMs());
        await refuseMoreTombstones(tx, event);
        const restoredAtMs = await restoredAtOf(tx);
        const known = restoredAtMs === undefined ? event : { ...event, restoredAtMs };
        return apply(tx, row, known, nowMs());
      }),
    move: (saleId, event) =>
      database.transact(async (tx) => {
        const row = await lock(database, tx, saleId);
        return row === undefined ? undefined : apply(tx, row, event, nowMs());
      }),
    sale: async (saleId) => (await selectSale(db, { saleId }))[0],
    takeDue: (limit, leaseMs) => takeDue(database, limit, leaseMs),
    async changes(kioskId, since, limit) {
      assert(limit <= maxChanges);
      const rows = await selectChanges(db, { kioskId, since });
      return { sales: rows.slice(0, limit), more: rows.length > limit };
    },
    saleAt: async (kioskId, seq) => (await selectSaleAt(db, { kioskId, seq }))[0],
    claim: async (saleId) => (await selectClaim(db, { saleId }))[0],
  };
}

/** Decides one event inside `tx` and stores everything that follows from it. */
export async function apply(
  tx: Tx,
  row: SaleRow | undefined,
  event: LedgerEvent,
  nowMs: number,
): Promise<Decision> {
  return keepDecision(tx, row, decide(row, event, nowMs), nowMs);
}

/** Stores a decision and everything that follows from it. `row`: what stood before it. */
export async function keepDecision(
  tx: Tx,
  row: SaleRow | undefined,
  decision: Decision,
  nowMs: number,
): Promise<Decision> {
  if (decision.refusal !== undefined) {
    if (row === undefined) return decision;
    const { fulfilmentDisputed } = decision.row;
    if (fulfilmentDisputed !== row.fulfilmentDisputed) {
      await updateSale(tx, { saleId: row.saleId, changed: { fulfilmentDisputed } });
    }
    if (decision.claim === undefined) return decision;
    return { ...decision, ...(await applyClaimChange(tx, row, decision.claim, nowMs)) };
  }
  if (decision.moved) await takeSeq(tx, decision.row);
  if (row === undefined) {
    await insertSale(tx, { row: decision.row });
  } else {
    const changed = changesOf(row, decision.row);
    if (Object.keys(changed).length > 0) await updateSale(tx, { saleId: row.saleId, changed });
  }
  if (decision.moved) await putIntoOutbox(tx, decision.row, nowMs);
  if (decision.claim === undefined) return decision;
  return { ...decision, ...(await applyClaimChange(tx, decision.row, decision.claim, nowMs)) };
}

/**
 * The row, and nobody else may decide about it until this step is through. First the kiosk's own row is locked, then the
 * sale's, always in this order: so no two steps can wait for each other, and a sale that has no row yet is locked too.
 */
export async function lock(
  { dialect }: Pick<Database, 'dialect'>,
  tx: Tx,
  saleId: string,
): Promise<SaleRow | undefined> {
  // One step at a time: there is nobody to lock out.
  if (dialect === 'sqlite') return (await selectSale(tx, { saleId }))[0];
  const kioskId = kioskOfSale(saleId);
  if (kioskId !== undefined) await lockKioskRow(tx, { kioskId });
  return (await lockSale(tx, { saleId }))[0];
}

/** For steps about more than one sale of a kiosk: all that concerns it waits until this one is through. */
export async function lockKiosk(
  { dialect }: Pick<Database, 'dialect'>,
  tx: Tx,
  kioskId: string,
): Promise<void> {
  if (dialect === 'postgres') await lockKioskRow(tx, { kioskId });
}

function changesOf(before: SaleRow, after: SaleRow): Partial<SaleRow> {
  const changed: Partial<SaleRow> = {};
  // A row has no other keys. Every decision comes by here: lists of entries would cost more than the decision.
  for (const column of Object.keys(after) as (keyof SaleRow)[]) {
    if (before[column] !== after[column]) Object.assign(changed, { [column]: after[column] });
  }
  return changed;
}

/** From the kiosk's own row, never from a sequence: so the numbers become visible in their order. */
export async function takeSeq(tx: Tx, row: SaleRow): Promise<void> {
  const [taken] = await nextSeq(tx, { kioskId: row.kioskId });
  assert(taken !== undefined, `kiosk ${row.kioskId} has no row`);
  row.seq = taken.seq;
  row.prev = taken.seq - 1;
}

export async function putIntoOutbox(tx: Tx, row: SaleRow, nowMs: number): Promise<void> {
  const { saleId, kioskId, seq } = row;
  await upsertOutbox(tx, {
    row: { saleId, kioskId, seq, state: 'due', attempts: 0, nextAtMs: nowMs },
  });
}

/** @throws KiosError `rate-limited` */
async function refuseMoreTombstones(tx: Tx, { kioskId }: CancelEvent): Promise<void> {
  const open = await tombstonesOf(tx, { kioskId });
  if (open.length < maxTombstones) return;
  throw new KiosError(
    'rate-limited',
    'cancels of unknown sales wait for Midtrans: try again later',
  );
}

/** Many relays take from one table: whoever locks a row first has it, the others skip it. */
async function takeDue(database: Database, limit: number, leaseMs: number): Promise<SaleRow[]> {
  const nowMs = database.nowMs();
  return database.transact(async (tx) => {
    const rows = await chooseDue(database, tx, limit, nowMs);
    if (rows.length === 0) return [];
    await tx
      .updateTable('sales')
      .set({ askAtMs: nowMs + leaseMs })
      .where(
        'saleId',
        'in',
        rows.map((row) => row.saleId),
      )
      .execute();
    return rows;
  });
}

function queryDue(
  db: Kysely<Tables>,
  p: { nowMs: number },
): SelectQueryBuilder<Tables, 'sales', SaleRow> {
  return db
    .selectFrom('sales')
    .selectAll()
    .where('askAtMs', '<=', p.nowMs)
    .orderBy('askAtMs')
    .limit(sql.lit(dueWindow));
}

const selectDue = statement(queryDue);

/** The longest due first, a few of each kiosk; where a kiosk fills the view, the next look is past it. */
async function chooseDue(
  { dialect }: Database,
  tx: Tx,
  limit: number,
  nowMs: number,
): Promise<SaleRow[]> {
  const chosen: SaleRow[] = [];
  const taken = new Map<string, number>();
  for (let look = 0; look < dueLooks && chosen.length < limit; look++) {
    const seen = [...taken.keys()];
    const rows =
      seen.length === 0 && dialect === 'sqlite'
        ? await selectDue(tx, { nowMs })
        : await queryDue(tx, { nowMs })
            .$if(seen.length > 0, (query) => query.where('kioskId', 'not in', seen))
            .$if(dialect === 'postgres', (query) => query.forUpdate().skipLocked())
            .execute();
    for (const row of rows) {
      const ofKiosk = taken.get(row.kioskId) ?? 0;
      taken.set(row.kioskId, ofKiosk + 1);
      if (ofKiosk < maxDueAKiosk && chosen.length < limit) chosen.push(row);
    }
    if (rows.length < dueWindow) break;
  }
  return chosen;
}
