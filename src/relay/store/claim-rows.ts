// Rows of claims inside a durable step: what a decision about a sale does to its claim. The sale's lock is held.
import { restoredNote } from '../ledger-claim-rules.ts';
import { changedClaim } from '../ledger-claims.ts';
import { mayBePaidOut, type ClaimChange, type Decision } from '../ledger-rules.ts';
import { type ClaimRow, type SaleRow } from '../sale-row.ts';
import { type Tx } from './database.ts';
import { statement } from './statement.ts';

/** Name in `meta`: when the ledger began on a backup, in milliseconds. */
export const restoredAt = 'restoredAtMs';

export const selectClaim = statement((db, p: { saleId: string }) =>
  db.selectFrom('claims').selectAll().where('saleId', '=', p.saleId),
);

/** The claim of a sale, whose lock is held: nobody else changes it. */
export async function readClaim(tx: Tx, saleId: string): Promise<ClaimRow | undefined> {
  return (await selectClaim(tx, { saleId }))[0];
}

/** Stores a claim, where it differs from what stood before. */
export async function keepClaim(
  tx: Tx,
  before: ClaimRow | undefined,
  claim: ClaimRow,
): Promise<void> {
  if (before === undefined) {
    await tx.insertInto('claims').values(claim).execute();
    return;
  }
  const was = new Map(Object.entries(before));
  const changed = Object.entries(claim).filter(([column, value]) => was.get(column) !== value);
  if (changed.length === 0) return;
  await tx
    .updateTable('claims')
    .set(Object.fromEntries(changed))
    .where('saleId', '=', claim.saleId)
    .execute();
}

/** Stores what a decision about the sale does to its claim. Answers what the decision must tell besides. */
export async function applyClaimChange(
  tx: Tx,
  sale: SaleRow,
  change: ClaimChange,
  nowMs: number,
): Promise<Pick<Decision, 'alert' | 'claimState'>> {
  const before = await readClaim(tx, sale.saleId);
  const opens = before === undefined && change.do === 'open' && change.honoured !== true;
  const meant = opens ? await afterRestore(tx, sale, change) : change;
  const { claim, alert } = changedClaim(sale, before, meant, nowMs);
  if (claim === undefined) return {};
  await keepClaim(tx, before, claim);
  return {
    ...(alert === undefined ? {} : { alert }),
    ...(claim.state === before?.state ? {} : { claimState: claim.state }),
  };
}

type Opening = Extract<ClaimChange, { do: 'open' }>;

/**
 * Money that is older than the ledger may have been paid out in the one that was lost, and only people know of that. Read
 * each time: a claim opens seldom.
 */
async function afterRestore(tx: Tx, sale: SaleRow, change: Opening): Promise<Opening> {
  const restoredAtMs = await restoredAtOf(tx);
  if (restoredAtMs === undefined || !mayBePaidOut(sale, restoredAtMs)) return change;
  return { ...change, operatorOnly: true, restored: true, note: change.note ?? restoredNote };
}

/** When this ledger was put back from a backup, if it was. */
export async function restoredAtOf(tx: Tx): Promise<number | undefined> {
  const restored = await tx
    .selectFrom('meta')
    .select('value')
    .where('name', '=', restoredAt)
    .executeTakeFirst();
  return restored === undefined ? undefined : Number(restored.value);
}

/**
 * Makes what a kiosk may still be paid or handed out for the operator's, and answers how many claims that were. The
 * kiosk's lock is held. A refund in flight goes on.
 */
export async function holdOpenClaims(tx: Tx, kioskId: string, note: string): Promise<number> {
  const ofKiosk = tx
    .updateTable('claims')
    .where('kioskId', '=', kioskId)
    .where('operatorOnly', '=', 0);
  const open = await ofKiosk
    .set({ operatorOnly: 1, note })
    .where('state', '=', 'open')
    .executeTakeFirst();
  // What comes back from a grant, comes back to the operator; a note would say that the grant is over.
  const granted = await ofKiosk
    .set({ operatorOnly: 1 })
    .where('state', '=', 'redeeming')
    .executeTakeFirst();
  return Number(open.numUpdatedRows + granted.numUpdatedRows);
}
