// When money is paid, and when it is not: fraud marks, foreign money, money that went back, answers about something else.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { publicJwk } from '../../src/protocol/api.ts';
import { type Sale } from '../../src/protocol/sale.ts';
import { decide, type LedgerEvent } from '../../src/relay/ledger.ts';
import { type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { saleDocument, type Signer } from '../../src/relay/proofs.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { at, merchantId, rowOf, saleId, status, summary, told } from './ledger-rows.ts';
import { done } from './report-rows.ts';

describe('paid means: settled, no fraud mark, our amount, currency and merchant', () => {
  test('a fraud mark holds the money for the operator', () => {
    const decision = told(rowOf('pending'), status('settled', { fraud: 'challenge' }));
    expect(summary(decision)).toBe('pending none');
    expect(decision.alert).toBe('settlement-held');
    expect(summary(told(decision.row, status('settled')))).toBe('paid none');
  });
  test.each([
    [{ amountIdr: 14_000 }, 14_000],
    [{ currency: 'USD' }, 15_000],
    [{ merchantId: 'G000000002' }, 15_000],
  ])('%o is paid-late with a claim for the operator', (more, amountIdr) => {
    const decision = told(rowOf('pending'), status('settled', more));
    expect(decision.row.verdict).toBe('paid-late');
    const claim = { do: 'open', kind: 'foreign', amountIdr, operatorOnly: true };
    expect(decision.claim).toEqual(claim);
  });
});

describe('money that was paid back before it was seen never becomes paid', () => {
  test.each<[string, StatusOutcome]>([
    ['in full', status('refunded', { refundedIdr: 15_000 })],
    ['in part', status('refunded', { refundedIdr: 1 })],
    ['in part, without saying how much', status('refunded')],
    ['in part, and still called a settlement', status('settled', { refundedIdr: 1 })],
  ])('%s', (_name, outcome) => {
    for (const verdict of ['creating', 'pending'] as const) {
      const decision = told(rowOf(verdict), outcome);
      expect(decision.row.verdict).toBe('paid-late');
      expect(decision.alert).toBe('settlement-refunded');
    }
  });
  test('its claim is for the rest, and for the operator: goods would be too much', () => {
    const { row, claim } = told(rowOf('pending'), status('refunded', { refundedIdr: 5_000 }));
    expect(row.refundedIdr).toBe(5_000);
    expect(claim).toEqual({ do: 'open', kind: 'late', amountIdr: 10_000, operatorOnly: true });
  });
  test('when that question finds nobody, it is asked again until it is refunded', () => {
    const outcome = status('refunded', { refundedIdr: 15_000, refundConfirmed: true });
    const late = told(rowOf('pending'), outcome).row;
    const unheard = told(
      late,
      { kind: 'unknown', answered: false, detail: 'timeout' },
      at + 2_000,
    ).row;
    expect(unheard.askAtMs).toBeGreaterThan(at + 2_000);
    const due = decide(unheard, { type: 'due' }, unheard.askAtMs ?? 0);
    expect(summary(due)).toBe('paid-late status');
    const last = told(due.row, outcome, unheard.askAtMs ?? 0).row;
    expect(last).toMatchObject({ verdict: 'refunded', askAtMs: null });
  });
  test('a refund in full is refunded with the next question, and no claim was ever open', () => {
    const outcome = status('refunded', { refundedIdr: 15_000, refundConfirmed: true });
    const late = told(rowOf('pending'), outcome);
    expect(summary(late)).toBe('paid-late status');
    expect(told(late.row, outcome).row.verdict).toBe('refunded');
  });
  test('goods that are out already leave nothing to claim', () => {
    const row = rowOf('expired', { fulfilment: 'done' });
    const outcome = status('refunded', { refundedIdr: 5_000 });
    expect(summary(told(row, outcome))).toBe('paid-late none');
  });
  test('foreign money that was paid back in part is claimed for the rest of what came', () => {
    const outcome = status('refunded', { amountIdr: 14_000, refundedIdr: 4_000 });
    expect(summary(told(rowOf('pending'), outcome))).toBe('paid-late none +foreign 10000');
  });
});

describe('only the status of this very charge counts', () => {
  test.each([
    ['of another order', { saleId: 'ksk01-01JD0000000000000000000009' }],
    ['without an order', { saleId: undefined }],
    ['of another charge than the one asked about', { chargeId: 'charge-2' }],
  ])('a settlement %s moves nothing', (_name, more) => {
    const decision = told(rowOf('pending'), status('settled', more));
    expect(summary(decision)).toBe('pending none');
    expect(decision.alert).toBe('status-foreign');
  });
  test('asked by the sale, whatever charge it has is its own', () => {
    const outcome = status('settled', { chargeId: 'charge-2' });
    const event = { type: 'status-answered', asked: saleId, outcome, merchantId } as const;
    expect(summary(decide(rowOf('pending'), event, at))).toBe('paid none');
  });
});

describe('a sale that was paid twice', () => {
  const asked = (outcome: StatusOutcome): ReturnType<typeof decide> => {
    const paid = rowOf('paid', { fulfilment: 'failed' });
    return decide(paid, { type: 'status-answered', asked: saleId, outcome, merchantId }, at + 1000);
  };
  test.each<[string, StatusOutcome]>([
    ['came', status('settled', { chargeId: 'charge-2' })],
    ['went back', status('refunded', { chargeId: 'charge-2', refundedIdr: 15_000 })],
    ['went back in part', status('settled', { chargeId: 'charge-2', refundedIdr: 5_000 })],
  ])('the other payment %s: this one stands, and a person hears of it', (_name, outcome) => {
    const decision = asked(outcome);
    expect(decision).toMatchObject({ alert: 'status-foreign', moved: false, next: 'none' });
    expect(decision.row).toMatchObject({ verdict: 'paid', refundedIdr: 0, chargeId: 'charge-1' });
    expect(decision.claim).toBeUndefined();
  });
  test('its own refund counts all the same', () => {
    const own = asked(status('refunded', { refundedIdr: 15_000 }));
    expect(own).toMatchObject({ row: { verdict: 'refunded' }, claim: { do: 'close' } });
    expect(own.alert).toBeUndefined();
  });
});

test('when money went back is when it was heard of, of each part anew, and once of the same', () => {
  const partly = status('settled', { refundedIdr: 5_000 });
  const first = told(done(), partly, at + 1_000).row;
  expect(first).toMatchObject({ refundedIdr: 5_000, refundedAtMs: at + 1_000 });
  const again = told(first, partly, at + 2_000).row;
  expect(again.refundedAtMs).toBe(at + 1_000);
  const whole = told(again, status('refunded', { refundedIdr: 15_000 }), at + 3_000).row;
  expect(whole).toMatchObject({ verdict: 'refunded', refundedAtMs: at + 3_000 });
});

describe('when the money came', () => {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const jwk = publicJwk.parse(publicKey.export({ format: 'jwk' }));
  const signer: Signer = {
    ...{ environment: 'sandbox', ledgerId: 'ledger-1', nowMs: () => at + 60_000 },
    key: { kid: 'k1', privateKey, publicJwk: jwk, file: 'nowhere' },
  };
  const said = (row: SaleRow): Promise<Sale> =>
    saleDocument(signer, row, { by: 'http', nonce: undefined });

  test('Midtrans says it: its time counts, and the kiosk hears how old the money is', async () => {
    const { row } = told(rowOf('pending'), status('settled', { settledAtMs: at - 5_000 }));
    expect(row).toMatchObject({ settledAtMs: at - 5_000, settledLearnt: 0 });
    expect(await said(row)).toMatchObject({ verdict: 'paid', settledAgoMs: 65_000 });
  });
  test('Midtrans does not: it counts on the day on which we learnt of it, and looks young to no kiosk', async () => {
    const { row } = told(rowOf('pending'), status('settled'), at + 1000);
    expect(row).toMatchObject({ settledAtMs: at + 1000, settledLearnt: 1 });
    const document = await said(row);
    expect(document.verdict).toBe('paid');
    expect(document.settledAgoMs).toBeUndefined();
    expect(document.settledAt).toBeUndefined();
  });
});

test('an answer to a later attempt does not end an earlier one that is still silent', () => {
  const kioskId = 'ksk01';
  const amountIdr = 15_000;
  const put = { saleId, kioskId, amountIdr, items: null, chargeKey: 'k', deadlineAtMs: 180_000 };
  let { row } = decide(undefined, { type: 'put', ...put }, 0);
  const take = (event: LedgerEvent, atMs: number): void => {
    ({ row } = decide(row, event, atMs));
  };
  const failed = (answered: boolean): LedgerEvent => ({
    type: 'charge-answered',
    outcome: { kind: 'unknown', answered, detail: '' },
    merchantId,
  });
  const absent = {
    type: 'status-answered',
    asked: saleId,
    outcome: { kind: 'absent' },
    merchantId,
  } as const;
  take(failed(false), 10_000);
  take({ type: 'attempt' }, 10_500);
  take(failed(true), 11_000);
  take({ type: 'cancel', saleId, kioskId, amountIdr, reason: 'customer' }, 12_000);
  take(absent, 12_100);
  take(absent, 17_200);
  expect(row.verdict).toBe('creating');
  take(absent, 71_000);
  take(absent, 76_100);
  expect(row.verdict).toBe('cancelled');
});
