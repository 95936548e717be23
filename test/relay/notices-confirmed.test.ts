// When a notice counts as confirmed: get-status may lag what it said.
import { expect, test } from 'vitest';
import { isConfirmed } from '../../src/relay/notices.ts';
import type { ChargeStatus, StatusOutcome } from '../../src/relay/midtrans/gateway.ts';

const notice = (status: string, pending = 0): { pending: number; body: string } => ({
  pending,
  body: JSON.stringify({
    order_id: 'ksk01-01JD0000000000000000000000',
    status_code: '200',
    gross_amount: '15000.00',
    signature_key: 'f'.repeat(128),
    transaction_id: '00000000-0000-4000-8000-00000000000a',
    transaction_status: status,
  }),
});
const found = (state: ChargeStatus['state'], refundedIdr = 0): StatusOutcome => ({
  kind: 'found',
  status: {
    state,
    chargeId: '00000000-0000-4000-8000-00000000000a',
    amountIdr: 15_000,
    refundedIdr,
    refundConfirmed: false,
  } as ChargeStatus,
});

test.each<[string, StatusOutcome, boolean]>([
  ['settlement', found('pending'), false],
  ['settlement', found('settled'), true],
  ['refund', found('settled'), false],
  ['refund', found('refunded', 15_000), true],
  ['partial_refund', found('settled'), false],
  ['partial_refund', found('settled', 5_000), true],
  ['expire', found('expired'), true],
  ['settlement', { kind: 'absent' }, false],
])('%s, and get-status: %o', (status, outcome, confirmed) => {
  expect(isConfirmed(notice(status), outcome)).toBe(confirmed);
});

test('the first notice needs no confirmation', () => {
  expect(isConfirmed(notice('pending', 1), found('pending'))).toBe(true);
});
