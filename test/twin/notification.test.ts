// Notifications as the merchant hears them: body, signature, addresses, redirects, time-out, and the second refund notice.
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { signatureOf } from '../../src/twin/signature.ts';
import { httpPost } from '../../src/twin/post.ts';
import type { Attempt } from '../../src/twin/retry-table.ts';
import {
  HandClock,
  chargeBody,
  listeningMerchant,
  serverKey,
  testTwin,
  type Heard,
  type TestTwin,
} from './setting.ts';

const order = 'KSK01-20260101-0001';

// Reference §10.4.
test.each([
  [
    '200',
    'ca262c8d95cc64c055f9ccda60a65ddede10afd01b7f51c7fc06a07eb41806178e25bdfb73e2c410e8ddd57149669c46ff500b93177ec98bcdf073864757cd01',
  ],
  [
    '201',
    '049b6ec52889f4b7ebeb0ba84fdc250434d8e9e95c545c2f286eb79aeb5be3a64b99270ecb72a57edc91c3257b6e1acae2320ad27cbbb5523dda65e63bfb8e4b',
  ],
  [
    '202',
    'b09579f6cf5a4d248f91188e2cd4eb8d46f9327b427d9d30bca722014918e4242bd39db3b830cf34b32287ee40e11bfc02e16e470800d64c50566f948968d181',
  ],
])('the signature of status code %s is the known one', (code, wanted) => {
  expect(signatureOf(order, code, '15000.00', serverKey)).toBe(wanted);
});

async function charge(
  own: TestTwin,
  body: object,
  headers?: Record<string, string>,
): Promise<string> {
  const { body: answer } = await own.call('POST', '/v2/charge', body, headers);
  expect(answer['status_code']).toBe('201');
  return String(answer['qr_string']);
}

const paths = (heard: Heard[]): string[] => heard.map((each) => each.path).sort();

test('pending after the charge, settlement after the payment, with all that Midtrans says', async () => {
  await using shop = await listeningMerchant();
  await using own = await testTwin(
    { notificationUrl: `${shop.url}/hook` },
    { clock: new HandClockThatRuns() },
  );
  const qrString = await charge(
    own,
    chargeBody(order, { custom_field1: 'KSK01', metadata: { slot: '12' } }),
  );
  const [pending] = await shop.hears(1);
  expect(pending?.headers).toMatchObject({
    'user-agent': 'Veritrans',
    'content-type': 'application/json',
    accept: 'application/json',
  });
  expect(pending?.headers.authorization).toBeUndefined();
  expect(pending?.body).toMatchObject({
    transaction_status: 'pending',
    status_code: '201',
    signature_key: signatureOf(order, '201', '15000.00', serverKey),
  });

  await own.call('POST', '/_twin/wallet/pay', { qrString, issuer: 'dana' });
  const settled = (await shop.hears(2))[1];
  expect(settled?.body).toEqual({
    transaction_type: 'off-us',
    transaction_time: '2026-01-01 10:00:00',
    transaction_status: 'settlement',
    transaction_id: pending?.body['transaction_id'],
    status_message: 'midtrans payment notification',
    status_code: '200',
    signature_key: signatureOf(order, '200', '15000.00', serverKey),
    settlement_time: '2026-01-01 10:00:00',
    payment_type: 'qris',
    order_id: order,
    merchant_id: 'G000000001',
    merchant_cross_reference_id: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
    issuer: 'dana',
    gross_amount: '15000.00',
    fraud_status: 'accept',
    expiry_time: '2026-01-01 10:15:00',
    currency: 'IDR',
    acquirer: 'gopay',
    custom_field1: 'KSK01',
    metadata: { slot: '12' },
  });
});

/** A clock that stands still but fires what is due at once, so that real HTTP flows at a known time. */
class HandClockThatRuns extends HandClock {
  override after(delayMs: number, call: () => void): () => void {
    if (delayMs > 0) return super.after(delayMs, call);
    const now = setImmediate(call);
    return () => {
      clearImmediate(now);
    };
  }
}

test.each(['cancel', 'expire'])(
  '%s is notified with 202, though its own answer says else',
  async (how) => {
    await using shop = await listeningMerchant();
    await using own = await testTwin({ notificationUrl: shop.url });
    await charge(own, chargeBody(order));
    await shop.hears(1);
    await own.call('POST', `/v2/${order}/${how}`);
    const told = (await shop.hears(2))[1];
    expect(told?.body).toMatchObject({
      transaction_status: how,
      status_code: '202',
      signature_key: signatureOf(order, '202', '15000.00', serverKey),
    });
  },
);

test('a refund is notified twice, and only the second time as confirmed by the bank', async () => {
  await using shop = await listeningMerchant();
  await using own = await testTwin({
    notificationUrl: shop.url,
    notifications: { timeScale: 0.001 },
  });
  const qrString = await charge(own, chargeBody(order));
  await own.call('POST', '/_twin/wallet/pay', { qrString });
  await shop.hears(2);
  await own.call('POST', `/v2/${order}/refund`, { refund_key: 'r-1', reason: 'jatuh' });
  const [first, second] = (await shop.hears(4)).slice(2);
  const refund = { refund_key: 'r-1', refund_amount: '15000.00', reason: 'jatuh' };
  expect(first?.body).toMatchObject({ transaction_status: 'refund', refunds: [refund] });
  expect(JSON.stringify(first?.body)).not.toContain('bank_confirmed_at');
  expect(second?.body).toMatchObject({
    transaction_status: 'refund',
    status_code: '200',
    refunds: [{ ...refund, bank_confirmed_at: expect.any(String) as string }],
  });
});

test('override replaces the dashboard for the whole life of the charge, and wins over append', async () => {
  await using shop = await listeningMerchant();
  await using own = await testTwin({ notificationUrl: `${shop.url}/dashboard` });
  const urls = ['/1', '/2', '/3', '/4'].map((path) => shop.url + path);
  await charge(own, chargeBody(order), {
    'x-override-notification': urls.join(', '),
    'x-append-notification': `${shop.url}/append`,
  });
  expect(paths(await shop.hears(3))).toEqual(['/1', '/2', '/3']);
  await own.call('POST', `/v2/${order}/cancel`);
  expect(paths(await shop.hears(6))).toEqual(['/1', '/1', '/2', '/2', '/3', '/3']);
});

test('append adds to the dashboard', async () => {
  await using shop = await listeningMerchant();
  await using own = await testTwin({ notificationUrl: `${shop.url}/dashboard` });
  await charge(own, chargeBody(order), { 'x-append-notification': `${shop.url}/append` });
  expect(paths(await shop.hears(2))).toEqual(['/append', '/dashboard']);
});

describe('redirects', () => {
  const post = (url: string): Promise<Attempt> =>
    httpPost(systemClock)(url, '{"n":1}', new AbortController().signal);

  test('307 and 308 are followed with the same body', async () => {
    await using shop = await listeningMerchant((path) => {
      if (path === '/a') return { http: 307, location: '/b' };
      return path === '/b' ? { http: 308, location: '/c' } : { http: 200 };
    });
    expect(await post(`${shop.url}/a`)).toEqual({ kind: 'answered', http: 200 });
    expect(shop.heard.map((each) => each.path)).toEqual(['/a', '/b', '/c']);
    expect(shop.heard[2]?.body).toEqual({ n: 1 });
  });

  test('five hops and no more', async () => {
    await using shop = await listeningMerchant(() => ({ http: 307, location: '/again' }));
    expect(await post(`${shop.url}/`)).toEqual({ kind: 'answered', http: 307 });
    expect(shop.heard).toHaveLength(6);
  });

  test.each([301, 302, 303])('%i is not followed', async (http) => {
    await using shop = await listeningMerchant((path) =>
      path === '/' ? { http, location: '/elsewhere' } : { http: 200 },
    );
    expect(await post(`${shop.url}/`)).toEqual({ kind: 'answered', http });
    expect(shop.heard).toHaveLength(1);
  });

  test('a port where nobody listens is no answer', async () => {
    const shop = await listeningMerchant();
    await shop[Symbol.asyncDispose]();
    expect(await post(`${shop.url}/`)).toEqual({ kind: 'unanswered' });
  });
});

test('a merchant that says nothing is waited for 15 seconds', async () => {
  const clock = new HandClock();
  await using shop = await listeningMerchant(() => 'silence');
  let outcome: Attempt | undefined;
  const done = httpPost(clock)(shop.url, '{}', new AbortController().signal).then((attempt) => {
    outcome = attempt;
  });
  await shop.hears(1);
  await clock.wind(14_999);
  expect(outcome).toBeUndefined();
  await clock.wind(1);
  await done;
  expect(outcome).toEqual({ kind: 'unanswered' });
});
