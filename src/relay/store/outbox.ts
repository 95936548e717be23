// Verdicts that must go out, in the store. A row leaves when its kiosk has acknowledged it, never before.
import { type SaleRow } from '../sale-row.ts';
import { type Database, type Tx } from './database.ts';
import { lockKiosk } from './sales.ts';
import { type OutboxRow } from './schema.ts';
import { statement } from './statement.ts';
import { type OutboxStore } from './store.ts';

/** With the state that the number belongs to: an older number tells nothing that a newer one would not. */
const selectDue = statement((db, p: { kioskId: string; nowMs: number; limit: number }) =>
  db
    .selectFrom('outbox')
    .innerJoin('sales', (join) =>
      join.onRef('sales.saleId', '=', 'outbox.saleId').onRef('sales.seq', '=', 'outbox.seq'),
    )
    .selectAll('sales')
    .select(['outbox.state', 'outbox.attempts', 'outbox.nextAtMs'])
    .where('outbox.kioskId', '=', p.kioskId)
    .where('outbox.nextAtMs', '<=', p.nowMs)
    .orderBy('outbox.seq')
    .limit(p.limit),
);

const markSent = statement((db, p: { saleId: string; seq: number; nextAtMs: number }) =>
  db
    .updateTable('outbox')
    .set((eb) => ({ state: 'sent', attempts: eb('attempts', '+', 1), nextAtMs: p.nextAtMs }))
    .where('saleId', '=', p.saleId)
    .where('seq', '=', p.seq),
);

const dueAgain = statement((db, p: { kioskId: string; nextAtMs: number }) =>
  db
    .updateTable('outbox')
    .set({ nextAtMs: p.nextAtMs, attempts: 0 })
    .where('kioskId', '=', p.kioskId),
);

const numbersOf = statement((db, p: { kioskId: string }) =>
  db.selectFrom('kiosks').select(['seq', 'ackedSeq']).where('kioskId', '=', p.kioskId),
);

const deleteUpTo = statement((db, p: { kioskId: string; upTo: number }) =>
  db.deleteFrom('outbox').where('kioskId', '=', p.kioskId).where('seq', '<=', p.upTo),
);

const setAcked = statement((db, p: { kioskId: string; upTo: number }) =>
  db.updateTable('kiosks').set({ ackedSeq: p.upTo }).where('kioskId', '=', p.kioskId),
);

/** The outbox methods of the store. */
export function outboxStore(database: Database): OutboxStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
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
    sent: (row, waitMs) =>
      database.transact(async (tx) => {
        const { saleId, seq } = row;
        await markSent(tx, { saleId, seq, nextAtMs: nowMs() + waitMs });
      }),
    resend: (kioskId) =>
      database.transact(async (tx) => {
        await lockKiosk(database, tx, kioskId);
        await dueAgain(tx, { kioskId, nextAtMs: nowMs() });
      }),
    acked: (kioskId, upTo) => database.transact((tx) => acked(database, tx, kioskId, upTo)),
  };
}

async function acked(database: Database, tx: Tx, kioskId: string, upTo: number): Promise<boolean> {
  await lockKiosk(database, tx, kioskId);
  const [kiosk] = await numbersOf(tx, { kioskId });
  if (kiosk === undefined || kiosk.seq < upTo) return false;
  await deleteUpTo(tx, { kioskId, upTo });
  if (kiosk.ackedSeq < upTo) await setAcked(tx, { kioskId, upTo });
  return true;
}

async function dueOutbox(
  database: Database,
  kioskId: string,
  limit: number,
): Promise<(OutboxRow & { sale: SaleRow })[]> {
  const rows = await selectDue(database.db, { kioskId, nowMs: database.nowMs(), limit });
  return rows.map(({ state, attempts, nextAtMs, ...sale }) => {
    const { saleId, seq } = sale;
    return { saleId, kioskId, seq, state, attempts, nextAtMs, sale };
  });
}
