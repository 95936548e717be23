// Notices that came in and verdicts that must go out, in the store. Nothing leaves either table unsaid.
import { type Kysely } from 'kysely';
import { type SaleRow } from '../sale-row.ts';
import { type OutboxRow, type Tables } from './schema.ts';
import { type Store } from './store.ts';

/** The notice and outbox methods of the store. */
export function outboxStore(
  db: Kysely<Tables>,
  nowMs: () => number,
): Pick<
  Store,
  | 'keepNotice'
  | 'takeNotices'
  | 'settleNotice'
  | 'kiosksToTell'
  | 'dueOutbox'
  | 'sent'
  | 'resend'
  | 'acked'
> {
  return {
    async keepNotice(notice) {
      const now = nowMs();
      const result = await db
        .insertInto('notices')
        .values({
          ...notice,
          pending: notice.pending ? 1 : 0,
          state: 'unconfirmed',
          receivedAtMs: now,
          attempts: 0,
          nextAtMs: now,
        })
        .onConflict((oc) => oc.column('noticeId').doNothing())
        .executeTakeFirst();
      return Number(result.numInsertedOrUpdatedRows ?? 0) > 0;
    },
    takeNotices: (limit, leaseMs) =>
      db.transaction().execute(async (tx) => {
        const rows = await tx
          .selectFrom('notices')
          .selectAll()
          .where('state', '=', 'unconfirmed')
          .where('nextAtMs', '<=', nowMs())
          .orderBy('nextAtMs')
          .limit(limit)
          .execute();
        if (rows.length === 0) return [];
        await tx
          .updateTable('notices')
          .set((eb) => ({ nextAtMs: nowMs() + leaseMs, attempts: eb('attempts', '+', 1) }))
          .where(
            'noticeId',
            'in',
            rows.map((row) => row.noticeId),
          )
          .execute();
        return rows.map((row) => ({ ...row, attempts: row.attempts + 1 }));
      }),
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
    dueOutbox: (kioskId, limit) => dueOutbox(db, kioskId, nowMs(), limit),
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
      db.transaction().execute(async (tx) => {
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

async function dueOutbox(
  db: Kysely<Tables>,
  kioskId: string,
  nowMs: number,
  limit: number,
): Promise<(OutboxRow & { sale: SaleRow })[]> {
  const rows = await db
    .selectFrom('outbox')
    .selectAll()
    .where('kioskId', '=', kioskId)
    .where('nextAtMs', '<=', nowMs)
    .orderBy('seq')
    .limit(limit)
    .execute();
  if (rows.length === 0) return [];
  const sales = await db
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
