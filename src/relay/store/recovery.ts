// What a relay that was restored from a backup makes of its own signatures (PROTOCOL.md §8). Never a charge.
import { type Database } from './database.ts';

export interface RecoveryStore {
  /** True while Midtrans has not said what became of every sale that this kiosk has recovered. */
  isRecovering(kioskId: string): Promise<boolean>;
}

export function recoveryStore({ db }: Database): RecoveryStore {
  return {
    async isRecovering(kioskId) {
      const row = await db
        .selectFrom('sales')
        .select('saleId')
        .where('kioskId', '=', kioskId)
        .where('recovering', '=', 1)
        .limit(1)
        .executeTakeFirst();
      return row !== undefined;
    },
  };
}
