// Refunds as Midtrans allows them: windows, hours, funds, the provider's no, a merchant without them, amounts that differ.
import { describe, expect, test } from 'vitest';
import type { Attempt } from '../../src/twin/retry-table.ts';
import { chargeBody, HandClock, settle, testTwin, type TestTwin } from './setting.ts';

const order = 'KSK01-1';
const dayMs = 24 * 3_600_000;
const hourMs = 3_600_000;
const shopee = { qris: { acquirer: 'airpay shopee' } };
const gopay = { payment_type: 'gopay' };

async function paid(own: TestTwin, more = {}, pay: object = {}): Promise<void> {
  await own.call('POST', '/v2/charge', chargeBody(order, more));
  const { body } = await own.call('GET', '/_twin/transactions');
  const [newest] = body['transactions'] as { qrString: string }[];
  const done = await own.call('POST', '/_twin/wallet/pay', { qrString: newest?.qrString, ...pay });
  expect(done.http).toBe(200);
}
const refund = async (own: TestTwin, body: object = {}): Promise<Record<string, unknown>> =>
  (await own.call('POST', `/v2/${order}/refund`, body)).body;
const status = async (own: TestTwin): Promise<Record<string, unknown>> =>
  (await own.call('GET', `/v2/${order}/status`)).body;

describe('the window', () => {
  test.each([
    ['qris paid by gopay', {}, 'gopay', 45],
    ['qris paid by another wallet', {}, 'dana', 7],
    ['gopay', gopay, 'gopay', 45],
    ['gopay paid by another wallet', gopay, 'ovo', 7],
    ['Shopee paid by Shopee', shopee, 'airpay shopee', 365],
    ['Shopee paid by another wallet', shopee, 'gopay', 7],
  ])('%s', async (_what, more, issuer, days) => {
    const clock = new HandClock();
    await using own = await testTwin({}, { clock });
    await paid(own, more, { issuer });
    await clock.wind(days * dayMs);
    expect(await refund(own, { amount: 1000 })).toMatchObject({ status_code: '200' });
    await clock.wind(1);
    expect(await refund(own, { amount: 1000 })).toMatchObject({
      status_code: '412',
      status_message: 'Merchant cannot modify the status of the transaction',
    });
  });

  test('Shopee refunds nothing from 23:55 to 06:00', async () => {
    const clock = new HandClock();
    await using own = await testTwin({}, { clock });
    await paid(own, shopee);
    const code = async (): Promise<unknown> => (await refund(own, { amount: 100 }))['status_code'];
    // It is 10:00 in Jakarta.
    await clock.wind(13 * hourMs + 55 * 60_000 - 1);
    expect(await code()).toBe('200');
    await clock.wind(1);
    expect(await code()).toBe('412');
    await clock.wind(6 * hourMs + 5 * 60_000 - 1);
    expect(await code()).toBe('412');
    await clock.wind(1);
    expect(await code()).toBe('200');
  });
});

test('a merchant without refunds gets 412, until they are opened', async () => {
  await using own = await testTwin({ refunds: { enabled: false } });
  await paid(own);
  expect(await refund(own)).toMatchObject({ status_code: '412' });
  await own.call('POST', '/_twin/switches', { refunds: true });
  expect(await refund(own)).toMatchObject({ status_code: '200' });
});

test('without funds it is 414, and the same key serves again when they are there', async () => {
  await using own = await testTwin({ refunds: { balanceIdr: 10_000 } });
  await paid(own);
  expect(await refund(own, { refund_key: 'r-1', amount: 8000 })).toMatchObject({
    status_code: '200',
  });
  expect(await refund(own, { refund_key: 'r-2', amount: 3000 })).toMatchObject({
    status_code: '414',
    status_message: expect.stringContaining('insufficient') as string,
  });
  await own.call('POST', '/_twin/switches', { balanceIdr: 7000 });
  expect(await refund(own, { refund_key: 'r-2' })).toMatchObject({ status_code: '200' });
  expect((await own.call('GET', '/_twin/switches')).body).toMatchObject({ balanceIdr: 0 });
});

test("the provider's no is body 202 and changes nothing; the key serves again", async () => {
  await using own = await testTwin();
  await paid(own);
  await own.call('POST', '/_twin/faults', [
    { on: 'refund', do: { kind: 'body', statusCode: '202' } },
  ]);
  expect(await refund(own, { refund_key: 'r-1' })).toMatchObject({
    status_code: '202',
    transaction_status: 'settlement',
    refund_amount: '0.00',
  });
  expect(await status(own)).toMatchObject({ transaction_status: 'settlement' });
  expect(await refund(own, { refund_key: 'r-1' })).toMatchObject({ status_code: '200' });
});

test('what the wallet really sent is what every body says, and what can be refunded', async () => {
  await using own = await testTwin();
  await paid(own, {}, { amountIdr: 14_000 });
  expect(await status(own)).toMatchObject({
    transaction_status: 'settlement',
    gross_amount: '14000.00',
  });
  expect(await refund(own, { amount: 14_001 })).toMatchObject({ status_code: '414' });
  expect(await refund(own)).toMatchObject({ status_code: '200', refund_amount: '14000.00' });
});

test('its second notification comes when the bank has paid, also after a later refund', async () => {
  const clock = new HandClock();
  const told: Record<string, unknown>[] = [];
  const post = (_url: string, text: string): Promise<Attempt> => {
    told.push(JSON.parse(text) as Record<string, unknown>);
    return Promise.resolve({ kind: 'answered', http: 200 });
  };
  const refunds = { confirmMs: 10_000 };
  await using own = await testTwin(
    { notificationUrl: 'http://shop.test/', refunds },
    { clock, post },
  );
  await paid(own);
  await refund(own, { refund_key: 'r-1', amount: 5000 });
  await clock.wind(4000);
  await refund(own, { refund_key: 'r-2', amount: 5000 });
  await clock.wind(20_000);
  await settle();
  const confirmed = told
    .slice(2)
    .map((body) =>
      (body['refunds'] as Record<string, unknown>[])
        .map((each) => `${String(each['refund_key'])}${each['bank_confirmed_at'] ? '!' : ''}`)
        .join(' '),
    );
  expect(confirmed).toEqual(['r-1', 'r-1 r-2', 'r-1! r-2', 'r-1! r-2!']);
});
