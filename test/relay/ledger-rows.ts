// Rows, answers and decisions of the ledger, in few words, for its tables.
import { isSettled, type Verdict } from '../../src/protocol/verdict.ts';
import { decide, type LedgerEvent } from '../../src/relay/ledger.ts';
import { type Decision } from '../../src/relay/ledger-rules.ts';
import { type ChargeStatus, type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';

export const at = 1_767_236_400_000;
export const saleId = 'ksk01-01JD0000000000000000000000';
export const merchantId = 'G000000001';

export const put: LedgerEvent = {
  ...{ type: 'put', saleId, kioskId: 'ksk01', amountIdr: 15_000, items: null },
  ...{ chargeKey: 'key-1', deadlineAtMs: at + 180_000 },
};

export function fresh(): SaleRow {
  return decide(undefined, put, at).row;
}

/** A row with this verdict, charged. */
export function rowOf(verdict: Verdict, more: Partial<SaleRow> = {}): SaleRow {
  const settledIdr = isSettled(verdict) ? 15_000 : 0;
  return { ...fresh(), sentAtMs: null, chargeId: 'charge-1', verdict, settledIdr, ...more };
}

export function status(
  state: ChargeStatus['state'],
  more: Partial<ChargeStatus> = {},
): StatusOutcome {
  const found: ChargeStatus = {
    ...{ saleId, chargeId: 'charge-1', state, amountIdr: 15_000, currency: 'IDR', merchantId },
    ...{ fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
    ...more,
  };
  return { kind: 'found', status: found };
}

export function told(row: SaleRow, outcome: StatusOutcome, nowMs = at + 1000): Decision {
  const asked = row.chargeId ?? row.saleId;
  return decide(row, { type: 'status-answered', asked, outcome, merchantId }, nowMs);
}

export function summary(decision: Decision): string {
  return `${decision.row.verdict} ${decision.next}${claimOf(decision)}`;
}

function claimOf({ row, claim }: Decision): string {
  switch (claim?.do) {
    case undefined:
      return '';
    case 'open':
      return claim.amountIdr === row.amountIdr
        ? ` +${claim.kind}`
        : ` +${claim.kind} ${claim.amountIdr}`;
    case 'rest':
      return ` =${claim.amountIdr}`;
    case 'close':
      return ` -${claim.as}`;
    case 'redeemed':
    case 'dispute':
      return ' ?';
  }
}
