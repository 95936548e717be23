// The sales of one day, for the day close. Reads only.
import { type ClaimRow, type SaleRow } from '../sale-row.ts';
import { type Database } from './database.ts';

export interface DayStore {
  /** Sales that were begun or settled in [fromMs, toMs), with their claims, by sale id, after this one. */
  salesOfDay(
    fromMs: number,
    toMs: number,
    after: string,
    limit: number,
  ): Promise<{ sale: SaleRow; claim: ClaimRow | undefined }[]>;
}

export function dayStore({ db }: Database): DayStore {
  return {
    async salesOfDay(fromMs, toMs, after, limit) {
      const sales = await db
        .selectFrom('sales')
        .selectAll()
        .where('saleId', '>', after)
        .where((eb) =>
          eb.or([
            eb.and([eb('createdAtMs', '>=', fromMs), eb('createdAtMs', '<', toMs)]),
            eb.and([eb('settledAtMs', '>=', fromMs), eb('settledAtMs', '<', toMs)]),
          ]),
        )
        .orderBy('saleId')
        .limit(limit)
        .execute();
      if (sales.length === 0) return [];
      const ids = sales.map((sale) => sale.saleId);
      const claims = await db.selectFrom('claims').selectAll().where('saleId', 'in', ids).execute();
      const bySale = new Map(claims.map((claim) => [claim.saleId, claim]));
      return sales.map((sale) => ({ sale, claim: bySale.get(sale.saleId) }));
    },
  };
}
