// Opens the store: schema brought up to date, `ledgerId` minted on the first start, all rooms put together.
import { type Kysely, type SelectQueryBuilder } from 'kysely';
import { SettingFault } from '../setting-fault.ts';
import { bootStore } from './boots.ts';
import { brokerAccountStore } from './broker-accounts.ts';
import { claimStore } from './claims.ts';
import { commandStore } from './commands.ts';
import { configStore } from './configs.ts';
import { type Database } from './database.ts';
import { dayStore } from './day.ts';
import { depthStore } from './depths.ts';
import { fleetStore } from './fleet.ts';
import { keyStore } from './keys.ts';
import { migrate, schemaState, type SchemaState } from './migrations.ts';
import { noticeStore } from './notices.ts';
import { outboxStore } from './outbox.ts';
import { recoveryStore } from './recovery.ts';
import { releaseStore } from './releases.ts';
import { saleStore } from './sales.ts';
import { type Tables } from './schema.ts';
import { type Store } from './store.ts';

const maxCauses = 5;

/**
 * For the relay itself: makes the tables, or brings them up to date.
 * @param newLedgerId used only when the database is new. @throws SettingFault when a newer version has made it, and what
 * the database throws.
 */
export async function openStore(database: Database, newLedgerId: string): Promise<Store> {
  if ((await schemaState(database)) === 'newer') throw schemaFault(database, 'newer');
  try {
    await migrate(database);
  } catch (error) {
    const words = causesOf(error).map(({ message }) => message);
    throw new SettingFault(`store.${database.dialect}`, words.join(': '), error);
  }
  return storeOf(database, await ledgerIdOf(database, newLedgerId));
}

/** For whoever works beside a relay: makes and changes no table. @throws SettingFault when it is not of this version. */
export async function joinStore(database: Database): Promise<Store> {
  await checkSchema(database);
  const row = await readLedgerId(database.db).executeTakeFirst();
  if (row === undefined) throw schemaFault(database, 'none');
  return storeOf(database, row.value);
}

/** @throws SettingFault when the tables are not those of this version */
export async function checkSchema(database: Database): Promise<void> {
  const state = await schemaState(database);
  if (state !== 'present') throw schemaFault(database, state);
}

/** An error and what it came from. */
function causesOf(error: unknown): Error[] {
  const causes: Error[] = [];
  for (let at = error; at instanceof Error && causes.length < maxCauses; at = at.cause) {
    causes.push(at);
  }
  return causes;
}

const schemaTexts: Readonly<Record<Exclude<SchemaState, 'present'>, string>> = {
  none: 'there are no tables of kios yet; start the relay once: it makes them',
  older:
    'its tables are of an older version; start the relay of this version first: it brings them up to date',
  newer: 'its tables are of a newer version than this program; run that version',
};

function schemaFault({ dialect }: Database, state: Exclude<SchemaState, 'present'>): SettingFault {
  return new SettingFault(`store.${dialect}`, schemaTexts[state]);
}

function storeOf(database: Database, ledgerId: string): Store {
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
    ...bootStore(database),
    ...brokerAccountStore(database),
    ...commandStore(database),
    ...configStore(database),
    ...releaseStore(database),
    nowMs: () => database.nowMs(),
    holdKiosk: (kioskId) => database.holdKiosk(kioskId),
    announce: (kioskId) => database.announce(kioskId),
    onAnnounced: (wake) => {
      database.onAnnounced(wake);
    },
    async check() {
      const value = String(database.nowMs());
      await database.transact((tx) =>
        tx
          .insertInto('meta')
          .values({ name: 'probe', value })
          .onConflict((oc) => oc.column('name').doUpdateSet({ value }))
          .execute(),
      );
    },
    close: () => database.close(),
  };
}

function ledgerIdOf(database: Database, fresh: string): Promise<string> {
  return database.transact(async (tx) => {
    await tx
      .insertInto('meta')
      .values({ name: 'ledgerId', value: fresh })
      .onConflict((oc) => oc.column('name').doNothing())
      .execute();
    return (await readLedgerId(tx).executeTakeFirstOrThrow()).value;
  });
}

function readLedgerId(db: Kysely<Tables>): SelectQueryBuilder<Tables, 'meta', { value: string }> {
  return db.selectFrom('meta').select('value').where('name', '=', 'ledgerId');
}
