// Sales, claims and Midtrans' answers for the tests of the day close, in few words.
import { type Theirs } from '../../src/relay/finding.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { type ClaimRow, type SaleRow } from '../../src/relay/sale-row.ts';
import { at, merchantId, rowOf, saleId, status } from './ledger-rows.ts';

export const ours = { nowMs: at + 60_000, merchantId };
export const absent: Theirs = { kind: 'absent' };
export const notAsked: Theirs = { kind: 'not-asked' };

export function theirs(state: ChargeStatus['state'], more: Partial<ChargeStatus> = {}): Theirs {
  const outcome = status(state, more);
  if (outcome.kind !== 'found') throw new Error('a status is found');
  return { kind: 'found', status: outcome.status };
}

export function claimOf(more: Partial<ClaimRow> = {}): ClaimRow {
  return {
    ...{ saleId, kioskId: 'ksk01', kind: 'failed', amountIdr: 15_000, operatorOnly: 0 },
    ...{
      state: 'open',
      openedAtMs: at,
      changedAtMs: at,
      dispenseId: null,
      refundN: 0,
      spentIds: '[]',
    },
    ...{ refundIdr: 0, refundAtMs: null, orderedIdr: 0, handIdr: 0, restored: 0 },
    ...{ note: null, askAtMs: null },
    ...more,
  };
}

export const done = (more: Partial<SaleRow> = {}): SaleRow =>
  rowOf('paid', { fulfilment: 'done', settledAtMs: at, ...more });
export const failed = (): SaleRow => rowOf('paid', { fulfilment: 'failed', settledAtMs: at });
