// What the operator's lists are made of: the sales of one day, notices of nobody's orders, the kiosks. Reads only, in pages.
import { type BalanceRow } from '../balance.ts';
import { type Database } from './database.ts';
import { type KioskRow, type NoticeRow } from './schema.ts';

/** A span of time, [fromMs, toMs). */
export interface Span {
  fromMs: number;
  toMs: number;
}

/**
 * What happened in the span: it was `begun`; else its money settled; else money of it went back; else its claim changed.
 * Together each sale once.
 */
export const daySales = ['begun', 'settled', 'refunded', 'claim'] as const;
export type DaySales = (typeof daySales)[number];

/** When that happened, of a sale that is listed for it. */
export function dayTimeMs({ sale, claim }: BalanceRow, which: DaySales): number {
  const atMs = {
    begun: sale.createdAtMs,
    settled: sale.settledAtMs,
    refunded: sale.refundedAtMs,
    claim: claim?.changedAtMs,
  }[which];
  return atMs ?? 0;
}

const columns = {
  begun: 'sales.createdAtMs',
  settled: 'sales.settledAtMs',
  refunded: 'sales.refundedAtMs',
  claim: 'claims.changedAtMs',
} as const;

/** Where the next page begins: behind this sale. */
export interface DayCursor {
  atMs: number;
  saleId: string;
}

export interface KioskLine {
  kiosk: KioskRow;
  /** Verdicts that it has not acknowledged. */
  unacked: number;
}

export interface DayStore {
  /** The next sales, by the time that the span is about. Each page is read along an index, so a day costs what it holds. */
  salesOfDay(
    span: Span,
    which: DaySales,
    after: DayCursor | undefined,
    limit: number,
  ): Promise<BalanceRow[]>;
  /** One sale with its claim, as they stand now. */
  saleWithClaim(saleId: string): Promise<BalanceRow | undefined>;
  /** Notices that came in the span for orders that this relay does not know, oldest first. */
  unknownNotices(span: Span, limit: number): Promise<NoticeRow[]>;
  /** Kiosks by id, after this one. */
  kiosksAfter(kioskId: string, limit: number): Promise<KioskLine[]>;
}

export function dayStore({ db }: Database): DayStore {
  async function withClaims(sales: BalanceRow['sale'][]): Promise<BalanceRow[]> {
    if (sales.length === 0) return [];
    const ids = sales.map((sale) => sale.saleId);
    const claims = await db.selectFrom('claims').selectAll().where('saleId', 'in', ids).execute();
    const bySale = new Map(claims.map((claim) => [claim.saleId, claim]));
    return sales.map((sale) => ({ sale, claim: bySale.get(sale.saleId) }));
  }

  return {
    async salesOfDay({ fromMs, toMs }, which, after, limit) {
      const column = columns[which];
      const before = daySales.slice(0, daySales.indexOf(which)).map((name) => columns[name]);
      const sales = await db
        .selectFrom('sales')
        .leftJoin('claims', 'claims.saleId', 'sales.saleId')
        .selectAll('sales')
        .where(column, '>=', after?.atMs ?? fromMs)
        .where(column, '<', toMs)
        .$if(after !== undefined, (query) =>
          query.where((eb) =>
            eb.or([
              eb(column, '>', after?.atMs ?? 0),
              eb('sales.saleId', '>', after?.saleId ?? ''),
            ]),
          ),
        )
        .where((eb) =>
          eb.and(
            before.map((other) =>
              eb.or([eb(other, 'is', null), eb(other, '<', fromMs), eb(other, '>=', toMs)]),
            ),
          ),
        )
        .orderBy(column)
        .orderBy('sales.saleId')
        .limit(limit)
        .execute();
      return withClaims(sales);
    },
    async saleWithClaim(saleId) {
      const sales = await db.selectFrom('sales').selectAll().where('saleId', '=', saleId).execute();
      return (await withClaims(sales))[0];
    },
    unknownNotices: ({ fromMs, toMs }, limit) =>
      db
        .selectFrom('notices')
        .selectAll()
        .where('state', '=', 'unknown-order')
        .where('receivedAtMs', '>=', fromMs)
        .where('receivedAtMs', '<', toMs)
        .orderBy('receivedAtMs')
        .orderBy('noticeId')
        .limit(limit)
        .execute(),
    async kiosksAfter(kioskId, limit) {
      const kiosks = await db
        .selectFrom('kiosks')
        .selectAll()
        .where('kioskId', '>', kioskId)
        .orderBy('kioskId')
        .limit(limit)
        .execute();
      if (kiosks.length === 0) return [];
      const waiting = await db
        .selectFrom('outbox')
        .select((eb) => ['kioskId', eb.fn.countAll<number>().as('rows')])
        .where(
          'kioskId',
          'in',
          kiosks.map((kiosk) => kiosk.kioskId),
        )
        .groupBy('kioskId')
        .execute();
      const rows = new Map(waiting.map((line) => [line.kioskId, line.rows]));
      return kiosks.map((kiosk) => ({ kiosk, unacked: rows.get(kiosk.kioskId) ?? 0 }));
    },
  };
}
