// The relay's key chain in the store: public halves and signatures, kept for ever (PROTOCOL.md §1).
import { type Database } from './database.ts';
import { type KeyRow } from './schema.ts';
import { statement } from './statement.ts';

const selectKeys = statement((db) => db.selectFrom('keys').selectAll().orderBy('place'));

export interface KeyStore {
  /** The whole chain, oldest first. */
  keys(): Promise<KeyRow[]>;
  /** Adds a link. False: another one has its place; nothing was added. */
  addKey(key: KeyRow): Promise<boolean>;
  /** Ends the chain and begins another one with this key. Whoever trusts the old one must be enrolled again. */
  beginKeys(key: KeyRow): Promise<void>;
}

export function keyStore(database: Database): KeyStore {
  const { db } = database;
  return {
    keys: () => selectKeys(db, {}),
    addKey: (key) =>
      database.transact(async (tx) => {
        const result = await tx
          .insertInto('keys')
          .values(key)
          .onConflict((oc) => oc.doNothing())
          .executeTakeFirst();
        return (result.numInsertedOrUpdatedRows ?? 0n) > 0n;
      }),
    beginKeys: (key) =>
      database.transact(async (tx) => {
        await tx.deleteFrom('keys').execute();
        await tx.insertInto('keys').values(key).execute();
      }),
  };
}
