// Faults on demand: each one once, over real connections where the connection is the fault.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { checkQris } from '../../src/protocol/qris.ts';
import { signatureOf } from '../../src/twin/signature.ts';
import {
  HandClock,
  authorization,
  chargeBody,
  listeningMerchant,
  merchant,
  serverKey,
  settle,
  testTwin,
  type TestTwin,
} from './setting.ts';

const order = 'KSK01-1';
let own: TestTwin;
beforeEach(async () => {
  own = await testTwin();
});
afterEach(() => own[Symbol.asyncDispose]());

async function fault(on: string, kind: object, more: object = {}, twin = own): Promise<void> {
  const set = await twin.call('POST', '/_twin/faults', [{ on, do: kind, ...more }]);
  expect(set.http).toBe(200);
}
const charge = (orderId = order): ReturnType<TestTwin['call']> =>
  own.call('POST', '/v2/charge', chargeBody(orderId));
const status = async (): Promise<unknown> =>
  (await own.call('GET', `/v2/${order}/status`)).body['status_code'];

test('http: answers it instead, once, and nothing is done', async () => {
  await fault('charge', { kind: 'http', status: 503 });
  expect(await charge()).toMatchObject({ http: 503, body: { status_code: '503' } });
  expect(await status()).toBe('404');
  expect((await charge()).body['status_code']).toBe('201');
});

test('http 429 has no status_code; html is a page', async () => {
  await fault('charge', { kind: 'http', status: 429 });
  expect(await charge()).toEqual({ http: 429, body: { message: 'API rate limit exceeded' } });
  await fault('status', { kind: 'http', status: 502, html: true });
  const page = await own.twin.app.inject({ url: '/v2/x/status', headers: { authorization } });
  expect(page.statusCode).toBe(502);
  expect(page.headers['content-type']).toContain('text/html');
});

test('body 202 with 900: a denied charge that keeps its order id', async () => {
  await fault('charge', { kind: 'body', statusCode: '202', channelCode: '900' });
  expect(await charge()).toMatchObject({
    http: 200,
    body: { status_code: '202', transaction_status: 'deny', channel_response_code: '900' },
  });
  expect(await status()).toBe('202');
  expect((await charge()).body['status_code']).toBe('406');
});

test('body 500: HTTP 200, nothing done', async () => {
  await fault('charge', { kind: 'body', statusCode: '500' });
  expect(await charge()).toMatchObject({
    http: 200,
    body: {
      status_code: '500',
      status_message: 'Sorry. Our system is recovering from unexpected issues. Please retry.',
    },
  });
  expect(await status()).toBe('404');
});

describe('a connection that is cut', () => {
  let base: string;
  beforeEach(async () => {
    base = `http://127.0.0.1:${(await own.twin.listen()).port}`;
  });
  const post = (path: string, headers = {}): Promise<Response> =>
    fetch(base + path, {
      method: 'POST',
      headers: { authorization, ...headers },
      body: JSON.stringify(chargeBody(order)),
    });

  test('before: nothing is done', async () => {
    await fault('charge', { kind: 'drop-before' });
    await expect(post('/v2/charge')).rejects.toThrow(TypeError);
    expect(await status()).toBe('404');
  });

  test('after: it is done, and the same Idempotency-Key brings the answer', async () => {
    await fault('charge', { kind: 'drop-after' });
    const headers = { 'idempotency-key': 'k-1' };
    await expect(post('/v2/charge', headers)).rejects.toThrow(TypeError);
    expect(await status()).toBe('201');
    const again = (await (await post('/v2/charge', headers)).json()) as Record<string, unknown>;
    expect(again).toMatchObject({ status_code: '201' });
    expect(again['qr_string']).toBeDefined();
  });

  test('after a cancel: it is cancelled', async () => {
    await charge();
    await fault('cancel', { kind: 'drop-after' });
    await expect(post(`/v2/${order}/cancel`)).rejects.toThrow(TypeError);
    expect((await own.call('GET', `/v2/${order}/status`)).body['transaction_status']).toBe(
      'cancel',
    );
  });
});

test('slow: the same Idempotency-Key gets HTTP 202 meanwhile, then the stored answer', async () => {
  const clock = new HandClock();
  await using slow = await testTwin({}, { clock });
  await fault('charge', { kind: 'slow', delayMs: 10_000 }, {}, slow);
  const key = { 'idempotency-key': 'k-1' };
  const first = slow.call('POST', '/v2/charge', chargeBody(order), key);
  await clock.wind(5000);
  const meanwhile = await slow.call('POST', '/v2/charge', chargeBody(order), key);
  expect(meanwhile.http).toBe(202);
  expect((await slow.call('GET', `/v2/${order}/status`)).body['status_code']).toBe('404');
  await clock.wind(5000);
  expect((await first).body['status_code']).toBe('201');
  expect(await slow.call('POST', '/v2/charge', chargeBody(order), key)).toEqual(await first);
});

test('an Idempotency-Key is global over calls and forgotten after five minutes', async () => {
  const clock = new HandClock();
  await using timed = await testTwin({}, { clock });
  const key = { 'idempotency-key': 'k-1' };
  const made = await timed.call('POST', '/v2/charge', chargeBody(order), key);
  await clock.wind(299_999);
  expect(await timed.call('POST', `/v2/${order}/cancel`, undefined, key)).toEqual(made);
  await clock.wind(1);
  const late = await timed.call('POST', `/v2/${order}/cancel`, undefined, key);
  expect(late.body['transaction_status']).toBe('cancel');
});

test.each([
  ['crc', 'qr-crc'],
  ['amount', 'qr-amount'],
  ['merchant', 'qr-merchant'],
])('qr %s: the charge stands and its QR is wrong', async (change, wanted) => {
  await fault('charge', { kind: 'qr', change });
  const made = await charge();
  expect(made.body['status_code']).toBe('201');
  const checked = checkQris(String(made.body['qr_string']), 15000, merchant);
  expect(checked).toEqual({ ok: false, fault: wanted });
});

test('a fault waits for its order, for its call, and as often as it says', async () => {
  await fault('status', { kind: 'body', statusCode: '500' }, { orderId: order, times: 2 });
  const made = await charge();
  expect((await own.call('GET', '/v2/other/status')).body['status_code']).toBe('404');
  const byId = `/v2/${String(made.body['transaction_id'])}/status`;
  expect((await own.call('GET', byId)).body['status_code']).toBe('500');
  expect(await status()).toBe('500');
  expect(await status()).toBe('201');
});

test('the list can be read and cleared', async () => {
  await fault('charge', { kind: 'drop-before' });
  expect((await own.call('GET', '/_twin/faults')).body).toEqual({
    faults: [{ on: 'charge', times: 1, do: { kind: 'drop-before' } }],
  });
  await own.call('DELETE', '/_twin/faults');
  expect((await charge()).body['status_code']).toBe('201');
});

test('a fault that cannot be is refused whole', async () => {
  const refused = await own.call('POST', '/_twin/faults', [
    { on: 'charge', do: { kind: 'drop-before' } },
    { on: 'status', do: { kind: 'qr', change: 'crc' } },
  ]);
  expect(refused.http).toBe(400);
  expect((await own.call('GET', '/_twin/faults')).body).toEqual({ faults: [] });
});

describe('notifications', () => {
  test('hold: kept back until they are released, though others pass', async () => {
    await using shop = await listeningMerchant();
    await using told = await testTwin({ notificationUrl: shop.url });
    const held = { transactionStatus: 'settlement', orderId: order };
    await fault('notification', { kind: 'hold' }, held, told);
    const made = await told.call('POST', '/v2/charge', chargeBody(order));
    await told.call('POST', '/_twin/wallet/pay', { qrString: made.body['qr_string'] });
    await told.call('POST', '/v2/charge', chargeBody('other'));
    await shop.hears(2);
    await settle();
    expect(shop.heard.map((each) => each.body['transaction_status'])).toEqual([
      'pending',
      'pending',
    ]);
    const released = await told.call('POST', '/_twin/notifications/release', { orderId: order });
    expect(released.body).toEqual({ released: 1 });
    expect((await shop.hears(3))[2]?.body).toMatchObject({ transaction_status: 'settlement' });
  });

  test('duplicate: the same body as often as asked', async () => {
    await using shop = await listeningMerchant();
    await using told = await testTwin({ notificationUrl: shop.url });
    await fault('notification', { kind: 'duplicate', times: 2 }, {}, told);
    await told.call('POST', '/v2/charge', chargeBody(order));
    const heard = await shop.hears(3);
    expect(new Set(heard.map((each) => JSON.stringify(each.body))).size).toBe(1);
  });

  test.each([
    ['signature', { order_id: order, gross_amount: '15000.00' }, false],
    ['amount', { order_id: order, gross_amount: '16000.00' }, true],
    ['order', { gross_amount: '15000.00' }, true],
    ['status', { order_id: order, transaction_status: 'settlement' }, true],
  ])('tamper %s', async (change, wanted, signed) => {
    await using shop = await listeningMerchant();
    await using told = await testTwin({ notificationUrl: shop.url });
    await fault('notification', { kind: 'tamper', change }, {}, told);
    await told.call('POST', '/v2/charge', chargeBody(order));
    const body = (await shop.hears(1))[0]?.body ?? {};
    expect(body).toMatchObject(wanted);
    expect(body['order_id'] === order).toBe(change !== 'order');
    const signature = signatureOf(
      String(body['order_id']),
      String(body['status_code']),
      String(body['gross_amount']),
      serverKey,
    );
    expect(body['signature_key'] === signature).toBe(signed);
  });
});
