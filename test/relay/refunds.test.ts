// Money that goes back through Midtrans: real relay, real twin. Once, under one key, and only when nobody has the goods.
import { afterEach, expect, test } from 'vitest';
import {
  claimOf,
  failedSale,
  lateMoney,
  refundByHand,
  refundsAt,
  releaseNotices,
  turn,
  untilClaim,
  wakeUntil,
  withStore,
} from './claim-setting.ts';
import { pay, plant, startSetting, type Setting, type SettingOptions } from './setting.ts';

let setting: Setting;
afterEach(() => setting.stop());

async function start(
  overrides: Record<string, unknown>,
  more: SettingOptions = {},
): Promise<Awaited<ReturnType<Setting['kiosk']>>> {
  setting = await startSetting({ ...more, overrides });
  return setting.kiosk('ksk01');
}
const automatic = { refund: 'automatic', refundAfterMs: 0 };
const order = (saleId: string, amountIdr?: number): Promise<unknown> =>
  withStore(setting, (store) =>
    store.moveClaim(saleId, {
      type: 'order-refund',
      ...(amountIdr === undefined ? {} : { amountIdr }),
    }),
  );

test('late money is a claim, goes back by itself, and is refunded when the bank has confirmed it', async () => {
  const kiosk = await start(automatic);
  await plant(setting, {
    ...{ on: 'notification', transactionStatus: 'refund', times: 2 },
    do: { kind: 'hold' },
  });
  const saleId = await lateMoney(setting, kiosk);
  // Without the two notices: Midtrans has taken it, so the verdict says so, but the claim waits for the bank.
  await kiosk.until(saleId, 'refunded');
  const waiting = await claimOf(setting, saleId);
  expect(waiting).toMatchObject({ state: 'refunding', refundN: 1, refundIdr: 15_000 });
  const refused = await kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId: 'd1' });
  expect(refused).toMatchObject({ status: 409, json: { code: 'claim-locked' } });
  while ((await refundsAt(setting, saleId))[0]?.bank_confirmed_at === undefined) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  expect((await claimOf(setting, saleId))?.state).toBe('refunding');
  await releaseNotices(setting);
  await untilClaim(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toMatchObject([
    { refund_key: `${saleId}-1`, refund_amount: '15000.00' },
  ]);
  expect(await kiosk.get(saleId)).toMatchObject({ verdict: 'refunded', refundedIdr: 15_000 });
  const metrics = await setting.metrics();
  expect(metrics).toContain('kios_refunds_total{outcome="accepted"} 1');
  expect(metrics).toContain('kios_claims_moved_total{state="refunded"} 1');
});

test.each([
  ['the answer is lost', { kind: 'drop-after' }],
  ['the answer is a page of a proxy', { kind: 'http', status: 502, html: true }],
])('%s: no second refund', async (_name, fault) => {
  const kiosk = await start(automatic);
  await plant(setting, { on: 'refund', do: fault });
  const saleId = await failedSale(setting, kiosk);
  await untilClaim(setting, saleId, (claim) => claim.refundN === 1);
  const claim = await wakeUntil(setting, saleId, 'refunded');
  expect(claim.refundN).toBe(1);
  expect(await refundsAt(setting, saleId)).toHaveLength(1);
});

test('a refund without an answer, which Midtrans never had, is sent again under its own key', async () => {
  const kiosk = await start(automatic);
  await plant(setting, { on: 'refund', do: { kind: 'drop-before' } });
  const saleId = await failedSale(setting, kiosk);
  await untilClaim(setting, saleId, (claim) => claim.note === 'refund-unknown');
  expect(await refundsAt(setting, saleId)).toEqual([]);
  await wakeUntil(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toMatchObject([{ refund_key: `${saleId}-1` }]);
});

test('a relay that dies between writing the refund down and sending it sends it after its start', async () => {
  const kiosk = await start(automatic);
  await plant(setting, { on: 'refund', do: { kind: 'drop-before' } });
  const saleId = await failedSale(setting, kiosk);
  await untilClaim(setting, saleId, 'refunding');
  await setting.restart();
  await wakeUntil(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toHaveLength(1);
});

test('by-operator: nothing goes back by itself, and the running relay makes what the operator orders', async () => {
  const kiosk = await start({ refund: 'by-operator' });
  const saleId = await failedSale(setting, kiosk);
  await untilClaim(setting, saleId, (claim) => claim.askAtMs === null);
  expect(await refundsAt(setting, saleId)).toEqual([]);
  await order(saleId);
  await untilClaim(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toHaveLength(1);
});

test('automatic waits: until then the customer may still get the goods', async () => {
  const kiosk = await start({ refund: 'automatic', refundAfterMs: 600_000 });
  const saleId = await failedSale(setting, kiosk);
  const claim = await untilClaim(
    setting,
    saleId,
    ({ askAtMs, changedAtMs }) => askAtMs === changedAtMs + 600_000,
  );
  expect(claim.state).toBe('open');
});

test('a claim that stood open when refunds became automatic goes back after the start', async () => {
  const kiosk = await start({ refund: 'by-operator' });
  const saleId = await failedSale(setting, kiosk);
  await untilClaim(setting, saleId, (claim) => claim.askAtMs === null);
  Object.assign(setting.config, automatic);
  await setting.restart();
  await untilClaim(setting, saleId, 'refunded');
});

test('an order for a part leaves the rest open, for the operator; the next order is another refund', async () => {
  const kiosk = await start({ refund: 'by-operator' });
  const saleId = await failedSale(setting, kiosk);
  await order(saleId, 5_000);
  const rest = await untilClaim(setting, saleId, (claim) => claim.note === 'refunded-in-part');
  expect(rest).toMatchObject({ state: 'open', amountIdr: 10_000, operatorOnly: 1, orderedIdr: 0 });
  expect((await kiosk.get(saleId)).refundedIdr).toBe(5_000);
  await order(saleId);
  await untilClaim(setting, saleId, 'refunded');
  expect((await refundsAt(setting, saleId)).map((refund) => refund.refund_key)).toEqual([
    `${saleId}-1`,
    `${saleId}-2`,
  ]);
});

test('Midtrans refuses for good: open again, for the operator alone, who is told', async () => {
  const kiosk = await start(automatic);
  await turn(setting, { refunds: false });
  const saleId = await failedSale(setting, kiosk);
  const claim = await untilClaim(
    setting,
    saleId,
    (row) => row.refundN === 1 && row.state === 'open',
  );
  expect(claim).toMatchObject({ operatorOnly: 1, note: 'refund-refused-412', askAtMs: null });
  expect(await setting.metrics()).toContain('kios_faults_total{place="refund-refused"} 1');
  // The operator has mended it at Midtrans: the same attempt, under its own key.
  await turn(setting, { refunds: true });
  await order(saleId);
  await untilClaim(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toMatchObject([{ refund_key: `${saleId}-1` }]);
});

test('too little balance: open, told, and tried again later under the same key', async () => {
  const kiosk = await start(automatic);
  await turn(setting, { balanceIdr: 0 });
  const saleId = await failedSale(setting, kiosk);
  const claim = await untilClaim(setting, saleId, (row) => row.note === 'insufficient-balance');
  expect(claim).toMatchObject({ state: 'open', operatorOnly: 0, refundN: 1 });
  expect((claim.askAtMs ?? 0) - claim.changedAtMs).toBeGreaterThanOrEqual(15 * 60_000);
  expect(await setting.metrics()).toContain('kios_faults_total{place="refund-unfunded"} 1');
  await turn(setting, { balanceIdr: null });
  await wakeUntil(setting, saleId, 'refunded');
  expect(await refundsAt(setting, saleId)).toMatchObject([{ refund_key: `${saleId}-1` }]);
});

test('a refund in full by hand at Midtrans closes the claim; the relay sends none', async () => {
  const kiosk = await start({ refund: 'by-operator' });
  const saleId = await failedSale(setting, kiosk);
  await refundByHand(setting, saleId, 15_000);
  const claim = await untilClaim(setting, saleId, 'refunded');
  expect(claim.refundN).toBe(0);
  expect(await refundsAt(setting, saleId)).toHaveLength(1);
});

test('a refund in part by hand leaves a claim for the rest, which no kiosk may redeem', async () => {
  const kiosk = await start({ refund: 'by-operator' });
  const saleId = await failedSale(setting, kiosk);
  await refundByHand(setting, saleId, 4_000);
  const claim = await untilClaim(setting, saleId, (row) => row.amountIdr === 11_000);
  expect(claim).toMatchObject({ state: 'open', operatorOnly: 1 });
  const redeem = await kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId: 'd1' });
  expect(redeem).toMatchObject({
    status: 409,
    json: { code: 'claim-locked', detail: 'operator-only' },
  });
});

test('a sale in hand is never refunded: the kiosk may come back and dispense', async () => {
  const kiosk = await start(automatic);
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, 15_000);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  const ordered = await order(saleId);
  expect(ordered).toBeUndefined();
  expect(await claimOf(setting, saleId)).toBeUndefined();
});
