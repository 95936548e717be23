// A journal in a few lines, for whoever helps from afar: how much is in it, its head, and how the last sales ended. Never an
// amount, an item, a code or a proof.
import type { DatabaseSync } from 'node:sqlite';
import { countJournal } from './journal-verify.ts';

/** Each verdict with each fulfilment is fewer. */
const maxKinds = 64;

/** @param last so many of the newest sales */
export function journalSummary(db: DatabaseSync, last: number): Record<string, unknown> {
  const { first, head, sales } = countJournal(db);
  const states = db
    .prepare(
      `SELECT verdict, fulfilment, count(*) AS count FROM sales
       GROUP BY verdict, fulfilment ORDER BY count DESC LIMIT ?`,
    )
    .all(maxKinds);
  const newest = db
    .prepare(
      `SELECT saleId, verdict, fulfilment, begunAt, endedAt, honouredAt FROM sales
       ORDER BY changed DESC LIMIT ?`,
    )
    .all(last);
  return { first, head, sales, states, newest };
}
