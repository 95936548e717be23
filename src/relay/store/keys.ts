// The relay's key chain in the store: public halves and signatures, kept for ever (PROTOCOL.md §1).
import { type Database } from './database.ts';
import { type KeyRow } from './schema.ts';

export interface KeyStore {
  /** The whole chain, oldest first. */
  keys(): Promise<KeyRow[]>;
}

export function keyStore({ db }: Database): KeyStore {
  return {
    keys: () => db.selectFrom('keys').selectAll().orderBy('createdAtMs').execute(),
  };
}
