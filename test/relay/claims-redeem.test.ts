// A claim at the kiosk, over HTTP: a grant that verifies, one dispense for it, its result; and against a refund one wins.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { grantClaims, openProof } from '../../src/protocol/proof.ts';
import {
  claimOf,
  failedSale,
  lateMoney,
  refundByHand,
  refundsAt,
  untilClaim,
  withStore,
} from './claim-setting.ts';
import { pay, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
let kiosk: TestKiosk;
let other: TestKiosk;
beforeAll(async () => {
  setting = await startSetting({ overrides: { refund: 'automatic', refundAfterMs: 600_000 } });
  kiosk = await setting.kiosk('ksk01');
  other = await setting.kiosk('ksk02');
});
afterAll(() => setting.stop());

type Answer = Awaited<ReturnType<TestKiosk['call']>>;
const redeem = (saleId: string, dispenseId: string, by = kiosk): Promise<Answer> =>
  by.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId });
const result = (
  saleId: string,
  dispenseId: string,
  word: 'done' | 'failed' | 'unknown',
): Promise<Answer> => kiosk.report(saleId, word, dispenseId);
const locked = (detail: string): object => ({
  status: 409,
  json: { code: 'claim-locked', detail },
});

test('failed goods, a claim, a grant that the kiosk can verify, done: honoured, and never refunded', async () => {
  const saleId = await failedSale(setting, kiosk);
  const granted = await redeem(saleId, 'd1');
  expect(granted.status).toBe(200);
  const grant = await openProof(
    String(granted.json['grant']),
    'kios-grant',
    grantClaims,
    kiosk.keys,
  );
  expect(grant).toMatchObject({ env: 'sandbox', saleId, kioskId: 'ksk01', amountIdr: 15_000 });
  expect(grant.dispenseId).toBe('d1');
  expect(await result(saleId, 'd1', 'done')).toMatchObject({
    status: 200,
    json: { state: 'honoured' },
  });
  expect(await result(saleId, 'd1', 'done')).toMatchObject({
    status: 200,
    json: { state: 'honoured' },
  });
  expect(await redeem(saleId, 'd1')).toMatchObject(locked('honoured'));
  expect(await redeem(saleId, 'd2')).toMatchObject(locked('honoured'));
  const ordered = await withStore(setting, (store) =>
    store.moveClaim(saleId, { type: 'order-refund' }),
  );
  expect(ordered?.decision.refusal).toBe('honoured');
  expect(await refundsAt(setting, saleId)).toEqual([]);
  expect(await setting.metrics()).toContain('kios_claims_moved_total{state="honoured"} 1');
});

test('the same dispense id gives the same grant, another one none', async () => {
  const saleId = await lateMoney(setting, kiosk);
  const first = await redeem(saleId, 'd1');
  const [again, twice] = await Promise.all([redeem(saleId, 'd1'), redeem(saleId, 'd1')]);
  expect(again).toEqual(first);
  expect(twice).toEqual(first);
  expect(await redeem(saleId, 'd2')).toMatchObject(locked('redeeming'));
});

test('many ids at once: one is granted', async () => {
  const saleId = await failedSale(setting, kiosk);
  const ids = ['d1', 'd2', 'd3', 'd4', 'd5'];
  const answers = await Promise.all(ids.map((id) => redeem(saleId, id)));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, 409, 409, 409, 409]);
});

test('nothing fell: open again, for a new dispense id and not for the old one', async () => {
  const saleId = await failedSale(setting, kiosk);
  await redeem(saleId, 'd1');
  expect(await result(saleId, 'd2', 'done')).toMatchObject(locked('other-dispense-id'));
  expect(await result(saleId, 'd1', 'failed')).toMatchObject({
    status: 200,
    json: { state: 'open' },
  });
  expect(await result(saleId, 'd1', 'failed')).toMatchObject({
    status: 200,
    json: { state: 'open' },
  });
  expect(await redeem(saleId, 'd1')).toMatchObject(locked('spent-dispense-id'));
  expect((await redeem(saleId, 'd2')).status).toBe(200);
});

test('nobody knows: locked for the operator, whatever the kiosk says later', async () => {
  const saleId = await failedSale(setting, kiosk);
  await redeem(saleId, 'd1');
  for (let i = 0; i < 2; i++) {
    const said = await result(saleId, 'd1', 'unknown');
    expect(said).toMatchObject({ status: 200, json: { state: 'redeeming' } });
  }
  expect(await result(saleId, 'd1', 'failed')).toMatchObject(locked('other-result'));
  expect(await redeem(saleId, 'd1')).toMatchObject(locked('redeeming'));
  expect(await claimOf(setting, saleId)).toMatchObject({ note: 'redeem-unknown', askAtMs: null });
  expect(await setting.metrics()).toContain('kios_faults_total{place="redeem-unknown"} 1');
});

test('of another kiosk, of no sale, of a sale without a claim', async () => {
  const saleId = await failedSale(setting, kiosk);
  expect(await redeem(saleId, 'd1', other)).toMatchObject({
    status: 403,
    json: { code: 'not-yours' },
  });
  const unknown = { status: 404, json: { code: 'claim-unknown' } };
  expect(await redeem(kiosk.newSaleId(), 'd1')).toMatchObject(unknown);
  const paid = kiosk.newSaleId();
  const { sale } = await kiosk.put(paid, 15_000);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(paid, 'paid');
  expect(await redeem(paid, 'd1')).toMatchObject(unknown);
  expect(await result(paid, 'd1', 'done')).toMatchObject(unknown);
  await kiosk.call('POST', `/v1/sales/${paid}/fulfilment`, { result: 'unknown' });
  expect(await redeem(paid, 'd1')).toMatchObject(locked('operator-only'));
});

test('money that went back by hand is not granted, although no notice of it came', async () => {
  const saleId = await failedSale(setting, kiosk);
  await fetch(`${setting.twinUrl}/_twin/faults`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([
      { on: 'notification', orderId: saleId, times: 5, do: { kind: 'drop-before' } },
    ]),
  });
  await refundByHand(setting, saleId, 15_000);
  expect((await redeem(saleId, 'd1')).status).toBe(409);
  expect((await claimOf(setting, saleId))?.state).toMatch(/^refund/);
});

test('a redemption against a refund: exactly one wins', async () => {
  for (let round = 0; round < 6; round++) {
    const saleId = await failedSale(setting, kiosk);
    const order = withStore(setting, (store) => store.moveClaim(saleId, { type: 'order-refund' }));
    const [ordered, granted] = await Promise.all([order, redeem(saleId, 'd1')]);
    const won = granted.status === 200;
    expect(ordered?.decision.refusal).toBe(won ? 'redeeming' : undefined);
    const claim = await untilClaim(setting, saleId, won ? 'redeeming' : 'refunded');
    expect(claim.dispenseId).toBe(won ? 'd1' : null);
    expect(await refundsAt(setting, saleId)).toHaveLength(won ? 0 : 1);
  }
});
