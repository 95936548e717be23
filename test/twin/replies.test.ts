// What goes wrong on the way back: cut and garbled answers, other HTTP codes, GoPay's codes, older bodies, switches, images.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  authorization,
  chargeBody,
  HandClock,
  settle,
  testTwin,
  type Called,
  type TestTwin,
} from './setting.ts';

const order = 'KSK01-1';
let own: TestTwin;
let base: string;
beforeEach(async () => {
  own = await testTwin();
  base = `http://127.0.0.1:${(await own.twin.listen()).port}`;
});
afterEach(() => own[Symbol.asyncDispose]());

async function fault(on: string, kind: object): Promise<void> {
  expect((await own.call('POST', '/_twin/faults', [{ on, do: kind }])).http).toBe(200);
}
const charge = (more = {}): Promise<Called> =>
  own.call('POST', '/v2/charge', chargeBody(order, more));
const post = (path: string): Promise<Response> =>
  fetch(base + path, {
    method: 'POST',
    headers: { authorization },
    body: JSON.stringify(chargeBody(order)),
  });
const status = async (): Promise<unknown> =>
  (await own.call('GET', `/v2/${order}/status`)).body['status_code'];

test('truncate: it is done, and the connection ends in the middle of the answer', async () => {
  await fault('charge', { kind: 'truncate' });
  const answer = await post('/v2/charge');
  expect(answer.status).toBe(200);
  await expect(answer.text()).rejects.toThrow(TypeError);
  expect(await status()).toBe('201');
});

test.each([
  ['cut', /^\{"status_code":"201"[^}]*$/, 'application/json'],
  ['empty', /^$/, 'application/json'],
  ['html', /^<!DOCTYPE html>/, 'text/html'],
  ['text', /^"OK"$/, 'application/json'],
])('garble as %s: HTTP 200, done, and no use', async (as, wanted, type) => {
  await fault('charge', { kind: 'garble', as });
  const answer = await post('/v2/charge');
  expect(answer.status).toBe(200);
  expect(answer.headers.get('content-type')).toContain(type);
  expect(await answer.text()).toMatch(wanted);
  expect(await status()).toBe('201');
});

test('http with what a proxy says: a pause to keep, a place to go to', async () => {
  await fault('charge', { kind: 'http', status: 429, retryAfterS: 7 });
  const limited = await post('/v2/charge');
  expect([limited.status, limited.headers.get('retry-after')]).toEqual([429, '7']);
  await fault('charge', { kind: 'http', status: 302, location: '/elsewhere' });
  const moved = await fetch(`${base}/v2/charge`, {
    method: 'POST',
    redirect: 'manual',
    headers: { authorization },
  });
  expect([moved.status, moved.headers.get('location')]).toEqual([302, '/elsewhere']);
  expect(await status()).toBe('404');
});

test('body with the HTTP status of older paths, with another text, without an id', async () => {
  await fault('charge', { kind: 'body', statusCode: '406', http: 406, message: 'no', bare: true });
  const answer = await charge();
  expect(answer).toEqual({ http: 406, body: { status_code: '406', status_message: 'no' } });
});

describe("GoPay's own codes", () => {
  test.each([
    ['310', 400, '400', 'One or more parameters in the payload is invalid.'],
    ['132', 200, '406', /conflict with the current state/],
    ['2901', 200, '406', /conflict with the current state/],
    ['303', 200, '402', 'Missing GoPay merchant setting data'],
    ['110', 200, '402', 'GoPay merchant is unauthorized.'],
    ['1703', 200, '402', 'GoPay merchant is not active.'],
    ['112', 200, '410', 'GoPay user is blocked'],
    ['902', 200, '413', /malformed syntax/],
    ['101', 200, '404', "GoPay Wallet doesn't exist."],
  ])('%s: HTTP %i, body %s, no transaction', async (code, http, wanted, message) => {
    await fault('charge', { kind: 'gopay', code });
    const { http: got, body } = await charge();
    expect([got, body['status_code']]).toEqual([http, wanted]);
    expect(body['status_message']).toMatch(message);
    if (http === 400) expect(body['validation_messages']).toHaveLength(1);
    expect(await status()).toBe('404');
  });

  test('900 is a denial or a 500', async () => {
    await fault('charge', { kind: 'gopay', code: '900', as500: true });
    expect((await charge()).body['status_code']).toBe('500');
    expect(await status()).toBe('404');
    await fault('charge', { kind: 'gopay', code: '900' });
    expect((await charge()).body).toMatchObject({
      status_code: '202',
      transaction_status: 'deny',
      status_message: 'GoPay transaction is denied',
      channel_response_code: '900',
      channel_response_message: 'GENERIC_SERVICE_ERROR',
      fraud_status: 'accept',
    });
  });

  test('4060 is the refusal of the fraud detection', async () => {
    await fault('charge', { kind: 'gopay', code: '4060' });
    expect((await charge()).body).toMatchObject({
      status_code: '202',
      transaction_status: 'deny',
      status_message: 'GoPay transaction is rejected by FDS',
      fraud_status: 'deny',
    });
    expect(await status()).toBe('202');
  });
});

describe('older bodies', () => {
  const aged = async (forms: string[], more = {}): Promise<Record<string, unknown>> => {
    await fault('charge', { kind: 'legacy', forms });
    return (await charge(more)).body;
  };
  const gopay = { payment_type: 'gopay' };

  test('without the QR text, the framed image and the expiry', async () => {
    const body = await aged(['no-qr-string', 'no-framed-image', 'no-expiry-time']);
    expect(body).toMatchObject({ status_code: '201', actions: [{ name: 'generate-qr-code' }] });
    expect(body).not.toHaveProperty('qr_string');
    expect(body).not.toHaveProperty('expiry_time');
    // The status has it all the same.
    const asked = (await own.call('GET', `/v2/${order}/status`)).body;
    expect(asked).toHaveProperty('expiry_time');
  });

  test('with the other spelling of the expiry', async () => {
    const body = await aged(['expire-time']);
    expect(body['expire_time']).toMatch(/^\d{4}-/);
    expect(body).not.toHaveProperty('expiry_time');
  });

  test('of the first GoPay', async () => {
    const body = await aged(['old-gopay'], gopay);
    expect(body['status_message']).toBe('GO-PAY billing created');
    for (const name of ['merchant_id', 'currency', 'fraud_status', 'channel_response_code']) {
      expect(body).not.toHaveProperty(name);
    }
    const names = (body['actions'] as { name: string }[]).map((each) => each.name);
    expect(names).toEqual(['generate-qr-code', 'deeplink-redirect', 'get-status', 'cancel']);
  });

  test('in upper case when asked for', async () => {
    expect((await aged(['upper-case']))['transaction_status']).toBe('pending');
    expect((await own.call('GET', `/v2/${order}/status`)).body).toMatchObject({
      transaction_status: 'PENDING',
      fraud_status: 'ACCEPT',
    });
  });

  test('relabelled once another wallet has paid it', async () => {
    await aged(['relabelled'], gopay);
    const asked = async (): Promise<unknown> =>
      (await own.call('GET', `/v2/${order}/status`)).body['payment_type'];
    expect(await asked()).toBe('gopay');
    const { body } = await own.call('GET', '/_twin/transactions');
    const [newest] = body['transactions'] as { qrString: string }[];
    const bare = { qrString: newest?.qrString, issuer: 'dana' };
    await own.call('POST', '/_twin/wallet/pay', bare);
    expect(await asked()).toBe('qris');
  });
});

describe('switches', () => {
  test.each([
    [{ qris: false }, 200, '402'],
    [{ key: false }, 401, '401'],
  ])('%j and back', async (change, http, code) => {
    await own.call('POST', '/_twin/switches', change);
    const refused = await charge();
    expect([refused.http, refused.body['status_code']]).toEqual([http, code]);
    const back = Object.fromEntries(Object.keys(change).map((name) => [name, true]));
    const { body } = await own.call('POST', '/_twin/switches', back);
    expect(body).toEqual({ qris: true, gopay: true, refunds: true, balanceIdr: null, key: true });
    expect((await charge()).body['status_code']).toBe('201');
  });
});

describe('images', () => {
  const image = async (): Promise<Response> => {
    const made = await charge();
    const [action] = made.body['actions'] as { url: string }[];
    return fetch(base + new URL(action?.url ?? '').pathname);
  };

  test('may be somewhere else, out of order, or no picture', async () => {
    await fault('image', { kind: 'http', status: 502, html: true });
    expect((await image()).status).toBe(502);
    await own.call('POST', `/v2/${order}/cancel`);
    await fault('image', { kind: 'garble', as: 'cut' });
    const cut = await image();
    expect(cut.headers.get('content-type')).toBe('image/png');
    const bytes = Buffer.from(await cut.arrayBuffer());
    expect(bytes.subarray(1, 4).toString()).toBe('PNG');
    expect(bytes.includes('IEND')).toBe(false);
  });

  test('are not what a fault on any call means', async () => {
    await own.call('POST', '/_twin/faults', [{ on: 'any', do: { kind: 'drop-before' }, after: 1 }]);
    expect((await image()).status).toBe(200);
    await expect(post(`/v2/${order}/cancel`)).rejects.toThrow(TypeError);
  });
});

test('slow after: it is done at once, its answer comes late, and meanwhile its key says 202', async () => {
  const clock = new HandClock();
  await using slow = await testTwin({}, { clock });
  const kind = { kind: 'slow', delayMs: 9000, when: 'after' };
  await slow.call('POST', '/_twin/faults', [{ on: 'charge', do: kind }]);
  const key = { 'idempotency-key': 'k-1' };
  const first = slow.call('POST', '/v2/charge', chargeBody(order), key);
  await settle();
  expect((await slow.call('GET', `/v2/${order}/status`)).body['status_code']).toBe('201');
  expect((await slow.call('POST', '/v2/charge', chargeBody(order), key)).http).toBe(202);
  await clock.wind(9000);
  expect((await first).body['status_code']).toBe('201');
});
