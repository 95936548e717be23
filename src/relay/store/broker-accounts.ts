// Which kiosks an external broker must still be told of: let in with a password of their own, or let in no more.
import { type Database, type Tx } from './database.ts';
import { type KioskRow } from './schema.ts';

export interface BrokerAccountStore {
  /** Kiosks that the broker has not been told of since they were enrolled or revoked. */
  brokerDue(limit: number): Promise<KioskRow[]>;
  /** The broker was told this state of it. One that has changed meanwhile is due again, whoever told the broker last. */
  brokerTold(kiosk: KioskRow): Promise<void>;
  /** The broker has lost its accounts: all kiosks are due. */
  brokerForgot(): Promise<void>;
}

export function brokerAccountStore(database: Database): BrokerAccountStore {
  const { db } = database;
  return {
    brokerDue: (limit) =>
      db
        .selectFrom('kiosks')
        .selectAll()
        .where('brokerDue', '=', 1)
        .orderBy('kioskId')
        .limit(limit)
        .execute(),
    brokerTold: (kiosk) => database.transact((tx) => brokerTold(tx, kiosk)),
    async brokerForgot() {
      await db.updateTable('kiosks').set({ brokerDue: 1 }).execute();
    },
  };
}

async function brokerTold(tx: Tx, kiosk: KioskRow): Promise<void> {
  let told = tx
    .updateTable('kiosks')
    .set({ brokerDue: 0 })
    .where('kioskId', '=', kiosk.kioskId)
    .where('enrolledAtMs', '=', kiosk.enrolledAtMs);
  told =
    kiosk.revokedAtMs === null
      ? told.where('revokedAtMs', 'is', null)
      : told.where('revokedAtMs', '=', kiosk.revokedAtMs);
  const { numUpdatedRows } = await told.executeTakeFirst();
  if (numUpdatedRows > 0n) return;
  await tx.updateTable('kiosks').set({ brokerDue: 1 }).where('kioskId', '=', kiosk.kioskId).execute();
}
