// One sale through the real relay, the real twin and a real MQTT client: enrolled, charged, paid, told, handed over.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { signReport } from '../../src/protocol/report.ts';
import { sale as saleSchema, type Sale } from '../../src/protocol/sale.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { pay, plant, serverKey, startSetting, type Setting } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

test('a sale is charged, paid, told over MQTT with a proof, acknowledged and handed over', async () => {
  const kiosk = await setting.kiosk('ksk01');
  const line = await kiosk.connect();
  const saleId = kiosk.newSaleId();
  const put = await kiosk.put(saleId, 15_000);
  expect(put.status).toBe(201);
  expect(put.sale).toMatchObject({
    saleId,
    amountIdr: 15_000,
    verdict: 'pending',
    seq: 1,
    prev: 0,
  });
  expect(put.sale.expiresInMs).toBeGreaterThan(170_000);
  await kiosk.verify(put.sale);

  expect(await pay(setting, put.sale.qrString ?? '')).toBe(200);
  const told = await line.next((document) => document.verdict === 'paid');
  await kiosk.verify(told);
  expect(told).toMatchObject({ saleId, seq: 2, prev: 1, issuer: 'gopay' });
  expect(told).not.toHaveProperty('settledAgoMs');
  expect(told).not.toHaveProperty('qrString');

  const ack = { ledgerId: told.ledgerId, upTo: told.seq };
  await line.client.publishAsync(kioskTopics('ksk01').ack, JSON.stringify(ack), { qos: 1 });
  const report = await kiosk.report(saleId, 'done');
  expect(report).toMatchObject({ status: 200, json: { verdict: 'paid', fulfilment: 'done' } });
  await kiosk.verify(saleSchema.parse(report.json));
  expect((await kiosk.get(saleId)).settledAgoMs).toBeGreaterThanOrEqual(0);
  expect(await setting.metrics()).toContain('kios_acks_total{outcome="taken"} 1');
  await line.client.endAsync();
});

test('every answer with a sale signs its durations and the nonce of its question', async () => {
  const kiosk = await setting.kiosk('ksk06');
  const saleId = kiosk.newSaleId();
  const at = `/v1/sales/${saleId}`;
  let asked = 0;
  const ask = async (method: string, path: string, body?: unknown): Promise<Sale> => {
    const nonce = `question-number-${asked++}`;
    const { json } = await kiosk.call(method, path, body, undefined, { 'kios-nonce': nonce });
    const changes = json['sales'] as unknown[] | undefined;
    const document = saleSchema.parse(changes?.[0] ?? json);
    await kiosk.verify(document, nonce);
    await expect(kiosk.verify(document, 'another-question')).rejects.toThrow();
    await expect(kiosk.verify({ ...document, expiresInMs: 999_999 }, nonce)).rejects.toThrow();
    await expect(kiosk.verify({ ...document, settledAgoMs: 1 }, nonce)).rejects.toThrow();
    return document;
  };
  const put = await ask('PUT', at, { amountIdr: 5_000 });
  expect((await ask('GET', at)).expiresInMs).toBeGreaterThan(100_000);
  await pay(setting, put.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  expect((await ask('GET', at)).settledAgoMs).toBeGreaterThan(1);
  const cancel = await ask('POST', `${at}/cancel`, { reason: 'customer', amountIdr: 5_000 });
  expect(cancel.settledAgoMs).toBeGreaterThan(1);
  const signed = signReport({ saleId, result: 'done' }, kiosk.privateKey, systemClock.nowMs());
  const report = await ask('POST', `${at}/fulfilment`, { result: 'done', signed });
  expect(report).toMatchObject({ verdict: 'paid', fulfilment: 'done' });
  expect(report.settledAgoMs).toBeGreaterThan(1);
  expect(await ask('GET', '/v1/changes?since=0.00000000')).toMatchObject({ fulfilment: 'done' });
});

test.each([
  '',
  'short',
  'x'.repeat(65),
  'with a blank in it',
  'twice-0123456789, twice-0123456789',
])('a malformed nonce (%s) is refused before anything is done', async (nonce) => {
  const kiosk = await setting.kiosk('ksk07');
  const path = `/v1/sales/${kiosk.newSaleId()}`;
  const body = { amountIdr: 5_000 };
  const put = await kiosk.call('PUT', path, body, undefined, { 'kios-nonce': nonce });
  expect(put).toMatchObject({ status: 400, json: { code: 'bad-request' } });
  expect((await kiosk.call('GET', path)).json).toMatchObject({ code: 'sale-unknown' });
});

test('goods said to be out after a claim was opened call the operator', async () => {
  const kiosk = await setting.kiosk('ksk08');
  const saleId = kiosk.newSaleId();
  const put = await kiosk.put(saleId, 5_000);
  await pay(setting, put.sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
  const done = await kiosk.report(saleId, 'done');
  expect(done).toMatchObject({ status: 409, json: { code: 'fulfilment-mismatch' } });
  expect(setting.logText()).toContain('sale.fulfilment-disputed');
  expect(await setting.metrics()).toContain('kios_faults_total{place="fulfilment-disputed"} 1');
});

test('money that went back before the relay saw it is not paid: nothing is vended for it', async () => {
  const kiosk = await setting.kiosk('ksk09');
  const saleId = kiosk.newSaleId();
  // Nothing is heard, and the first thing that get-status says is the refund.
  await plant(setting, {
    on: 'notification',
    orderId: saleId,
    times: 99,
    do: { kind: 'drop-before' },
  });
  const put = await kiosk.put(saleId, 5_000);
  await pay(setting, put.sale.qrString ?? '');
  const refund = await fetch(`${setting.twinUrl}/v2/${saleId}/refund`, {
    method: 'POST',
    headers: {
      authorization: `Basic ${Buffer.from(`${serverKey}:`).toString('base64')}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ refund_key: `${saleId}-1`, amount: 2_000, reason: 'by hand' }),
  });
  expect(await refund.json()).toMatchObject({ status_code: '200' });
  const late = await kiosk.until(saleId, 'paid-late');
  expect(late).toMatchObject({ refundedIdr: 2_000 });
  expect(setting.logText()).not.toContain(`"saleId":"${saleId}","verdict":"paid","`);
  expect(setting.logText()).toContain('sale.settlement-refunded');
});

test('a repeated PUT answers from the row, another amount is refused', async () => {
  const kiosk = await setting.kiosk('ksk02');
  const saleId = kiosk.newSaleId();
  const first = await kiosk.put(saleId, 20_000);
  const again = await kiosk.put(saleId, 20_000);
  expect(again.status).toBe(200);
  expect(again.sale.qrString).toBe(first.sale.qrString);
  const other = await kiosk.call('PUT', `/v1/sales/${saleId}`, { amountIdr: 21_000 });
  expect(other).toMatchObject({ status: 409, json: { code: 'sale-mismatch' } });
  const second = await kiosk.call('PUT', `/v1/sales/${kiosk.newSaleId()}`, { amountIdr: 500 });
  expect(second).toMatchObject({ status: 409, json: { code: 'sale-open' } });
});

test('a cancel is confirmed by Midtrans; one that loses the race is a payment', async () => {
  const kiosk = await setting.kiosk('ksk03');
  const cancelled = kiosk.newSaleId();
  await kiosk.put(cancelled, 5_000);
  const body = { reason: 'customer', amountIdr: 5_000 };
  const answer = await kiosk.call('POST', `/v1/sales/${cancelled}/cancel`, body);
  expect(answer).toMatchObject({ status: 200, json: { verdict: 'cancelled' } });

  const lost = kiosk.newSaleId();
  const put = await kiosk.put(lost, 5_000);
  await plant(setting, {
    on: 'notification',
    orderId: lost,
    times: 9,
    do: { kind: 'drop-before' },
  });
  await pay(setting, put.sale.qrString ?? '');
  const raced = await kiosk.call('POST', `/v1/sales/${lost}/cancel`, body);
  expect(raced).toMatchObject({ status: 200, json: { verdict: 'paid' } });
});

test('money that comes after the cancel is paid-late, with a claim', async () => {
  const kiosk = await setting.kiosk('ksk04');
  const saleId = kiosk.newSaleId();
  const put = await kiosk.put(saleId, 7_000);
  const body = { reason: 'customer', amountIdr: 7_000 };
  await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, body);
  expect(await pay(setting, put.sale.qrString ?? '', true)).toBe(200);
  await kiosk.verify(await kiosk.until(saleId, 'paid-late'));
  expect(await setting.metrics()).toMatch(/kios_claims_opened_total\{kind="late"\} [1-9]/);
});

test('a cancel before its create leaves a tombstone, which Midtrans must confirm twice', async () => {
  const kiosk = await setting.kiosk('ksk05');
  const saleId = kiosk.newSaleId();
  const body = { reason: 'fault', amountIdr: 9_000 };
  const cancel = await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, body);
  expect(cancel).toMatchObject({ status: 202, json: { verdict: 'creating' } });
  await kiosk.until(saleId, 'cancelled');
  const put = await kiosk.put(saleId, 9_000);
  expect(put).toMatchObject({ status: 200, sale: { verdict: 'cancelled' } });
});

test('the Server Key is in no log line and in no error', () => {
  expect(setting.logText()).toContain('sale.moved');
  expect(setting.logText()).not.toContain(serverKey);
  expect(setting.logText()).not.toContain(Buffer.from(`${serverKey}:`).toString('base64'));
});
