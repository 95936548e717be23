// Midtrans' notices in the store. Each is there, with all that it means for its sale, before its 200 is sent.
import { type SaleRow } from '../sale-row.ts';
import { type Database, type Tx } from './database.ts';
import { apply, lock } from './sales.ts';
import { type NoticeRow } from './schema.ts';
import { statement } from './statement.ts';
import {
  type Judgement,
  type Keeping,
  type Kept,
  type NewNotice,
  type NoticeStore,
} from './store.ts';

/** A charge has two notices, each of its refunds two more. */
const maxNoticesASale = 32;
/** A charge has one first notice. Whoever has it must not take the room of the one that tells of the money. */
const maxPendingASale = 8;
/** PROTOCOL.md §4: the floor of unprompted polling. */
const crowdedWaitMs = 10_000;

const noticesOf = statement((db, p: { saleId: string }) =>
  db
    .selectFrom('notices')
    .select(['noticeId', 'state', 'pending'])
    .where('saleId', '=', p.saleId)
    .orderBy('receivedAtMs'),
);

/** Nothing comes back when the same one was stored meanwhile. */
const insertNotice = statement((db, p: { row: NoticeRow }) =>
  db
    .insertInto('notices')
    .values(p.row)
    .onConflict((oc) => oc.column('noticeId').doNothing())
    .returning('noticeId'),
);

const updateNotice = statement((db, p: { noticeId: string; changed: Partial<NoticeRow> }) =>
  db.updateTable('notices').set(p.changed).where('noticeId', '=', p.noticeId),
);

const unconfirmedOf = statement((db, p: { saleId: string }) =>
  db
    .selectFrom('notices')
    .selectAll()
    .where('saleId', '=', p.saleId)
    .where('state', '=', 'unconfirmed'),
);

/** The notice methods of the store. */
export function noticeStore(database: Database): NoticeStore {
  const { db } = database;
  const nowMs = (): number => database.nowMs();
  return {
    keepNotice: (notice, leaseMs) =>
      database.transact(async (tx) => {
        const sale = await lock(database, tx, notice.saleId);
        const kept = await keep(tx, notice, sale, { nowMs: nowMs(), leaseMs });
        const speaks = notice.settlement && notice.amountIdr === sale?.amountIdr;
        if (kept.keeping !== 'stored' || sale === undefined || !speaks) return kept;
        return { ...kept, sale: (await apply(tx, sale, { type: 'noticed' }, nowMs())).row };
      }),
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
    takeNotices: (saleId, leaseMs, ours = []) =>
      database.transact(async (tx) => {
        // Under the sale's lock, so that two relays cannot take the same.
        await lock(database, tx, saleId);
        const stillOurs = (row: NoticeRow): boolean =>
          ours.some((own) => own.noticeId === row.noticeId && own.nextAtMs === row.nextAtMs);
        const unconfirmed = await unconfirmedOf(tx, { saleId });
        const rows = unconfirmed.filter((row) => row.nextAtMs <= nowMs() || stillOurs(row));
        const nextAtMs = nowMs() + leaseMs;
        for (const row of rows) {
          row.attempts += 1;
          row.nextAtMs = nextAtMs;
          const changed = { attempts: row.attempts, nextAtMs };
          await updateNotice(tx, { noticeId: row.noticeId, changed });
        }
        return rows;
      }),
    answerNotices: (saleId, event, judge) =>
      database.transact(async (tx) => {
        const row = await lock(database, tx, saleId);
        if (row === undefined) return undefined;
        const now = nowMs();
        const decision = await apply(tx, row, event, now);
        await settle(tx, judge(decision, now));
        return decision;
      }),
    settleNotices: (judge) => database.transact((tx) => settle(tx, judge(nowMs()))),
  };
}

async function settle(tx: Tx, judgements: readonly Judgement[]): Promise<void> {
  for (const { noticeId, ...changed } of judgements) await updateNotice(tx, { noticeId, changed });
}

/**
 * Only order, code and amount of a notice are signed: whoever has one can make any number that differ elsewhere. All
 * that such a one can bring about is another question to Midtrans, so above the limit that alone is kept, and spaced.
 */
async function keep(
  tx: Tx,
  { noticeId, saleId, body, chargeId, pending }: NewNotice,
  sale: SaleRow | undefined,
  { nowMs, leaseMs }: { nowMs: number; leaseMs: number },
): Promise<Kept> {
  const answer = (keeping: Keeping): Kept => ({ keeping, sale, notice: undefined });
  const rows = await noticesOf(tx, { saleId });
  if (rows.some((row) => row.noticeId === noticeId)) return answer('repeated');
  const last = rows.at(-1);
  const first = rows.filter((row) => row.pending === 1).length;
  const isFull = rows.length >= maxNoticesASale || (pending && first >= maxPendingASale);
  if (last !== undefined && isFull) {
    if (rows.some((row) => row.state === 'unconfirmed')) return answer('crowded');
    const changed = { state: 'unconfirmed', attempts: 0, nextAtMs: nowMs + crowdedWaitMs } as const;
    await updateNotice(tx, { noticeId: last.noticeId, changed });
    return answer('crowded');
  }
  const row: NoticeRow = {
    ...{ noticeId, saleId, body, chargeId, pending: pending ? 1 : 0 },
    state: sale === undefined ? 'unknown-order' : 'unconfirmed',
    ...{ receivedAtMs: nowMs, attempts: 1, nextAtMs: nowMs + leaseMs },
  };
  if ((await insertNotice(tx, { row })).length === 0) return answer('repeated');
  return { keeping: 'stored', sale, notice: sale === undefined ? undefined : row };
}
