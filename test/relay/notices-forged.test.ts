// Forged, altered and replayed webhooks against the real relay with the real twin behind it. The signature covers order,
// code and amount alone: everything else of a leaked body can be changed, and none of it may move a verdict.
import { DatabaseSync } from 'node:sqlite';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type Sale } from '../../src/protocol/sale.ts';
import { noticeSignature } from '../../src/relay/midtrans/notification.ts';
import {
  merchantId,
  pay,
  serverKey,
  startSetting,
  type Setting,
  type TestKiosk,
} from './setting.ts';

/** In every body of this file; no log line may show it. */
const marker = 'not-for-any-log';
const maxBytes = 64 * 1024;

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

async function notify(
  body: string | Uint8Array<ArrayBuffer>,
  headers: Record<string, string> = {},
): Promise<number> {
  const response = await fetch(`${setting.relayUrl}/v1/notifications/midtrans`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'user-agent': 'Veritrans', ...headers },
    body,
  });
  await response.arrayBuffer();
  return response.status;
}

interface Words {
  code: string;
  amount?: string;
  word: string;
  more?: object;
  key?: string;
}

/** A body that is signed over exactly these strings. */
function signed(saleId: string, { code, amount = '15000.00', word, more, key }: Words): string {
  const body = { order_id: saleId, status_code: code, gross_amount: amount };
  return JSON.stringify({
    ...{ ...body, transaction_status: word, merchant_id: merchantId, fraud_status: 'accept' },
    ...{ signature_key: noticeSignature(body, key ?? serverKey), custom_field3: marker },
    ...more,
  });
}

interface Stored {
  body: string;
  state: string;
  attempts: number;
}

function stored(saleId: string): Stored[] {
  const db = new DatabaseSync(join(setting.dir, 'relay.db'), { readOnly: true });
  const sql = 'select body, state, attempts from notices where sale_id = ?';
  const rows = db.prepare(sql).all(saleId);
  db.close();
  return rows.map((row) => ({
    body: String(row['body']),
    state: String(row['state']),
    attempts: Number(row['attempts']),
  }));
}

/** A leaked body: what Midtrans really sent for this sale in this state. */
async function leaked(saleId: string, word: string): Promise<Record<string, unknown>> {
  for (;;) {
    const found = stored(saleId).find(({ body }) => body.includes(`"${word}"`));
    if (found !== undefined) return JSON.parse(found.body) as Record<string, unknown>;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** Until Midtrans has been asked about each of them; the test's own time limit ends it. */
async function allAsked(saleId: string): Promise<void> {
  while (stored(saleId).some(({ state, attempts }) => state === 'unconfirmed' && attempts === 0)) {
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  // What is said now was decided after the answer.
  await setting.metrics();
}

async function count(outcome: string): Promise<number> {
  const line = new RegExp(`kios_notifications_total\\{outcome="${outcome}"\\} (\\d+)`);
  return Number(line.exec(await setting.metrics())?.[1] ?? 0);
}

let kiosks = 10;
async function pendingSale(): Promise<{ kiosk: TestKiosk; saleId: string; sale: Sale }> {
  const kiosk = await setting.kiosk(`ksk${kiosks++}`);
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, 15_000);
  return { kiosk, saleId, sale };
}

async function paidSale(): Promise<{ kiosk: TestKiosk; saleId: string }> {
  const { kiosk, saleId, sale } = await pendingSale();
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  return { kiosk, saleId };
}

async function cancelledSale(): Promise<{ kiosk: TestKiosk; saleId: string }> {
  const { kiosk, saleId } = await pendingSale();
  const cancel = { reason: 'customer', amountIdr: 15_000 };
  await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, cancel);
  await kiosk.until(saleId, 'cancelled');
  return { kiosk, saleId };
}

describe('an authentic body, altered where it is not signed, moves nothing', () => {
  test.each([
    ['refund', {}],
    ['REFUND', { refund_amount: '15000.00' }],
    [
      'partial_refund',
      { refund_amount: '5000.00', refunds: [{ refund_key: 'x', bank_confirmed_at: '2026-01-01' }] },
    ],
    ['chargeback', {}],
    ['pending', {}],
  ])('settlement → %s: the money stays in hand', async (word, more) => {
    const { kiosk, saleId } = await paidSale();
    const body = { ...(await leaked(saleId, 'settlement')), transaction_status: word, ...more };
    expect(await notify(JSON.stringify({ ...body, custom_field3: marker }))).toBe(200);
    await allAsked(saleId);
    const sale = await kiosk.get(saleId);
    expect(sale.verdict).toBe('paid');
    expect(sale.refundedIdr ?? 0).toBe(0);
  });

  test.each(['expire', 'deny', 'settlement', 'refund'])(
    'cancel → %s: it stays cancelled',
    async (word) => {
      const { kiosk, saleId } = await cancelledSale();
      const body = { ...(await leaked(saleId, 'cancel')), transaction_status: word };
      expect(await notify(JSON.stringify({ ...body, custom_field3: marker }))).toBe(200);
      await allAsked(saleId);
      expect((await kiosk.get(saleId)).verdict).toBe('cancelled');
    },
  );

  test.each(['expire', 'cancel'])(
    '%s, made of a leaked pending body, ends nothing',
    async (word) => {
      const { kiosk, saleId } = await pendingSale();
      const body = { ...(await leaked(saleId, 'pending')), transaction_status: word };
      expect(await notify(JSON.stringify({ ...body, custom_field3: marker }))).toBe(200);
      await allAsked(saleId);
      expect((await kiosk.get(saleId)).verdict).toBe('pending');
    },
  );

  test('a leaked pending body with the state settlement pays nothing', async () => {
    const { kiosk, saleId } = await pendingSale();
    const body = { ...(await leaked(saleId, 'pending')), transaction_status: 'settlement' };
    expect(await notify(JSON.stringify({ ...body, custom_field3: marker }))).toBe(200);
    await allAsked(saleId);
    expect((await kiosk.get(saleId)).verdict).toBe('pending');
    // With the code of a settlement as well it is a forgery: that is signed.
    const forged = await count('forged');
    expect(await notify(JSON.stringify({ ...body, status_code: '200' }))).toBe(403);
    expect(await count('forged')).toBe(forged + 1);
  });

  test('the transaction of another, paid sale pays this one not', async () => {
    const paid = await paidSale();
    const { kiosk, saleId } = await pendingSale();
    const theirs = await leaked(paid.saleId, 'settlement');
    const body = {
      ...(await leaked(saleId, 'pending')),
      ...{ transaction_id: theirs['transaction_id'], transaction_status: 'settlement' },
    };
    expect(await notify(JSON.stringify({ ...body, custom_field3: marker }))).toBe(200);
    await allAsked(saleId);
    expect((await kiosk.get(saleId)).verdict).toBe('pending');
    expect((await paid.kiosk.get(paid.saleId)).verdict).toBe('paid');
  });

  test.each([
    ['transaction_id', '../../v2/charge'],
    ['transaction_id', ''],
    ['merchant_id', 'G999999999'],
    ['fraud_status', 'deny'],
    ['payment_type', 'credit_card'],
    ['custom_field1', 'ksk99'],
  ])('%s = "%s" on a settlement: still paid, once', async (name, value) => {
    const { kiosk, saleId } = await paidSale();
    const body = { ...(await leaked(saleId, 'settlement')), [name]: value, custom_field3: marker };
    expect(await notify(JSON.stringify(body))).toBe(200);
    await allAsked(saleId);
    const sale = await kiosk.get(saleId);
    expect(sale).toMatchObject({ verdict: 'paid', kioskId: kiosk.kioskId });
  });
});

describe('an old settlement, replayed', () => {
  test('for another order, amount or code is a forgery: 403, counted, not stored', async () => {
    const { saleId } = await paidSale();
    const other = await pendingSale();
    const body = await leaked(saleId, 'settlement');
    const forged = await count('forged');
    for (const change of [
      { order_id: other.saleId },
      { gross_amount: '1500000.00' },
      { gross_amount: '15000' },
      { gross_amount: '15000.0' },
      { gross_amount: '1.5e4' },
      { gross_amount: ' 15000.00' },
      { status_code: '201' },
      { signature_key: String(body['signature_key']).toUpperCase() },
      { signature_key: '' },
    ]) {
      const changed = { ...body, ...change, custom_field3: marker };
      expect(await notify(JSON.stringify(changed))).toBe(403);
    }
    expect(await count('forged')).toBe(forged + 9);
    expect((await other.kiosk.get(other.saleId)).verdict).toBe('pending');
    expect(stored(saleId).some(({ body: kept }) => kept.includes(marker))).toBe(false);
  });

  test('as it was, is one notice: counted as repeated, never stored twice', async () => {
    const { kiosk, saleId } = await paidSale();
    const body = JSON.stringify(await leaked(saleId, 'settlement'));
    const before = stored(saleId).length;
    for (let i = 0; i < 20; i++) expect(await notify(body)).toBe(200);
    expect(stored(saleId)).toHaveLength(before);
    expect((await kiosk.get(saleId)).verdict).toBe('paid');
  });
});

describe('signatures and spellings', () => {
  test('the key of another account (the sandbox’s at production) signs nothing here', async () => {
    const { kiosk, saleId } = await pendingSale();
    const key = 'SB-Mid-server-ANOTHERKEY';
    expect(await notify(signed(saleId, { code: '200', word: 'settlement', key }))).toBe(403);
    expect(await notify(signed(saleId, { code: '200', word: 'settlement', key: '' }))).toBe(403);
    expect((await kiosk.get(saleId)).verdict).toBe('pending');
  });

  test.each(['15000.0', '15000', '1.5e4', '15000.50', '0x3A98', '015000.00'])(
    'the amount spelled "%s" and signed so is taken, and pays nothing that Midtrans does not confirm',
    async (amount) => {
      const { kiosk, saleId } = await pendingSale();
      const body = signed(saleId, { code: '200', word: 'settlement', amount });
      expect(await notify(body)).toBe(200);
      await allAsked(saleId);
      expect((await kiosk.get(saleId)).verdict).toBe('pending');
    },
  );

  test('an amount that is not the sale’s is stored, counted and pays nothing', async () => {
    const { kiosk, saleId } = await pendingSale();
    const before = await count('amount-differs');
    for (const amount of ['15001.00', '1.5e4', '15000.50']) {
      await notify(signed(saleId, { code: '200', word: 'settlement', amount }));
    }
    while ((await count('amount-differs')) < before + 3) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    expect((await kiosk.get(saleId)).verdict).toBe('pending');
  });

  test('a name that comes twice counts once, as the last one; the first is signed for nobody', async () => {
    const { kiosk, saleId } = await pendingSale();
    const other = await pendingSale();
    const body = signed(saleId, { code: '200', word: 'settlement' });
    expect(await notify(`{"order_id":"${other.saleId}",${body.slice(1)}`)).toBe(200);
    expect(await notify(`${body.slice(0, -1)},"order_id":"${other.saleId}"}`)).toBe(403);
    expect(await notify(`${body.slice(0, -1)},"gross_amount":"1.00"}`)).toBe(403);
    await allAsked(saleId);
    expect((await kiosk.get(saleId)).verdict).toBe('pending');
    expect((await other.kiosk.get(other.saleId)).verdict).toBe('pending');
    expect(stored(other.saleId).some(({ body: kept }) => kept.includes(marker))).toBe(false);
  });

  test.each([
    ['status_code', 200],
    ['gross_amount', 15_000],
    ['order_id', 5],
    ['signature_key', 1],
    ['signature_key', null],
    ['order_id', ['ksk10-01JD0000000000000000000000']],
    ['gross_amount', { toString: '15000.00' }],
    ['transaction_status', true],
    ['status_code', 'abc'],
    ['order_id', ''],
    ['order_id', 'x'.repeat(65)],
  ])('%s as %o is malformed: 400, counted', async (name, value) => {
    const before = await count('malformed');
    const body = signed('ksk10-01JD0000000000000000000000', { code: '200', word: 'settlement' });
    const changed = { ...(JSON.parse(body) as object), [name]: value };
    expect(await notify(JSON.stringify(changed))).toBe(400);
    expect(await count('malformed')).toBe(before + 1);
  });
});

describe('bytes', () => {
  const of = (saleId: string): string => signed(saleId, { code: '201', word: 'pending' });

  test('64 KiB are taken, one byte more is not', async () => {
    const body = of('ksk10-01JD0000000000000000000001');
    const padded = (size: number): string => `${body}${' '.repeat(size - body.length)}`;
    expect(await notify(padded(maxBytes))).toBe(200);
    expect(await notify(padded(maxBytes + 1))).toBe(413);
  });

  test('empty, gzip, half a body, a form, nothing but depth: 400, and the relay lives', async () => {
    const body = of('ksk10-01JD0000000000000000000002');
    expect(await notify('')).toBe(400);
    const gzip = new Uint8Array(gzipSync(body));
    expect(await notify(gzip, { 'content-encoding': 'gzip' })).toBe(400);
    expect(await notify(body.slice(0, 100))).toBe(400);
    const form = { 'content-type': 'application/x-www-form-urlencoded' };
    expect(await notify('order_id=1&status_code=200', form)).toBe(400);
    expect(await notify('['.repeat(60_000))).toBe(400);
    expect(await notify('['.repeat(30_000) + ']'.repeat(30_000))).toBe(400);
    expect(await notify(`"${'x'.repeat(60_000)}"`)).toBe(400);
    expect((await fetch(`${setting.relayUrl}/healthz`)).status).toBe(200);
  });

  test('an authentic one with depth in a field that nobody reads is taken', async () => {
    const saleId = 'ksk10-01JD0000000000000000000003';
    const deep = '['.repeat(20_000) + ']'.repeat(20_000);
    expect(await notify(`${of(saleId).slice(0, -1)},"metadata":${deep}}`)).toBe(200);
    expect(stored(saleId)).toHaveLength(1);
  });

  test('what is not UTF-8 is malformed, whatever its header says', async () => {
    const body = of('ksk10-01JD0000000000000000000004');
    const utf16 = new Uint8Array(Buffer.from(body, 'utf16le'));
    const asUtf16 = { 'content-type': 'application/json; charset=utf-16' };
    expect(await notify(utf16, asUtf16)).toBe(400);
    const latin1 = new Uint8Array(Buffer.from(body.replace(marker, 'Ké'), 'latin1'));
    expect(await notify(latin1)).toBe(400);
    // The bytes count, not the header: this is the same text.
    expect(await notify(body, asUtf16)).toBe(200);
    expect(await notify(body, { 'content-type': 'text/plain' })).toBe(200);
  });

  test('a prototype in the body is only a name', async () => {
    const body = of('ksk10-01JD0000000000000000000005');
    const evil = `${body.slice(0, -1)},"__proto__":{"transaction_status":"settlement"}}`;
    expect(await notify(evil)).toBe(200);
    expect(Object.hasOwn(Object.prototype, 'transaction_status')).toBe(false);
  });
});

test('no log line holds a body, a signature or the key, whatever came', () => {
  const text = setting.logText();
  expect(text).toContain('notice.forged');
  expect(text).toContain('notice.malformed');
  expect(text).not.toContain(marker);
  expect(text).not.toContain('signature_key');
  expect(text).not.toMatch(/[0-9a-f]{128}/);
  expect(text).not.toContain(serverKey);
});
