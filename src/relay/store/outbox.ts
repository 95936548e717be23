// Verdicts that must go out, in the store. A row leaves when its kiosk has acknowledged it, never before.
import { sql, type Kysely, type SelectQueryBuilder } from 'kysely';
import { type Database } from './database.ts';
import { lockKiosk } from './sales.ts';
import { type Tables } from './schema.ts';
import { createSendings, type Sending } from './sendings.ts';
import { statement } from './statement.ts';
import { type OutboxStore } from './store.ts';

/** Of one kiosk at once. In the SQL itself: SQLite makes a new plan at every call for a limit that it is given. */
const maxDue = 100;
/** Kiosks in one look, likewise. */
const maxToTell = 100;

/** With the state that the number belongs to: an older number tells nothing that a newer one would not. */
const selectDue = statement((db, p: { kioskId: string; after: number; nowMs: number }) =>
  db
    .selectFrom('outbox')
    .innerJoin('sales', (join) =>
      join.onRef('sales.saleId', '=', 'outbox.saleId').onRef('sales.seq', '=', 'outbox.seq'),
    )
    .selectAll('sales')
    .select(['outbox.state', 'outbox.attempts', 'outbox.nextAtMs'])
    .where('outbox.kioskId', '=', p.kioskId)
    .where('outbox.seq', '>', p.after)
    .where('outbox.nextAtMs', '<=', p.nowMs)
    .orderBy('outbox.seq')
    .limit(sql.lit(maxDue)),
);

const markSent = statement((db, p: { saleId: string; seq: number; nextAtMs: number }) =>
  db
    .updateTable('outbox')
    .set((eb) => ({
      state: 'sent',
      attempts: eb('attempts', '+', 1),
      nextAtMs: p.nextAtMs,
    }))
    .where('saleId', '=', p.saleId)
    .where('seq', '=', p.seq),
);

const dueAgain = statement((db, p: { kioskId: string; nextAtMs: number }) =>
  db
    .updateTable('outbox')
    .set({ nextAtMs: p.nextAtMs, attempts: 0 })
    .where('kioskId', '=', p.kioskId),
);

/** Nothing comes back of a number that was never given. The row is locked by it, where rows have locks. */
const ackUpTo = statement((db, p: { kioskId: string; upTo: number }) =>
  db
    .updateTable('kiosks')
    .set((eb) => ({
      ackedSeq: eb.case().when('ackedSeq', '<', p.upTo).then(p.upTo).else(eb.ref('ackedSeq')).end(),
    }))
    .where('kioskId', '=', p.kioskId)
    .where('seq', '>=', p.upTo)
    .returning('seq'),
);

const deleteUpTo = statement((db, p: { kioskId: string; upTo: number }) =>
  db.deleteFrom('outbox').where('kioskId', '=', p.kioskId).where('seq', '<=', p.upTo),
);

/**
 * From the index of those who are there and have not heard all: its condition is repeated, as SQLite asks. Each
 * costs one look at its earliest row, so what waits for absent kiosks costs nothing.
 */
export function queryToTell(
  db: Kysely<Tables>,
  p: { nowMs: number },
): SelectQueryBuilder<Tables, 'kiosks', { kioskId: string }> {
  return db
    .selectFrom('kiosks')
    .select('kioskId')
    .where('online', '=', sql.lit(1))
    .whereRef('ackedSeq', '<', 'seq')
    .where(
      (eb) =>
        eb
          .selectFrom('outbox')
          .select((min) => min.fn.min('nextAtMs').as('nextAtMs'))
          .whereRef('outbox.kioskId', '=', 'kiosks.kioskId'),
      '<=',
      p.nowMs,
    )
    .limit(sql.lit(maxToTell));
}

const selectToTell = statement(queryToTell);

/** The outbox methods of the store. */
export function outboxStore(database: Database): OutboxStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  const sendings = createSendings();
  return {
    async kiosksToTell(limit) {
      await write(database, sendings.takeAll());
      const rows = await selectToTell(db, { nowMs: nowMs() });
      return rows.slice(0, limit).map((row) => row.kioskId);
    },
    async dueOutbox(kioskId, limit) {
      const after = sendings.highest(kioskId);
      const rows = await selectDue(db, { kioskId, after, nowMs: nowMs() });
      return rows.slice(0, limit).map(({ state, attempts, nextAtMs, ...sale }) => {
        const { saleId, seq } = sale;
        return { saleId, kioskId, seq, state, attempts, nextAtMs, sale };
      });
    },
    async sent(row, waitMs) {
      const sending = { ...row, nextAtMs: nowMs() + waitMs };
      // Others would send it as well: they see what is written.
      if (database.dialect === 'postgres') await write(database, [sending]);
      else if (!sendings.add(sending)) await write(database, [...sendings.takeAll(), sending]);
    },
    async resend(kioskId) {
      await database.transact(async (tx) => {
        await lockKiosk(database, tx, kioskId);
        await dueAgain(tx, { kioskId, nextAtMs: nowMs() });
      });
      sendings.forget(kioskId, Infinity);
    },
    async acked(kioskId, upTo) {
      const taken = await database.transact(async (tx) => {
        if ((await ackUpTo(tx, { kioskId, upTo })).length === 0) return false;
        await deleteUpTo(tx, { kioskId, upTo });
        return true;
      });
      if (taken) sendings.forget(kioskId, upTo);
      return taken;
    },
  };
}

/** In one durable step. What was acknowledged or has moved on meanwhile stays as it is. */
async function write(database: Database, sendings: readonly Sending[]): Promise<void> {
  if (sendings.length === 0) return;
  await database.transact(async (tx) => {
    for (const { saleId, seq, nextAtMs } of sendings) await markSent(tx, { saleId, seq, nextAtMs });
  });
}
