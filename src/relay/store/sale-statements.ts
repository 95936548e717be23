// The statements behind every decision about a sale, in the words of the hot path (statement.ts).
import { sql } from 'kysely';
import { type SaleRow } from '../sale-row.ts';
import { type OutboxRow } from './schema.ts';
import { statement } from './statement.ts';

/** Cancels of sales that never were, each of which must be asked about at Midtrans until it has said so twice. */
export const maxTombstones = 20;

export const selectSale = statement((db, p: { saleId: string }) =>
  db.selectFrom('sales').selectAll().where('saleId', '=', p.saleId),
);

/** With the row's lock, where rows have one. */
export const lockSale = statement((db, p: { saleId: string }) =>
  db.selectFrom('sales').selectAll().where('saleId', '=', p.saleId).forUpdate(),
);

export const lockKioskRow = statement((db, p: { kioskId: string }) =>
  db.selectFrom('kiosks').select('kioskId').where('kioskId', '=', p.kioskId).forUpdate(),
);

export const selectSaleAt = statement((db, p: { kioskId: string; seq: number }) =>
  db.selectFrom('sales').selectAll().where('kioskId', '=', p.kioskId).where('seq', '=', p.seq),
);

/** What one answer tells of at most. */
export const maxChanges = 100;

/** One more, which says whether there are more. */
export const selectChanges = statement((db, p: { kioskId: string; since: number }) =>
  db
    .selectFrom('sales')
    .selectAll()
    .where('kioskId', '=', p.kioskId)
    .where('seq', '>', p.since)
    .orderBy('seq')
    .limit(sql.lit(maxChanges + 1)),
);

export const insertSale = statement((db, p: { row: SaleRow }) =>
  db.insertInto('sales').values(p.row),
);

/** Writes only what has changed. */
export const updateSale = statement((db, p: { saleId: string; changed: Partial<SaleRow> }) =>
  db.updateTable('sales').set(p.changed).where('saleId', '=', p.saleId),
);

export const openSaleOf = statement((db, p: { kioskId: string }) =>
  db
    .selectFrom('sales')
    .select('saleId')
    .where('kioskId', '=', p.kioskId)
    .where('verdict', 'in', ['creating', 'pending'])
    .where((eb) => eb.or([eb('fulfilment', 'is', null), eb('fulfilment', '!=', 'abandoned')]))
    // In the SQL itself, here and below: SQLite makes a new plan at every call for a limit that it is given.
    .limit(sql.lit(1)),
);

/** Cancels before their create that Midtrans has not answered for yet. */
export const tombstonesOf = statement((db, p: { kioskId: string }) =>
  db
    .selectFrom('sales')
    .select('saleId')
    .where('kioskId', '=', p.kioskId)
    .where('verdict', '=', 'creating')
    .where('chargeKey', 'is', null)
    .where('recovering', '=', 0)
    .limit(sql.lit(maxTombstones)),
);

export const nextSeq = statement((db, p: { kioskId: string }) =>
  db
    .updateTable('kiosks')
    .set((eb) => ({ seq: eb('seq', '+', 1) }))
    .where('kioskId', '=', p.kioskId)
    .returning('seq'),
);

export const upsertOutbox = statement((db, p: { row: OutboxRow }) =>
  db
    .insertInto('outbox')
    .values(p.row)
    .onConflict((oc) =>
      oc.column('saleId').doUpdateSet((eb) => ({
        seq: eb.ref('excluded.seq'),
        state: eb.ref('excluded.state'),
        attempts: eb.ref('excluded.attempts'),
        nextAtMs: eb.ref('excluded.nextAtMs'),
      })),
    ),
);
