// The official Node client against the twin, over HTTP: what works with it works with Midtrans' own wire.
import { createRequire } from 'node:module';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { serverKey, testTwin, type TestTwin } from './setting.ts';

type Json = Record<string, unknown>;

/** As much of the client (1.4.3, which has no types) as is used here. */
interface CoreApi {
  apiConfig: { getCoreApiBaseUrl(): string };
  charge(body: Json): Promise<Json>;
  transaction: Record<'status' | 'cancel' | 'expire', (id: string) => Promise<Json>> & {
    refund(id: string, body: Json): Promise<Json>;
    notification(body: Json): Promise<Json>;
  };
}

interface MidtransClient {
  CoreApi: new (options: {
    isProduction: boolean;
    serverKey: string;
    clientKey: string;
  }) => CoreApi;
}

const midtransClient = createRequire(import.meta.url)('midtrans-client') as MidtransClient;

let own: TestTwin;
let core: CoreApi;

function client(key: string, port: number): CoreApi {
  const made = new midtransClient.CoreApi({ isProduction: false, serverKey: key, clientKey: '' });
  made.apiConfig.getCoreApiBaseUrl = () => `http://127.0.0.1:${port}`;
  return made;
}

let port = 0;
beforeAll(async () => {
  own = await testTwin();
  ({ port } = await own.twin.listen());
  core = client(serverKey, port);
});
afterAll(() => own[Symbol.asyncDispose]());

const charge = (orderId: string, type = 'qris'): Promise<Json> =>
  core.charge({
    payment_type: type,
    transaction_details: { order_id: orderId, gross_amount: 15000 },
  });

test('it charges by qris and asks for the status', async () => {
  const made = await charge('client-1');
  expect(made).toMatchObject({ status_code: '201', transaction_status: 'pending' });
  expect(await core.transaction.status('client-1')).toMatchObject({
    transaction_id: made['transaction_id'],
    transaction_status: 'pending',
  });
});

test('it charges by gopay and cancels by transaction id', async () => {
  const made = await charge('client-2', 'gopay');
  expect(await core.transaction.cancel(String(made['transaction_id']))).toMatchObject({
    status_code: '200',
    transaction_status: 'cancel',
  });
});

test('it expires, and takes the 407 of expire and of status as an answer', async () => {
  await charge('client-3');
  const expired = { status_code: '407', transaction_status: 'expire' };
  expect(await core.transaction.expire('client-3')).toMatchObject(expired);
  expect(await core.transaction.status('client-3')).toMatchObject(expired);
});

test('it refunds what was paid, and its notification() asks for the status', async () => {
  const made = await charge('client-4');
  await own.call('POST', '/_twin/wallet/pay', { qrString: made['qr_string'] });
  expect(
    await core.transaction.notification({ transaction_id: made['transaction_id'] }),
  ).toMatchObject({ transaction_status: 'settlement' });
  expect(
    await core.transaction.refund('client-4', { refund_key: 'r-1', amount: 5000, reason: 'jatuh' }),
  ).toMatchObject({ transaction_status: 'partial_refund', refund_amount: '5000.00' });
});

test.each([
  ['404', () => core.transaction.status('client-nobody')],
  ['401', () => client('SB-Mid-server-wrong', port).transaction.status('client-1')],
  ['400', () => core.charge({ payment_type: 'qris' })],
  ['402', () => charge('client-5', 'bank_transfer')],
])('it reports %s as its own error', async (code, work) => {
  await expect(work()).rejects.toMatchObject({
    name: 'MidtransError',
    ApiResponse: { status_code: code },
  });
});
