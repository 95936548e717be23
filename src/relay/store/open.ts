// Opens the store: schema brought up to date, `ledgerId` minted on the first start, all rooms put together.
import { sql, type Kysely } from 'kysely';
import { fleetStore } from './fleet.ts';
import { migrate } from './migrations.ts';
import { outboxStore } from './outbox.ts';
import { saleStore } from './sales.ts';
import { type Tables } from './schema.ts';
import { type Store } from './store.ts';

/** @param newLedgerId used only when the database is new. @throws what the database throws. */
export async function openStore(
  db: Kysely<Tables>,
  nowMs: () => number,
  newLedgerId: string,
): Promise<Store> {
  await migrate(db);
  const ledgerId = await ledgerIdOf(db, newLedgerId);
  return {
    ledgerId,
    ...saleStore(db, nowMs),
    ...outboxStore(db, nowMs),
    ...fleetStore(db, nowMs),
    async check() {
      await sql`select 1`.execute(db);
    },
    close: () => db.destroy(),
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
