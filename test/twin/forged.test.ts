// Notifications that a merchant must not fall for: each kind of tampering, and old ones sent again as they were or altered.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Attempt } from '../../src/twin/retry-table.ts';
import { signatureOf } from '../../src/twin/signature.ts';
import { VirtualClock } from '../../src/twin/virtual-clock.ts';
import {
  chargeBody,
  morningMs,
  serverKey,
  settle,
  testTwin,
  type Called,
  type TestTwin,
} from './setting.ts';

const order = 'KSK01-1';
type Json = Record<string, unknown>;

let own: TestTwin;
let sent: { url: string; text: string }[];
beforeEach(async () => {
  sent = [];
  const post = (url: string, text: string): Promise<Attempt> => {
    sent.push({ url, text });
    return Promise.resolve({ kind: 'answered', http: 200 });
  };
  own = await testTwin(
    { notificationUrl: 'http://shop.test/' },
    { post, clock: new VirtualClock(morningMs) },
  );
});
afterEach(() => own[Symbol.asyncDispose]());

/** What is due at once has happened: the clock stands, so nothing else does. */
const soon = async (): Promise<void> => {
  await settle();
  await settle();
};
const last = (): Json => JSON.parse(sent.at(-1)?.text ?? '{}') as Json;
const isSigned = (body: Json): boolean => {
  const texts = ['order_id', 'status_code', 'gross_amount'].map((name) => String(body[name]));
  const [id = '', code = '', amount = ''] = texts;
  return body['signature_key'] === signatureOf(id, code, amount, serverKey);
};

describe('tampered', () => {
  const settled = async (change: string, more = {}): Promise<Json> => {
    const kind = { kind: 'tamper', change, ...more };
    const set = await own.call('POST', '/_twin/faults', [
      { on: 'notification', transactionStatus: 'settlement', do: kind },
    ]);
    expect(set.http).toBe(200);
    const made = await own.call('POST', '/v2/charge', chargeBody(order));
    await own.call('POST', '/_twin/wallet/pay', { qrString: made.body['qr_string'] });
    await soon();
    return last();
  };
  const truth = { order_id: order, gross_amount: '15000.00', transaction_status: 'settlement' };

  test.each<[string, object, Json, boolean]>([
    ['signature', {}, truth, false],
    ['key', {}, truth, false],
    ['amount', {}, { ...truth, gross_amount: '16000.00' }, true],
    ['order', {}, { ...truth, order_id: 'xSK01-x' }, true],
    ['status', {}, { ...truth, transaction_status: 'refund' }, true],
    ['status', { status: 'partial_refund' }, { transaction_status: 'partial_refund' }, true],
    ['transaction', {}, { transaction_id: '00000000-0000-4000-8000-000000000000' }, true],
    ['number', {}, { ...truth, gross_amount: 15000 }, false],
    ['merchant', {}, { ...truth, merchant_id: 'G999999999' }, true],
  ])('%s %j', async (change, more, wanted, signed) => {
    const body = await settled(change, more);
    expect(body).toMatchObject(wanted);
    expect(isSigned(body)).toBe(signed);
    // What the signature does not cover is altered under the true one.
    const kept = ['status', 'transaction', 'merchant', 'number'].includes(change);
    const real = signatureOf(order, '200', '15000.00', serverKey);
    expect(body['signature_key'] === real).toBe(kept);
    if (change !== 'key') return;
    const foreign = signatureOf(order, '200', '15000.00', 'SB-Mid-server-FOREIGN');
    expect(body['signature_key']).toBe(foreign);
  });
});

describe('replayed', () => {
  const replay = (body: object): Promise<Called> =>
    own.call('POST', '/_twin/notifications/replay', { orderId: order, ...body });
  beforeEach(async () => {
    await own.call('POST', '/v2/charge', chargeBody(order));
    await own.call('POST', `/v2/${order}/cancel`);
    await soon();
    expect(sent).toHaveLength(2);
  });

  test('byte for byte, to where it went', async () => {
    await replay({ transactionStatus: 'pending' });
    await soon();
    expect(sent[2]).toEqual(sent[0]);
    await replay({});
    await soon();
    // The latest of all: what was replayed just now.
    expect(sent[3]).toEqual(sent[0]);
  });

  test('with another state under the old signature, which stays valid', async () => {
    await replay({ transactionStatus: 'cancel', alter: { transaction_status: 'expire' } });
    await soon();
    expect(last()).toMatchObject({ transaction_status: 'expire', status_code: '202' });
    expect(isSigned(last())).toBe(true);
    await replay({ transactionStatus: 'pending', alter: { transaction_status: 'settlement' } });
    await soon();
    expect(last()).toMatchObject({ transaction_status: 'settlement', status_code: '201' });
    expect(isSigned(last())).toBe(true);
  });

  test('with another amount: signed anew only when that is wanted; to another address', async () => {
    const alter = { gross_amount: '1.00' };
    await replay({ alter });
    await soon();
    expect(isSigned(last())).toBe(false);
    await replay({ alter, sign: 'valid', url: 'http://elsewhere.test/' });
    await soon();
    expect(isSigned(last())).toBe(true);
    expect(sent.at(-1)?.url).toBe('http://elsewhere.test/');
  });

  test('not when nothing like it was sent', async () => {
    const refused = await replay({ transactionStatus: 'settlement' });
    expect(refused).toMatchObject({ http: 404, body: { status: 404 } });
    expect(refused.body['detail']).toContain(`nothing of settlement was sent for ${order}`);
  });

  test('what was sent can be read, with the answers', async () => {
    const { body } = await own.call('GET', `/_twin/notifications?orderId=${order}`);
    const url = 'http://shop.test/';
    expect(body['notifications']).toMatchObject([
      { status: 'pending', answer: 200, repeats: 0, url, body: { transaction_status: 'pending' } },
      { status: 'cancel', answer: 200, repeats: 0, url, body: { transaction_status: 'cancel' } },
    ]);
    const other = await own.call('GET', '/_twin/notifications?orderId=other');
    expect(other.body['notifications']).toEqual([]);
  });
});
