// Which kiosks an external broker must still be told of: let in with a password of their own, or let in no more.
import { type Kysely } from 'kysely';
import { type Database, type Tx } from './database.ts';
import { type KioskRow, type Tables } from './schema.ts';

export interface BrokerAccountStore {
  /** Kiosks that the broker has not been told of since they were enrolled or revoked: those who must go first. */
  brokerDue(limit: number): Promise<KioskRow[]>;
  /** The broker was told this state of it. One that has changed meanwhile is due again, whoever told the broker last. */
  brokerTold(kiosk: KioskRow): Promise<void>;
  /** The broker did not take this state of it: put aside, so that it keeps nobody else waiting, until `brokerAgain`. */
  brokerRefused(kiosk: KioskRow): Promise<void>;
  /** Whoever was put aside is due. */
  brokerAgain(): Promise<void>;
  /** The broker has lost its accounts: all kiosks are due. */
  brokerForgot(): Promise<void>;
  /** Kiosks that cannot have an account at a broker that wants passwords: enrolled under one that wants none. */
  countWithoutPassword(): Promise<number>;
}

export function brokerAccountStore(database: Database): BrokerAccountStore {
  const { db } = database;
  return {
    brokerDue: (limit) =>
      db
        .selectFrom('kiosks')
        .selectAll()
        .where('brokerDue', '=', 1)
        // False comes before true: a stolen card must not wait behind a fleet.
        .orderBy((eb) => eb('revokedAtMs', 'is', null))
        .orderBy('kioskId')
        .limit(limit)
        .execute(),
    brokerTold: (kiosk) => database.transact((tx) => brokerTold(tx, kiosk)),
    brokerRefused: (kiosk) =>
      database.transact(async (tx) => {
        await toState(tx, kiosk, 2);
      }),
    async brokerAgain() {
      const aside = db.selectFrom('kiosks').select('kioskId').where('brokerDue', '=', 2).limit(1);
      // Mostly there is nobody, and that needs no durable step.
      if ((await aside.executeTakeFirst()) === undefined) return;
      await database.transact(async (tx) => {
        await tx.updateTable('kiosks').set({ brokerDue: 1 }).where('brokerDue', '=', 2).execute();
      });
    },
    brokerForgot: () =>
      database.transact(async (tx) => {
        await tx.updateTable('kiosks').set({ brokerDue: 1 }).execute();
      }),
    async countWithoutPassword() {
      const { kiosks } = await db
        .selectFrom('kiosks')
        .select((eb) => eb.fn.countAll().as('kiosks'))
        .where('brokerPassword', 'is', null)
        .where('revokedAtMs', 'is', null)
        .executeTakeFirstOrThrow();
      return Number(kiosks);
    },
  };
}

async function brokerTold(tx: Tx, kiosk: KioskRow): Promise<void> {
  if (await toState(tx, kiosk, 0)) return;
  await tx
    .updateTable('kiosks')
    .set({ brokerDue: 1 })
    .where('kioskId', '=', kiosk.kioskId)
    .execute();
}

/** False: it was enrolled or revoked meanwhile, and what became of it before says nothing. */
async function toState(
  db: Kysely<Tables>,
  kiosk: KioskRow,
  brokerDue: KioskRow['brokerDue'],
): Promise<boolean> {
  const same = db
    .updateTable('kiosks')
    .set({ brokerDue })
    .where('kioskId', '=', kiosk.kioskId)
    .where('enrolledAtMs', '=', kiosk.enrolledAtMs);
  const { numUpdatedRows } = await (
    kiosk.revokedAtMs === null
      ? same.where('revokedAtMs', 'is', null)
      : same.where('revokedAtMs', '=', kiosk.revokedAtMs)
  ).executeTakeFirst();
  return numUpdatedRows > 0n;
}
