// Opens the store: schema brought up to date, `ledgerId` minted on the first start, all rooms put together.
import { sql, type Kysely } from 'kysely';
import { brokerAccountStore } from './broker-accounts.ts';
import { claimStore } from './claims.ts';
import { type Database } from './database.ts';
import { dayStore } from './day.ts';
import { depthStore } from './depths.ts';
import { fleetStore } from './fleet.ts';
import { keyStore } from './keys.ts';
import { migrate } from './migrations.ts';
import { noticeStore } from './notices.ts';
import { outboxStore } from './outbox.ts';
import { recoveryStore } from './recovery.ts';
import { saleStore } from './sales.ts';
import { type Tables } from './schema.ts';
import { type Store } from './store.ts';

/** @param newLedgerId used only when the database is new. @throws what the database throws. */
export async function openStore(database: Database, newLedgerId: string): Promise<Store> {
  await migrate(database);
  const ledgerId = await ledgerIdOf(database.db, newLedgerId);
  return {
    ledgerId,
    ...saleStore(database),
    ...noticeStore(database),
    ...outboxStore(database),
    ...fleetStore(database),
    ...claimStore(database),
    ...recoveryStore(database),
    ...keyStore(database),
    ...dayStore(database),
    ...depthStore(database),
    ...brokerAccountStore(database),
    nowMs: () => database.nowMs(),
    holdKiosk: (kioskId) => database.holdKiosk(kioskId),
    announce: (kioskId) => database.announce(kioskId),
    onAnnounced: (wake) => {
      database.onAnnounced(wake);
    },
    async check() {
      await sql`select 1`.execute(database.db);
    },
    close: () => database.close(),
  };
}

async function ledgerIdOf(db: Kysely<Tables>, fresh: string): Promise<string> {
  await db
    .insertInto('meta')
    .values({ name: 'ledgerId', value: fresh })
    .onConflict((oc) => oc.column('name').doNothing())
    .execute();
  const row = await db
    .selectFrom('meta')
    .select('value')
    .where('name', '=', 'ledgerId')
    .executeTakeFirstOrThrow();
  return row.value;
}
