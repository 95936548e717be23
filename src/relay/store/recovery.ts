// What a relay that was restored from a backup makes of its own signatures (PROTOCOL.md §8). Never a charge.
import assert from 'node:assert';
import { sql, type UpdateResult } from 'kysely';
import { cursorAfter, cursorSeq } from '../../protocol/sale.ts';
import { minuteMs, restoredNote } from '../ledger-claim-rules.ts';
import { recoverSale, type ProvenSale, type Recovery } from '../ledger-recover.ts';
import { type ClaimRow, type ClaimState, type SaleRow } from '../sale-row.ts';
import { readClaim, restoredAt } from './claim-rows.ts';
import { type Database, type Tx } from './database.ts';
import { keepDecision, lock, lockKiosk, putIntoOutbox, takeSeq } from './sales.ts';
import { statement } from './statement.ts';

export interface RecoveryStore {
  /** True while Midtrans has not said what became of every sale that this kiosk has recovered. */
  isRecovering(kioskId: string): Promise<boolean>;
  /**
   * Numbers the kiosk's changes above `seq`, and above the cursor `since`: those to come, and anew those of before that
   * it cannot have heard of where it stands.
   */
  raiseSeq(kioskId: string, seq: number, since: string | undefined): Promise<void>;
  /**
   * Makes or merges rows of one kiosk, all or none. What Midtrans told of a sale before there was a row of it is looked
   * up again.
   */
  recoverSales(sales: readonly ProvenSale[]): Promise<Recovery[]>;
  /** The ledger's id as it stands in the database now. */
  presentLedgerId(): Promise<string | undefined>;
  /** Begins a new ledger on a database that was restored from a backup. */
  beginLedger(ledgerId: string): Promise<LedgerBegun>;
}

/** How many rows each step of `beginLedger` has touched. */
export interface LedgerBegun {
  sales: number;
  claims: number;
  codes: number;
  kiosks: number;
}

/** The literal is what lets SQLite use the index of those that are recovered. */
const recoveringOf = statement((db, p: { kioskId: string }) =>
  db
    .selectFrom('sales')
    .select('saleId')
    .where('kioskId', '=', p.kioskId)
    .where('recovering', '=', sql.lit(1))
    .limit(sql.lit(1)),
);

export function recoveryStore(database: Database): RecoveryStore {
  const { db } = database;
  return {
    isRecovering: async (kioskId) => (await recoveringOf(db, { kioskId })).length > 0,
    raiseSeq: (kioskId, seq, since) =>
      database.transact(async (tx) => {
        await lockKiosk(database, tx, kioskId);
        await raiseSeq(tx, kioskId, { seq, since }, database.nowMs());
      }),
    recoverSales: (sales) =>
      database.transact(async (tx) => {
        const recoveries: Recovery[] = [];
        for (const proven of sales) recoveries.push(await recoverOne(database, tx, proven));
        return recoveries;
      }),
    async presentLedgerId() {
      const row = await db
        .selectFrom('meta')
        .select('value')
        .where('name', '=', 'ledgerId')
        .executeTakeFirst();
      return row?.value;
    },
    beginLedger: (ledgerId) =>
      database.transact((tx) => beginLedger(tx, ledgerId, database.nowMs())),
  };
}

async function recoverOne(database: Database, tx: Tx, proven: ProvenSale): Promise<Recovery> {
  const { saleId } = proven.claims;
  const standing = await lock(database, tx, saleId);
  const nowMs = database.nowMs();
  const owed = standing === undefined ? undefined : await readClaim(tx, saleId);
  const recovery = recoverSale(standing, proven, nowMs, owed);
  if (recovery.decision === undefined) return recovery;
  const decision = await keepDecision(tx, standing, recovery.decision, nowMs);
  if (recovery.how === 'made') await lookAgain(tx, saleId, nowMs);
  return { ...recovery, decision };
}

/** The kiosk's row is locked: nobody takes a number meanwhile. */
async function raiseSeq(
  tx: Tx,
  kioskId: string,
  to: { seq: number; since: string | undefined },
  nowMs: number,
): Promise<void> {
  const stands = to.since === undefined ? to.seq : cursorSeq(to.since);
  const above = Math.max(to.seq, stands);
  await tx
    .updateTable('kiosks')
    .set({ seq: above })
    .where('kioskId', '=', kioskId)
    .where('seq', '<', above)
    .execute();
  const mark = await rowAt(tx, kioskId, to.since);
  // A cursor of ours: all up to it was heard, all beyond it will be.
  if (mark !== undefined && cursorAfter(mark) === to.since) return;
  const unheard = await tx
    .selectFrom('sales')
    .innerJoin('outbox', 'outbox.saleId', 'sales.saleId')
    .selectAll('sales')
    .where('sales.kioskId', '=', kioskId)
    .where('sales.seq', '<=', stands)
    .orderBy('sales.seq')
    .execute();
  for (const row of unheard) await numberAnew(tx, row, nowMs);
  if (mark !== undefined && !unheard.some((row) => row.saleId === mark.saleId)) {
    await numberAnew(tx, mark, nowMs);
  }
}

/** The sale that took the cursor's number here. */
async function rowAt(
  tx: Tx,
  kioskId: string,
  since: string | undefined,
): Promise<SaleRow | undefined> {
  if (since === undefined || cursorSeq(since) === 0) return undefined;
  return tx
    .selectFrom('sales')
    .selectAll()
    .where('kioskId', '=', kioskId)
    .where('seq', '=', cursorSeq(since))
    .executeTakeFirst();
}

async function numberAnew(tx: Tx, row: SaleRow, nowMs: number): Promise<void> {
  await takeSeq(tx, row);
  const { saleId, seq, prev } = row;
  await tx.updateTable('sales').set({ seq, prev }).where('saleId', '=', saleId).execute();
  await putIntoOutbox(tx, row, nowMs);
}

/** PROTOCOL.md §4: an authentic notice for an order that we did not know is looked up again when it is recovered. */
async function lookAgain(tx: Tx, saleId: string, nowMs: number): Promise<void> {
  await tx
    .updateTable('notices')
    .set({ state: 'unconfirmed', attempts: 0, nextAtMs: nowMs })
    .where('saleId', '=', saleId)
    .where('state', '=', 'unknown-order')
    .execute();
}

/**
 * Midtrans is asked about all that is not final (of dead charges in their own time); what was leased, is free. What may have been paid out after the backup
 * is the operator's from now on, and a code that may have been used is good for nothing.
 */
async function beginLedger(tx: Tx, ledgerId: string, nowMs: number): Promise<LedgerBegun> {
  const begun = await tx
    .updateTable('meta')
    .set({ value: ledgerId })
    .where('name', '=', 'ledgerId')
    .executeTakeFirst();
  assert(begun.numUpdatedRows === 1n, 'a store that was opened has its ledger id');
  await tx
    .insertInto('meta')
    .values({ name: restoredAt, value: String(nowMs) })
    .onConflict((oc) => oc.column('name').doUpdateSet({ value: String(nowMs) }))
    .execute();
  // The ledger that was lost may have sent their charges again since the backup.
  await tx
    .updateTable('sales')
    .set({ silentAtMs: nowMs })
    .where('verdict', '=', 'creating')
    .execute();
  const sales = await tx
    .updateTable('sales')
    .set({ askAtMs: nowMs })
    .where((eb) => eb.or([eb('verdict', 'in', ['creating', 'pending']), eb('recovering', '=', 1)]))
    .executeTakeFirst();
  await tx
    .updateTable('notices')
    .set({ nextAtMs: nowMs })
    .where('state', '=', 'unconfirmed')
    .execute();
  await tx.updateTable('outbox').set({ state: 'due', attempts: 0, nextAtMs: nowMs }).execute();
  const claims = await handOver(tx, nowMs);
  const codes = await tx
    .updateTable('enrolments')
    .set({ expiresAtMs: nowMs })
    .where('expiresAtMs', '>', nowMs)
    .executeTakeFirst();
  const kiosks = await tx.updateTable('kiosks').set({ online: 0, brokerDue: 1 }).executeTakeFirst();
  return {
    sales: Number(sales.numUpdatedRows),
    claims,
    codes: Number(codes.numUpdatedRows),
    kiosks: Number(kiosks.numUpdatedRows),
  };
}

/** Claims that were not over at the backup may have been paid out since, by an order or by hand: Midtrans is asked first. */
async function handOver(tx: Tx, nowMs: number): Promise<number> {
  // By then a refund that the lost ledger sent last has landed.
  const askAtMs = nowMs + minuteMs;
  const theirs = { operatorOnly: 1, orderedIdr: 0, restored: 1 } as const;
  const change = (state: ClaimState, more: Partial<ClaimRow>): Promise<UpdateResult> =>
    tx
      .updateTable('claims')
      .set({ ...theirs, ...more })
      .where('state', '=', state)
      .executeTakeFirst();
  const changed = [
    await change('open', { askAtMs, note: restoredNote }),
    // A note would say that the grant is over; its kiosk may be dispensing, by a later one even.
    await change('redeeming', { askAtMs, changedAtMs: nowMs }),
    // What became of a refund in flight, Midtrans says. It is not sent again: it may have been settled by hand since.
    await change('refunding', { askAtMs, changedAtMs: nowMs, note: restoredNote }),
  ];
  return changed.reduce((sum, { numUpdatedRows }) => sum + Number(numUpdatedRows), 0);
}
