// Claims, their sales and what is decided about them, in few words, for their tables.
import {
  type ClaimDecision,
  type ClaimEvent,
  type Walk,
} from '../../src/relay/ledger-claim-rules.ts';
import { type Refund, type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { type ClaimRow, type ClaimState, type SaleRow } from '../../src/relay/sale-row.ts';
import { at, rowOf, saleId } from './ledger-rows.ts';

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
export const now = at + hourMs;

export const walk: Walk = { policy: { automatic: true, refundAfterMs: minuteMs }, jitter: 0 };
export const byOperator: Walk = { policy: { automatic: false, refundAfterMs: 0 }, jitter: 0 };
export const failedSale = (more: Partial<SaleRow> = {}): SaleRow =>
  rowOf('paid', { fulfilment: 'failed', settledAtMs: at, issuer: 'gopay', ...more });

/** A claim of 15,000 as it stands in a state, an hour ago. */
export function claimOf(state: ClaimState = 'open', more: Partial<ClaimRow> = {}): ClaimRow {
  const redeemed = state === 'redeeming' || state === 'honoured' ? { dispenseId: 'd1' } : {};
  const sent = state === 'refunding' || state === 'refunded';
  const { dispenseId: granted = redeemed.dispenseId ?? null } = more;
  const refund = sent ? { refundN: 1, refundIdr: 15_000, refundAtMs: at, askAtMs: now } : {};
  return {
    ...{ saleId, kioskId: 'ksk01', kind: 'failed', amountIdr: 15_000, operatorOnly: 0, state },
    ...{ openedAtMs: at, changedAtMs: at, dispenseId: null, refundN: 0, refundIdr: 0 },
    ...{ refundAtMs: null, orderedIdr: 0, handIdr: 0, restored: 0, note: null, askAtMs: null },
    ...redeemed,
    ...refund,
    ...more,
    spentIds: more.spentIds ?? JSON.stringify(granted === null ? [] : [granted]),
  };
}

export const ours: Refund = { key: `${saleId}-1`, amountIdr: 15_000, confirmed: false };
export const looked = (outcome: StatusOutcome, sent = false, how = walk): ClaimEvent => ({
  ...{ type: 'looked', outcome, sent },
  ...how,
});
export const result = (word: 'done' | 'failed' | 'unknown', dispenseId = 'd1'): ClaimEvent => ({
  ...{ type: 'redeem-result', dispenseId, result: word },
});

export function summary({ claim, next, refusal, alert }: ClaimDecision): string {
  if (refusal !== undefined)
    return alert === undefined ? `! ${refusal}` : `! ${refusal} (${alert})`;
  const told = alert === undefined ? '' : ` (${alert})`;
  return `${claim.state}${next === 'none' ? '' : ` ${next}`}${told}`;
}
