// Midtrans' webhook at the relay: what is stored, what is refused, and that no notice by itself moves money.
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { noticeSignature } from '../../src/relay/midtrans/notification.ts';
import { merchantId, pay, plant, serverKey, startSetting, type Setting } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

async function notify(body: string): Promise<number> {
  const response = await fetch(`${setting.relayUrl}/v1/notifications/midtrans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Veritrans' },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

function signed(saleId: string, code: string, amount: string, word: string): string {
  const body = { order_id: saleId, status_code: code, gross_amount: amount };
  return JSON.stringify({
    ...{ ...body, transaction_status: word, merchant_id: merchantId, fraud_status: 'accept' },
    signature_key: noticeSignature(body, serverKey),
  });
}

function storedNotices(saleId: string): { body: string; state: string }[] {
  const db = new DatabaseSync(join(setting.dir, 'relay.db'), { readOnly: true });
  const rows = db.prepare('select body, state from notices where sale_id = ?').all(saleId);
  db.close();
  return rows.map((row) => ({ body: String(row['body']), state: String(row['state']) }));
}

/** Asks the metrics until the line is there; the test's own time limit ends it. */
async function counted(line: string): Promise<void> {
  while (!(await setting.metrics()).includes(line)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

test('a wrong signature is 403, counted, and nothing is stored', async () => {
  const saleId = 'ksk09-01JD0000000000000000000001';
  const body = signed(saleId, '200', '15000.00', 'settlement').replace('15000.00', '15001.00');
  expect(await notify(body)).toBe(403);
  expect(storedNotices(saleId)).toEqual([]);
  await counted('kios_notifications_total{outcome="forged"} 1');
});

test('what is not JSON is 400, what is too large is 413', async () => {
  expect(await notify('order_id=1&status_code=200')).toBe(400);
  expect(await notify('')).toBe(400);
  await counted('kios_notifications_total{outcome="malformed"} 2');
  expect(await notify('x'.repeat(65 * 1024))).toBe(413);
});

test('an authentic one for an unknown sale is stored raw, answered 200 and counted', async () => {
  const saleId = 'ksk09-01JD0000000000000000000002';
  const body = signed(saleId, '200', '15000.00', 'settlement');
  expect(await notify(body)).toBe(200);
  await counted('kios_notifications_total{outcome="unknown-order"} 1');
  expect(await notify(body)).toBe(200);
  await counted('kios_notifications_total{outcome="repeated"} 1');
  expect(storedNotices(saleId).map((notice) => notice.body)).toEqual([body]);
});

test('a first notice that has leaked, altered again and again, leaves room for the one that tells of the money', async () => {
  const kiosk = await setting.kiosk('ksk11');
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, 15_000);
  const leaked = JSON.parse(signed(saleId, '201', '15000.00', 'pending')) as object;
  const words = ['pending', 'settlement', 'deny', 'expire'];
  for (let i = 0; i < 40; i++) {
    const altered = { transaction_id: `x${i}`, transaction_status: words[i % words.length] };
    expect(await notify(JSON.stringify({ ...leaked, ...altered }))).toBe(200);
  }
  const before = storedNotices(saleId);
  expect(before.length).toBeLessThanOrEqual(8);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  const settled = storedNotices(saleId).filter(({ body }) => body.includes('"status_code":"200"'));
  expect(settled).toHaveLength(1);
});

test('an authentic one with another amount is stored and pays nothing', async () => {
  const kiosk = await setting.kiosk('ksk10');
  const saleId = kiosk.newSaleId();
  await kiosk.put(saleId, 15_000);
  expect(await notify(signed(saleId, '200', '1000.00', 'settlement'))).toBe(200);
  await counted('kios_notifications_total{outcome="amount-differs"} 1');
  expect((await kiosk.get(saleId)).verdict).toBe('pending');
});

test('a state that was altered under a valid signature moves nothing', async () => {
  const kiosk = await setting.kiosk('ksk11');
  const saleId = kiosk.newSaleId();
  const put = await kiosk.put(saleId, 15_000);
  // The signature covers order, code and amount: these are "authentic".
  for (const [code, word] of [
    ['200', 'settlement'],
    ['201', 'settlement'],
    ['202', 'expire'],
    ['202', 'cancel'],
    ['200', 'refund'],
  ] as const) {
    expect(await notify(signed(saleId, code, '15000.00', word))).toBe(200);
  }
  await counted('kios_midtrans_seconds_count{call="status",outcome="found"}');
  expect((await kiosk.get(saleId)).verdict).toBe('pending');
  // A settlement, replayed as a refund.
  await pay(setting, put.sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  expect(
    await notify(signed(saleId, '200', '15000.00', 'refund').replace('accept', 'accepT')),
  ).toBe(200);
  await setting.stopRelay();
  await setting.restart();
  expect((await kiosk.get(saleId)).verdict).toBe('paid');
});

test('one notice, altered where it is not signed, is one notice', async () => {
  const kiosk = await setting.kiosk('ksk14');
  const saleId = kiosk.newSaleId();
  await kiosk.put(saleId, 15_000);
  const before = storedNotices(saleId).length;
  const notice = JSON.parse(signed(saleId, '201', '15000.00', 'pending')) as object;
  for (let n = 0; n < 20; n++) expect(await notify(JSON.stringify({ ...notice, n }))).toBe(200);
  expect(storedNotices(saleId).length).toBeLessThanOrEqual(before + 2);
});

test('whatever is altered, a sale is asked about once at a time and holds so many rows', async () => {
  const kiosk = await setting.kiosk('ksk15');
  const saleId = kiosk.newSaleId();
  await kiosk.put(saleId, 15_000);
  await plant(setting, {
    ...{ on: 'status', orderId: saleId, times: 1000 },
    do: { kind: 'slow', delayMs: 300 },
  });
  const asked = async (): Promise<number> => {
    const line = /kios_midtrans_seconds_count\{call="status",outcome="found"\} (\d+)/;
    return Number(line.exec(await setting.metrics())?.[1] ?? 0);
  };
  const before = await asked();
  const notice = JSON.parse(signed(saleId, '200', '15000.00', 'settlement')) as object;
  for (let n = 0; n < 200; n++) {
    expect(await notify(JSON.stringify({ ...notice, transaction_id: `other-${n}` }))).toBe(200);
  }
  expect(storedNotices(saleId).length).toBeLessThanOrEqual(32);
  expect(await asked()).toBeLessThan(before + 20);
  await counted('kios_notifications_total{outcome="crowded"}');
});

test('with every notification lost, asking finds the money', async () => {
  const kiosk = await setting.kiosk('ksk12');
  const saleId = kiosk.newSaleId();
  await plant(setting, {
    on: 'notification',
    orderId: saleId,
    times: 99,
    do: { kind: 'drop-before' },
  });
  const put = await kiosk.put(saleId, 15_000);
  await pay(setting, put.sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
});

test('a notice that status does not confirm yet is asked about again', async () => {
  const kiosk = await setting.kiosk('ksk13');
  const saleId = kiosk.newSaleId();
  const put = await kiosk.put(saleId, 15_000);
  await plant(setting, {
    on: 'status',
    orderId: saleId,
    do: { kind: 'http', status: 503, html: true },
  });
  await pay(setting, put.sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  expect(storedNotices(saleId).length).toBeGreaterThan(0);
});

test('when the store fails the answer is 503, never 500: Midtrans repeats that more often', async () => {
  const db = new DatabaseSync(join(setting.dir, 'relay.db'));
  db.exec('alter table notices rename to gone');
  const body = signed('ksk09-01JD0000000000000000000003', '200', '15000.00', 'settlement');
  expect(await notify(body)).toBe(503);
  db.exec('alter table gone rename to notices');
  db.close();
  expect(await notify(body)).toBe(200);
});
