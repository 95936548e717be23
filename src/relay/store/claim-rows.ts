// Rows of claims inside a durable step: what a decision about a sale does to its claim. The sale's lock is held.
import { changedClaim } from '../ledger-claims.ts';
import { type ClaimChange, type Decision } from '../ledger-rules.ts';
import { type ClaimRow, type SaleRow } from '../sale-row.ts';
import { type Tx } from './database.ts';

/** The claim of a sale, whose lock is held: nobody else changes it. */
export function readClaim(tx: Tx, saleId: string): Promise<ClaimRow | undefined> {
  return tx.selectFrom('claims').selectAll().where('saleId', '=', saleId).executeTakeFirst();
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
  const { claim, alert } = changedClaim(sale, before, change, nowMs);
  if (claim === undefined) return {};
  await keepClaim(tx, before, claim);
  return {
    ...(alert === undefined ? {} : { alert }),
    ...(claim.state === before?.state ? {} : { claimState: claim.state }),
  };
}
