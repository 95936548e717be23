// The hop that asks Midtrans what became of a charge. Only its answer, never a notice, makes a sale `paid`.
import { move, timed, type Hops } from './hops.ts';
import { type Decision } from './ledger-rules.ts';
import { type StatusOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

export interface Confirmation {
  decision: Decision;
  outcome: StatusOutcome;
}

/**
 * Asks get-status and brings the answer to the ledger.
 * @param how `qrLost`: the answer that carries the QR will not come any more. `bySale`: ask by our own id, although a
 *   charge id is known, because another one was named.
 */
export async function confirmSale(
  hops: Hops,
  row: SaleRow,
  how: { qrLost?: boolean; bySale?: boolean } = {},
): Promise<Confirmation> {
  const id = how.bySale === true ? row.saleId : (row.chargeId ?? row.saleId);
  const outcome = await timed(hops, 'status', () => hops.gateway.status(id));
  if (outcome.kind === 'rejected') {
    hops.metrics.faults.inc({ place: 'midtrans-rejects-us' });
    hops.log.error({ saleId: row.saleId, code: outcome.code }, 'midtrans.rejects-us');
  }
  const decision = await move(hops, row.saleId, {
    type: 'status-answered',
    asked: id,
    outcome,
    merchantId: hops.merchantId,
    ...(how.qrLost === true ? { qrLost: true } : {}),
  });
  return { decision, outcome: decision.alert === 'status-foreign' ? foreign : outcome };
}

/** An answer about another charge says nothing about ours. */
const foreign = {
  kind: 'unknown',
  answered: true,
  detail: 'the status of another charge',
} as const;
