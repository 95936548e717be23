// Notices that came in and verdicts that must go out, in the store. Nothing leaves either table unsaid.
import { type SaleRow } from '../sale-row.ts';
import { type Database, type Tx } from './database.ts';
import { type OutboxRow } from './schema.ts';
import { type Keeping, type NewNotice, type NoticeStore, type OutboxStore } from './store.ts';

/** A charge has two notices, each of its refunds two more. */
const maxNoticesASale = 32;
/** PROTOCOL.md §4: the floor of unprompted polling. */
const crowdedWaitMs = 10_000;

/** The notice and outbox methods of the store. */
export function outboxStore(database: Database): NoticeStore & OutboxStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
    keepNotice: (notice) => database.transact((tx) => keepNotice(tx, notice, nowMs())),
    async salesNoticed(limit) {
      const rows = await db
        .selectFrom('notices')
        .select('saleId')
        .where('state', '=', 'unconfirmed')
        .where('nextAtMs', '<=', nowMs())
        .groupBy('saleId')
        .orderBy((eb) => eb.fn.min('nextAtMs'))
        .limit(limit)
        .execute();
      return rows.map((row) => row.saleId);
    },
    takeNotices: (saleId, leaseMs) =>
      db
        .updateTable('notices')
        .set((eb) => ({ nextAtMs: nowMs() + leaseMs, attempts: eb('attempts', '+', 1) }))
        .where('saleId', '=', saleId)
        .where('state', '=', 'unconfirmed')
        .where('nextAtMs', '<=', nowMs())
        .returningAll()
        .execute(),
    async settleNotice(noticeId, to) {
      await db.updateTable('notices').set(to).where('noticeId', '=', noticeId).execute();
    },
    async kiosksToTell(limit) {
      const rows = await db
        .selectFrom('outbox')
        .innerJoin('kiosks', 'kiosks.kioskId', 'outbox.kioskId')
        .select('outbox.kioskId')
        .distinct()
        .where('kiosks.online', '=', 1)
        .where('outbox.nextAtMs', '<=', nowMs())
        .limit(limit)
        .execute();
      return rows.map((row) => row.kioskId);
    },
    dueOutbox: (kioskId, limit) => dueOutbox(database, kioskId, limit),
    async sent(row, nextAtMs) {
      await db
        .updateTable('outbox')
        .set((eb) => ({ state: 'sent' as const, attempts: eb('attempts', '+', 1), nextAtMs }))
        .where('saleId', '=', row.saleId)
        .where('seq', '=', row.seq)
        .execute();
    },
    async resend(kioskId) {
      await db
        .updateTable('outbox')
        .set({ nextAtMs: nowMs(), attempts: 0 })
        .where('kioskId', '=', kioskId)
        .execute();
    },
    acked: (kioskId, upTo) =>
      database.transact(async (tx) => {
        const kiosk = await tx
          .selectFrom('kiosks')
          .select(['seq', 'ackedSeq'])
          .where('kioskId', '=', kioskId)
          .executeTakeFirst();
        if (kiosk === undefined || kiosk.seq < upTo) return false;
        await tx
          .deleteFrom('outbox')
          .where('kioskId', '=', kioskId)
          .where('seq', '<=', upTo)
          .execute();
        if (kiosk.ackedSeq < upTo) {
          await tx
            .updateTable('kiosks')
            .set({ ackedSeq: upTo })
            .where('kioskId', '=', kioskId)
            .execute();
        }
        return true;
      }),
  };
}

/**
 * Only order, code and amount of a notice are signed: whoever has one can make any number that differ elsewhere. All
 * that such a one can bring about is another question to Midtrans, so above the limit that alone is kept, and spaced.
 */
async function keepNotice(
  tx: Tx,
  { pending, ...notice }: NewNotice,
  nowMs: number,
): Promise<Keeping> {
  const rows = await tx
    .selectFrom('notices')
    .select(['noticeId', 'state'])
    .where('saleId', '=', notice.saleId)
    .orderBy('receivedAtMs')
    .execute();
  if (rows.some((row) => row.noticeId === notice.noticeId)) return 'repeated';
  const last = rows.at(-1);
  if (last !== undefined && rows.length >= maxNoticesASale) {
    if (rows.some((row) => row.state === 'unconfirmed')) return 'crowded';
    await tx
      .updateTable('notices')
      .set({ state: 'unconfirmed', attempts: 0, nextAtMs: nowMs + crowdedWaitMs })
      .where('noticeId', '=', last.noticeId)
      .execute();
    return 'crowded';
  }
  const fresh = {
    state: 'unconfirmed',
    receivedAtMs: nowMs,
    attempts: 0,
    nextAtMs: nowMs,
  } as const;
  await tx
    .insertInto('notices')
    .values({ ...notice, ...fresh, pending: pending ? 1 : 0 })
    .execute();
  return 'stored';
}

async function dueOutbox(
  database: Database,
  kioskId: string,
  limit: number,
): Promise<(OutboxRow & { sale: SaleRow })[]> {
  const rows = await database.db
    .selectFrom('outbox')
    .selectAll()
    .where('kioskId', '=', kioskId)
    .where('nextAtMs', '<=', database.nowMs())
    .orderBy('seq')
    .limit(limit)
    .execute();
  if (rows.length === 0) return [];
  const sales = await database.db
    .selectFrom('sales')
    .selectAll()
    .where(
      'saleId',
      'in',
      rows.map((row) => row.saleId),
    )
    .execute();
  const byId = new Map(sales.map((sale) => [sale.saleId, sale]));
  return rows.flatMap((row) => {
    const sale = byId.get(row.saleId);
    // Between the two reads the sale may have moved on: then its own row tells that state.
    return sale?.seq === row.seq ? [{ ...row, sale }] : [];
  });
}
