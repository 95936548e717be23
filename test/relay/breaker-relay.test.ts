// A Midtrans that dies and comes back, behind the real relay: what a kiosk is told meanwhile, how quickly, and that it
// goes on by itself.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { about, made, startMidtrans, type Answer, type Call } from './scripted-midtrans.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const saleOf = (call: Call): string => call.id.replace('charge-of-', '');
const page: Answer = { http: 502, text: '<html>502</html>' };

let midtrans: Awaited<ReturnType<typeof startMidtrans>>;
let setting: Setting;
let kiosks: number;
beforeEach(async () => {
  midtrans = await startMidtrans();
  setting = await startSetting({ midtransUrl: midtrans.url });
  kiosks = 10;
  comesBack();
});
afterEach(async () => {
  await setting.stop();
  midtrans.close();
});

function comesBack(): void {
  midtrans.on('charge', (call) => made(call.id));
  midtrans.on('status', (call) => about(saleOf(call), '201', 'pending'));
  midtrans.on('cancel', (call) => about(saleOf(call), '200', 'cancel'));
  midtrans.on('expire', (call) => about(saleOf(call), '407', 'expire'));
}

function dies(answer: Answer = page): void {
  for (const kind of ['charge', 'status', 'cancel', 'expire'] as const) midtrans.on(kind, answer);
}

/** Kiosks find out that Midtrans is away, until the relay knows it too. */
async function untilShut(): Promise<void> {
  for (;;) {
    const kiosk = await newKiosk();
    const saleId = kiosk.newSaleId();
    const { status } = await kiosk.call('PUT', `/v1/sales/${saleId}`, { amountIdr: 15_000 });
    if (status === 503) return;
  }
}

const newKiosk = (): Promise<TestKiosk> => setting.kiosk(`ksk${kiosks++}`);

async function putRaw(kiosk: TestKiosk, saleId: string): Promise<Response> {
  return fetch(`${setting.relayUrl}/v1/sales/${saleId}`, {
    method: 'PUT',
    headers: {
      authorization: `Bearer ${await kiosk.token()}`,
      'content-type': 'application/json',
    },
    body: JSON.stringify({ amountIdr: 15_000 }),
  });
}

const calls = (kind: Call['kind'], part: string): number =>
  midtrans.calls.filter((call) => call.kind === kind && call.id.includes(part)).length;

test('a PUT without a row is told so at once: 503 gateway-down, no row, nothing sent', async () => {
  dies();
  await untilShut();
  const kiosk = await newKiosk();
  const saleId = kiosk.newSaleId();
  const startMs = performance.now();
  const answer = await putRaw(kiosk, saleId);
  expect(performance.now() - startMs).toBeLessThan(6_000);
  expect(answer.status).toBe(503);
  expect(Number(answer.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
  expect(await answer.json()).toMatchObject({ code: 'gateway-down' });
  const asked = await kiosk.call('GET', `/v1/sales/${saleId}`);
  expect(asked).toMatchObject({ status: 404, json: { code: 'sale-unknown' } });
  expect(calls('charge', saleId)).toBe(0);
  expect(setting.logText()).toContain('midtrans.silent');
});

test('what the kiosk then does ends in milliseconds: cancel 202, abandoned 200, next sale', async () => {
  dies();
  await untilShut();
  const kiosk = await newKiosk();
  const saleId = kiosk.newSaleId();
  const startMs = performance.now();
  expect((await putRaw(kiosk, saleId)).status).toBe(503);
  const cancel = { reason: 'fault', amountIdr: 15_000 };
  const cancelled = await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, cancel);
  expect(cancelled).toMatchObject({ status: 202, json: { verdict: 'creating' } });
  const abandoned = await kiosk.report(saleId, 'abandoned');
  expect(abandoned).toMatchObject({ status: 200, json: { fulfilment: 'abandoned' } });
  expect(performance.now() - startMs).toBeLessThan(6_000);
  // Not in the way of the next customer.
  comesBack();
  midtrans.on('status', { json: { status_code: '404' } });
  for (;;) {
    const next = await putRaw(kiosk, kiosk.newSaleId());
    if (next.status === 201) break;
    expect(next.status).toBe(503);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  await kiosk.until(saleId, 'cancelled');
  expect(calls('charge', saleId)).toBe(0);
});

test('a PUT of an existing row answers from the row; cancel is 202 with the present verdict, at once', async () => {
  const kiosk = await newKiosk();
  const saleId = kiosk.newSaleId();
  const first = await kiosk.put(saleId, 15_000);
  expect(first.sale.verdict).toBe('pending');
  dies();
  await untilShut();
  const again = await kiosk.put(saleId, 15_000);
  expect(again).toMatchObject({ status: 200, sale: { verdict: 'pending' } });
  expect(again.sale.qrString).toBe(first.sale.qrString);
  const startMs = performance.now();
  const cancel = { reason: 'customer', amountIdr: 15_000 };
  const answer = await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, cancel);
  expect(performance.now() - startMs).toBeLessThan(6_000);
  expect(answer).toMatchObject({ status: 202, json: { verdict: 'pending' } });
  // Nobody asks again: the relay finds out by itself that Midtrans is back, and goes on with the stop.
  comesBack();
  await kiosk.verify(await kiosk.until(saleId, 'cancelled'));
  expect(setting.logText()).toContain('midtrans.back');
});

test('a 429 with Retry-After holds back every charge: 503 with the rest of it, no second attempt', async () => {
  const answer: Answer = { http: 429, json: {}, retryAfter: '30' };
  midtrans.on('charge', answer);
  const kiosk = await newKiosk();
  const first = kiosk.newSaleId();
  expect(await kiosk.put(first, 15_000)).toMatchObject({
    ...{ status: 201, sale: { verdict: 'creating' } },
  });
  midtrans.on('charge', (call) => made(call.id));
  const other = await newKiosk();
  const saleId = other.newSaleId();
  const refused = await putRaw(other, saleId);
  expect(refused.status).toBe(503);
  expect(await refused.json()).toMatchObject({ code: 'gateway-down' });
  const restS = Number(refused.headers.get('retry-after'));
  expect(restS).toBeGreaterThan(25);
  expect(restS).toBeLessThanOrEqual(36);
  expect((await other.call('GET', `/v1/sales/${saleId}`)).status).toBe(404);
  // The row that stands answers, and nothing of it is sent again.
  expect(await kiosk.put(first, 15_000)).toMatchObject({
    ...{ status: 200, sale: { verdict: 'creating' } },
  });
  expect(calls('charge', '')).toBe(1);
  // A customer who goes is served all the same.
  midtrans.on('status', { json: { status_code: '404' } });
  const cancel = { reason: 'customer', amountIdr: 15_000 };
  await kiosk.call('POST', `/v1/sales/${first}/cancel`, cancel);
  expect(calls('status', first) + calls('cancel', first)).toBeGreaterThan(0);
});

test('a kiosk whose charge was under way when it died is never told a verdict that nobody gave', async () => {
  dies('drop');
  const kiosk = await newKiosk();
  const saleId = kiosk.newSaleId();
  const put = await kiosk.put(saleId, 15_000);
  expect(put.sale.verdict).toBe('creating');
  await untilShut();
  const again = await kiosk.put(saleId, 15_000);
  expect(again).toMatchObject({ status: 200, sale: { verdict: 'creating' } });
  const cancel = { reason: 'timeout', amountIdr: 15_000 };
  const answer = await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, cancel);
  expect(answer).toMatchObject({ status: 202, json: { verdict: 'creating' } });
});
