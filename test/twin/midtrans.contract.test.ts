// How Midtrans behaves, over HTTP. Runs against the twin, or against Midtrans' own sandbox when KIOS_MIDTRANS_URL and
// KIOS_MIDTRANS_SERVER_KEY name it. Uses Midtrans' paths alone; every order id is new, and every charge is stopped again.
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { parseQris } from '../../src/protocol/qris.ts';
import { cryptoRandom } from '../../src/twin/random.ts';
import { chargeBody, serverKey, testTwin, type TestTwin } from './setting.ts';

const elsewhere = process.env['KIOS_MIDTRANS_URL'];
const key = process.env['KIOS_MIDTRANS_SERVER_KEY'] ?? serverKey;
let base = elsewhere ?? '';
let own: TestTwin | undefined;

beforeAll(async () => {
  if (elsewhere !== undefined) return;
  own = await testTwin({}, { random: cryptoRandom });
  base = `http://127.0.0.1:${(await own.twin.listen()).port}`;
});
afterAll(() => own?.[Symbol.asyncDispose]());

interface Answered {
  http: number;
  code: unknown;
  message: unknown;
  body: Record<string, unknown>;
}

async function call(
  method: 'GET' | 'POST',
  path: string,
  body?: unknown,
  headers: Record<string, string> = {},
): Promise<Answered> {
  const response = await fetch(base + path, {
    method,
    headers: {
      authorization: `Basic ${Buffer.from(`${key}:`).toString('base64')}`,
      accept: 'application/json',
      'content-type': 'application/json',
      ...headers,
    },
    ...(body === undefined ? {} : { body: typeof body === 'string' ? body : JSON.stringify(body) }),
  });
  const parsed = (await response.json()) as Record<string, unknown>;
  return {
    http: response.status,
    code: parsed['status_code'],
    message: parsed['status_message'],
    body: parsed,
  };
}

const newOrder = (): string => `contract-${randomUUID().slice(0, 18)}`;

interface Action {
  name: string;
  method: string;
  url: string;
}

const actionsOf = (answered: Answered): Action[] => answered.body['actions'] as Action[];
const timeText = /^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}$/;
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

describe('a charge', () => {
  test('by qris: HTTP 200, body 201, numbers as texts, a QR that says the amount', async () => {
    const orderId = newOrder();
    const made = await call('POST', '/v2/charge', chargeBody(orderId));
    expect(made).toMatchObject({
      http: 200,
      code: '201',
      body: {
        order_id: orderId,
        gross_amount: '15000.00',
        currency: 'IDR',
        payment_type: 'qris',
        transaction_status: 'pending',
        fraud_status: 'accept',
        acquirer: 'gopay',
      },
    });
    expect(made.body['transaction_id']).toMatch(uuid);
    expect(made.body['transaction_time']).toMatch(timeText);
    expect(made.body['expiry_time']).toMatch(timeText);
    const qr = parseQris(String(made.body['qr_string']));
    expect(qr).toMatchObject({ ok: true, qris: { amountIdr: 15000, dynamic: true } });
    expect(actionsOf(made).map((each) => each.name)).toContain('generate-qr-code');
    await call('POST', `/v2/${orderId}/cancel`);
  });

  test('by gopay: no QR text, but actions for image, deeplink, status and cancel', async () => {
    const orderId = newOrder();
    const made = await call('POST', '/v2/charge', chargeBody(orderId, { payment_type: 'gopay' }));
    expect(made).toMatchObject({ http: 200, code: '201', body: { payment_type: 'gopay' } });
    expect(made.body['qr_string']).toBeUndefined();
    const names = actionsOf(made).map((each) => each.name);
    expect(names).toEqual(
      expect.arrayContaining(['generate-qr-code', 'deeplink-redirect', 'get-status', 'cancel']),
    );
    await call('POST', `/v2/${orderId}/cancel`);
  });

  test('its image is a PNG that needs no key', async () => {
    const orderId = newOrder();
    const made = await call('POST', '/v2/charge', chargeBody(orderId));
    const action = actionsOf(made).find((each) => each.name === 'generate-qr-code');
    const image = await fetch(action?.url ?? '');
    expect(image.headers.get('content-type')).toContain('image/png');
    const bytes = Buffer.from(await image.arrayBuffer());
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    await call('POST', `/v2/${orderId}/cancel`);
  });

  test('with faults is HTTP 400 and names them', async () => {
    const answered = await call('POST', '/v2/charge', { payment_type: 'qris' });
    expect(answered).toMatchObject({
      http: 400,
      code: '400',
      message: 'One or more parameters in the payload is invalid.',
    });
    expect(answered.body['validation_messages']).toContain(
      'transaction_details.order_id is required',
    );
  });

  test('whose expiry is under 20 seconds is refused', async () => {
    const body = chargeBody(newOrder(), {
      custom_expiry: { expiry_duration: 10, unit: 'second' },
    });
    const answered = await call('POST', '/v2/charge', body);
    expect(answered).toMatchObject({
      http: 400,
      body: { validation_messages: ['custom_expiry is below minimum threshold'] },
    });
  });

  test('that is not JSON is body 413 in HTTP 200', async () => {
    expect(await call('POST', '/v2/charge', '{"payment_type":')).toMatchObject({
      http: 200,
      code: '413',
    });
  });

  test('with another key is HTTP 401, body 401', async () => {
    const authorization = `Basic ${Buffer.from('SB-Mid-server-wrong:').toString('base64')}`;
    expect(
      await call('POST', '/v2/charge', chargeBody(newOrder()), { authorization }),
    ).toMatchObject({ http: 401, code: '401' });
  });

  test('of an order id that is live is body 406 in HTTP 200, and leaves the first alone', async () => {
    const orderId = newOrder();
    await call('POST', '/v2/charge', chargeBody(orderId));
    const again = await call('POST', '/v2/charge', chargeBody(orderId, {}, 99000));
    expect(again).toMatchObject({
      http: 200,
      code: '406',
      message:
        'The request could not be completed due to a conflict with the current state of the target resource, please try again',
    });
    expect((await call('GET', `/v2/${orderId}/status`)).body['gross_amount']).toBe('15000.00');
    await call('POST', `/v2/${orderId}/cancel`);
  });

  test.each(['cancel', 'expire'])('may use an order id again after %s', async (how) => {
    const orderId = newOrder();
    const first = await call('POST', '/v2/charge', chargeBody(orderId));
    await call('POST', `/v2/${orderId}/${how}`);
    const second = await call('POST', '/v2/charge', chargeBody(orderId));
    expect(second.code).toBe('201');
    expect(second.body['transaction_id']).not.toBe(first.body['transaction_id']);
    await call('POST', `/v2/${orderId}/cancel`);
  });
});

describe('the status', () => {
  test('of an unknown id is body 404 in HTTP 200', async () => {
    expect(await call('GET', `/v2/${newOrder()}/status`)).toMatchObject({
      http: 200,
      code: '404',
      message: "Transaction doesn't exist.",
    });
  });

  test('is found by order id and by transaction id; it carries no QR', async () => {
    const orderId = newOrder();
    const made = await call('POST', '/v2/charge', chargeBody(orderId));
    const byOrder = await call('GET', `/v2/${orderId}/status`);
    const byId = await call('GET', `/v2/${String(made.body['transaction_id'])}/status`);
    expect(byOrder).toMatchObject({
      http: 200,
      code: '201',
      message: 'Success, transaction is found',
      body: { transaction_status: 'pending', order_id: orderId },
    });
    expect(byId.body).toEqual(byOrder.body);
    expect(byOrder.body['qr_string']).toBeUndefined();
    expect(byOrder.body['signature_key']).toMatch(/^[0-9a-f]{128}$/);
    await call('POST', `/v2/${orderId}/cancel`);
  });
});

describe('cancel and expire', () => {
  test('cancel answers 200, then the status says cancel with 200', async () => {
    const orderId = newOrder();
    await call('POST', '/v2/charge', chargeBody(orderId));
    expect(await call('POST', `/v2/${orderId}/cancel`)).toMatchObject({
      http: 200,
      code: '200',
      message: 'Success, transaction is canceled',
      body: { transaction_status: 'cancel' },
    });
    expect(await call('GET', `/v2/${orderId}/status`)).toMatchObject({
      http: 200,
      code: '200',
      body: { transaction_status: 'cancel' },
    });
  });

  test('expire answers 407, and so does the status; both are HTTP 200', async () => {
    const orderId = newOrder();
    await call('POST', '/v2/charge', chargeBody(orderId));
    const expired = { http: 200, code: '407', body: { transaction_status: 'expire' } };
    expect(await call('POST', `/v2/${orderId}/expire`)).toMatchObject({
      ...expired,
      message: 'Success, transaction has expired',
    });
    expect(await call('GET', `/v2/${orderId}/status`)).toMatchObject(expired);
  });

  test.each(['cancel', 'expire'])('%s of what is already stopped is body 412', async (how) => {
    const orderId = newOrder();
    await call('POST', '/v2/charge', chargeBody(orderId));
    await call('POST', `/v2/${orderId}/cancel`);
    expect(await call('POST', `/v2/${orderId}/${how}`)).toMatchObject({
      http: 200,
      code: '412',
      message: 'Transaction status cannot be updated.',
    });
  });

  test.each(['cancel', 'expire', 'refund'])('%s of an unknown id is body 404', async (how) => {
    expect((await call('POST', `/v2/${newOrder()}/${how}`)).code).toBe('404');
  });

  test('a refund of what was not paid is body 412', async () => {
    const orderId = newOrder();
    await call('POST', '/v2/charge', chargeBody(orderId));
    const refund = { refund_key: 'contract-1', amount: 1000, reason: 'contract' };
    expect((await call('POST', `/v2/${orderId}/refund`, refund)).code).toBe('412');
    await call('POST', `/v2/${orderId}/cancel`);
  });
});

describe('an Idempotency-Key', () => {
  test('gives the stored answer again, whatever the new body says', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const [orderId, other] = [newOrder(), newOrder()];
    const first = await call('POST', '/v2/charge', chargeBody(orderId), headers);
    const second = await call('POST', '/v2/charge', chargeBody(other, {}, 99000), headers);
    expect(second).toEqual(first);
    expect((await call('GET', `/v2/${other}/status`)).code).toBe('404');
    await call('POST', `/v2/${orderId}/cancel`);
  });

  test('of more than 46 characters is ignored', async () => {
    const headers = { 'idempotency-key': 'k'.repeat(20) + newOrder() };
    expect(headers['idempotency-key'].length).toBe(47);
    const orderId = newOrder();
    await call('POST', '/v2/charge', chargeBody(orderId), headers);
    expect((await call('POST', '/v2/charge', chargeBody(orderId), headers)).code).toBe('406');
    await call('POST', `/v2/${orderId}/cancel`);
  });

  test('does not keep what failed', async () => {
    const headers = { 'idempotency-key': randomUUID() };
    const orderId = newOrder();
    expect((await call('POST', '/v2/charge', { payment_type: 'qris' }, headers)).code).toBe('400');
    expect((await call('POST', '/v2/charge', chargeBody(orderId), headers)).code).toBe('201');
    await call('POST', `/v2/${orderId}/cancel`);
  });
});
