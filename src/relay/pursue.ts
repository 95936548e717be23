// Does at Midtrans what the ledger asks for, until it asks for nothing more. It never charges: only charge.ts does.
import { confirmSale } from './confirm.ts';
import { type Hops } from './hops.ts';
import { type Decision } from './ledger-rules.ts';
import { type SaleRow } from './sale-row.ts';
import { stopCharge } from './stop.ts';

/** 412 → status → pending → cancel → …: what does not end within these is `reconcile`'s to take up again. */
export const maxHops = 4;

/** Follows a decision. Resolves with the sale's row after the last hop. */
export async function pursue(hops: Hops, from: Decision): Promise<SaleRow> {
  let decision = from;
  for (let hop = 0; hop < maxHops; hop++) {
    switch (decision.next) {
      case 'none':
      case 'charge':
        return decision.row;
      case 'status':
        ({ decision } = await confirmSale(hops, decision.row));
        break;
      case 'cancel':
      case 'expire':
        decision = await stopCharge(hops, decision.row, decision.next);
        break;
    }
  }
  return decision.row;
}
