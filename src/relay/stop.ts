// The hop that makes a charge dead at Midtrans: cancel, or expire where time ran out. Whether it is dead says the ledger.
import { move, timed, type Hops } from './hops.ts';
import { type Decision } from './ledger-rules.ts';
import { type StopVerb } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

/** Sends one cancel or expire and brings the answer to the ledger. The row already says `stop`. */
export async function stopCharge(hops: Hops, row: SaleRow, verb: StopVerb): Promise<Decision> {
  const id = row.chargeId ?? row.saleId;
  const outcome = await timed(hops, verb, () => hops.gateway.stop(verb, id, hops.newKey()));
  hops.log.debug({ saleId: row.saleId, verb, outcome: outcome.kind }, 'charge.stop');
  if (outcome.kind === 'rejected') {
    hops.metrics.faults.inc({ place: 'midtrans-rejects-us' });
    hops.log.error({ saleId: row.saleId, verb, code: outcome.code }, 'midtrans.rejects-us');
  }
  return move(hops, row.saleId, { type: 'stop-answered', outcome });
}
