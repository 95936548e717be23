// Claims in the store: each step of one is a compare-and-set under its sale's lock.
import { type ClaimRow } from '../sale-row.ts';
import { type Database } from './database.ts';

export interface ClaimStore {
  /** Claims of one state, oldest first. */
  claims(state: ClaimRow['state'], limit: number): Promise<ClaimRow[]>;
}

export function claimStore({ db }: Database): ClaimStore {
  return {
    claims: (state, limit) =>
      db
        .selectFrom('claims')
        .selectAll()
        .where('state', '=', state)
        .orderBy('openedAtMs')
        .limit(limit)
        .execute(),
  };
}
