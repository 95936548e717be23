// The sales in the store: every decision of the ledger with all that must become durable with it.
import assert from 'node:assert';
import { type Kysely } from 'kysely';
import { decide, type LedgerEvent } from '../ledger.ts';
import { type ClaimChange, type Decision } from '../ledger-rules.ts';
import { type SaleRow } from '../sale-row.ts';
import { type Database, type Tx } from './database.ts';
import { type Tables } from './schema.ts';
import { type SaleStore } from './store.ts';

/** The sale methods of the store. */
export function saleStore(database: Database): SaleStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
    put: (event) =>
      database.transact(async (tx) => {
        const row = await lock(database, tx, event.saleId);
        if (row === undefined && (await hasOpenSale(tx, event.kioskId))) return undefined;
        return { decision: await apply(tx, row, event, nowMs()), created: row === undefined };
      }),
    cancel: (event) =>
      database.transact(async (tx) =>
        apply(tx, await lock(database, tx, event.saleId), event, nowMs()),
      ),
    move: (saleId, event) =>
      database.transact(async (tx) => {
        const row = await lock(database, tx, saleId);
        return row === undefined ? undefined : apply(tx, row, event, nowMs());
      }),
    sale: (saleId) => load(db, saleId),
    takeDue: (limit, leaseMs) => takeDue(database, limit, leaseMs),
    async changes(kioskId, since, limit) {
      const rows = await db
        .selectFrom('sales')
        .selectAll()
        .where('kioskId', '=', kioskId)
        .where('seq', '>', since)
        .orderBy('seq')
        .limit(limit + 1)
        .execute();
      return { sales: rows.slice(0, limit), more: rows.length > limit };
    },
    saleAt: (kioskId, seq) =>
      db
        .selectFrom('sales')
        .selectAll()
        .where('kioskId', '=', kioskId)
        .where('seq', '=', seq)
        .executeTakeFirst(),
    claim: (saleId) =>
      db.selectFrom('claims').selectAll().where('saleId', '=', saleId).executeTakeFirst(),
  };
}

/** Decides one event inside `tx` and stores everything that follows from it. */
export async function apply(
  tx: Tx,
  row: SaleRow | undefined,
  event: LedgerEvent,
  nowMs: number,
): Promise<Decision> {
  const decision = decide(row, event, nowMs);
  if (decision.refusal !== undefined) return decision;
  if (decision.moved) await takeSeq(tx, decision.row);
  if (row === undefined) {
    await tx.insertInto('sales').values(decision.row).execute();
  } else {
    const { saleId, ...rest } = decision.row;
    await tx.updateTable('sales').set(rest).where('saleId', '=', saleId).execute();
  }
  if (decision.moved) await putIntoOutbox(tx, decision.row, nowMs);
  if (decision.claim !== undefined) await applyClaim(tx, decision.row, decision.claim, nowMs);
  return decision;
}

/** The row, and nobody else may decide about it until this step is through. SQLite has one writer anyway. */
export function lock(
  { dialect }: Pick<Database, 'dialect'>,
  tx: Tx,
  saleId: string,
): Promise<SaleRow | undefined> {
  return tx
    .selectFrom('sales')
    .selectAll()
    .where('saleId', '=', saleId)
    .$if(dialect === 'postgres', (query) => query.forUpdate())
    .executeTakeFirst();
}

function load(db: Kysely<Tables>, saleId: string): Promise<SaleRow | undefined> {
  return db.selectFrom('sales').selectAll().where('saleId', '=', saleId).executeTakeFirst();
}

async function hasOpenSale(tx: Tx, kioskId: string): Promise<boolean> {
  const open = await tx
    .selectFrom('sales')
    .select('saleId')
    .where('kioskId', '=', kioskId)
    .where('verdict', 'in', ['creating', 'pending'])
    .where((eb) => eb.or([eb('fulfilment', 'is', null), eb('fulfilment', '!=', 'abandoned')]))
    .limit(1)
    .executeTakeFirst();
  return open !== undefined;
}

/** From the kiosk's own row, never from a sequence: so the numbers become visible in their order. */
async function takeSeq(tx: Tx, row: SaleRow): Promise<void> {
  const taken = await tx
    .updateTable('kiosks')
    .set((eb) => ({ seq: eb('seq', '+', 1) }))
    .where('kioskId', '=', row.kioskId)
    .returning('seq')
    .executeTakeFirst();
  assert(taken !== undefined, `kiosk ${row.kioskId} has no row`);
  row.seq = taken.seq;
  row.prev = taken.seq - 1;
}

async function putIntoOutbox(tx: Tx, row: SaleRow, nowMs: number): Promise<void> {
  const due = { seq: row.seq, state: 'due', attempts: 0, nextAtMs: nowMs } as const;
  await tx
    .insertInto('outbox')
    .values({ saleId: row.saleId, kioskId: row.kioskId, ...due })
    .onConflict((oc) => oc.column('saleId').doUpdateSet(due))
    .execute();
}

async function applyClaim(tx: Tx, row: SaleRow, change: ClaimChange, nowMs: number): Promise<void> {
  if (change.do === 'open') {
    await tx
      .insertInto('claims')
      .values({
        saleId: row.saleId,
        kioskId: row.kioskId,
        kind: change.kind,
        amountIdr: change.amountIdr,
        operatorOnly: change.operatorOnly ? 1 : 0,
        state: 'open',
        openedAtMs: nowMs,
        changedAtMs: nowMs,
        dispenseId: null,
        refundN: 0,
        refundIdr: 0,
        note: null,
        askAtMs: change.operatorOnly ? null : nowMs,
      })
      .onConflict((oc) => oc.column('saleId').doNothing())
      .execute();
    return;
  }
  if (change.do === 'rest') {
    await tx
      .updateTable('claims')
      .set({ amountIdr: change.amountIdr, operatorOnly: 1, changedAtMs: nowMs })
      .where('saleId', '=', row.saleId)
      .where('state', '=', 'open')
      .execute();
    return;
  }
  await tx
    .updateTable('claims')
    .set({ state: change.as, changedAtMs: nowMs })
    .where('saleId', '=', row.saleId)
    .where('state', 'in', change.as === 'honoured' ? ['open'] : ['open', 'refunding'])
    .execute();
}

/** Many relays take from one table: whoever locks a row first has it, the others skip it. */
async function takeDue(database: Database, limit: number, leaseMs: number): Promise<SaleRow[]> {
  const nowMs = database.nowMs();
  return database.transact(async (tx) => {
    const rows = await tx
      .selectFrom('sales')
      .selectAll()
      .where('askAtMs', '<=', nowMs)
      .orderBy('askAtMs')
      .limit(limit)
      .$if(database.dialect === 'postgres', (query) => query.forUpdate().skipLocked())
      .execute();
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
