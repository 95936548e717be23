// Which kiosks an external broker must still be told of: let in with a password of their own, or let in no more.
import { type Database } from './database.ts';
import { type KioskRow } from './schema.ts';

export interface BrokerAccountStore {
  /** Kiosks that the broker has not been told of since they were enrolled or revoked. */
  brokerDue(limit: number): Promise<KioskRow[]>;
  /** The broker knows this state of it. One that has changed meanwhile stays due. */
  brokerTold(kiosk: KioskRow): Promise<void>;
  /** The broker has lost its accounts: all kiosks are due. */
  brokerForgot(): Promise<void>;
}

export function brokerAccountStore({ db }: Database): BrokerAccountStore {
  return {
    brokerDue: (limit) =>
      db
        .selectFrom('kiosks')
        .selectAll()
        .where('brokerDue', '=', 1)
        .orderBy('kioskId')
        .limit(limit)
        .execute(),
    async brokerTold(kiosk) {
      let told = db
        .updateTable('kiosks')
        .set({ brokerDue: 0 })
        .where('kioskId', '=', kiosk.kioskId)
        .where('enrolledAtMs', '=', kiosk.enrolledAtMs);
      told =
        kiosk.revokedAtMs === null
          ? told.where('revokedAtMs', 'is', null)
          : told.where('revokedAtMs', '=', kiosk.revokedAtMs);
      await told.execute();
    },
    async brokerForgot() {
      await db.updateTable('kiosks').set({ brokerDue: 1 }).execute();
    },
  };
}
