// The customer's phone: scanning, paying by several wallets, declining, and paying when it is too late.
import sharp from 'sharp';
import { beforeEach, afterEach, describe, expect, test } from 'vitest';
import { chargeBody, merchant, testTwin, type Called, type TestTwin } from './setting.ts';

let own: TestTwin;
let qrString: string;
const order = 'KSK01-1';

beforeEach(async () => {
  own = await testTwin();
  const made = await own.call('POST', '/v2/charge', chargeBody(order));
  qrString = String(made.body['qr_string']);
});
afterEach(() => own[Symbol.asyncDispose]());

const wallet = (what: string, body: object): Promise<Called> =>
  own.call('POST', `/_twin/wallet/${what}`, body);
const status = async (): Promise<Record<string, unknown>> =>
  (await own.call('GET', `/v2/${order}/status`)).body;

test('it needs no Server Key, and shows whom the QR pays and how much', async () => {
  const scanned = await wallet('scan', { qrString });
  expect(scanned.body).toEqual({
    merchant: merchant.name,
    city: merchant.city,
    nmid: merchant.nmid,
    amountIdr: 15000,
    payable: true,
    status: 'pending',
  });
  const bare = await own.twin.app.inject({
    method: 'POST',
    url: '/_twin/wallet/scan',
    payload: JSON.stringify({ qrString }),
    headers: { 'content-type': 'application/json' },
  });
  expect(bare.statusCode).toBe(200);
});

test.each([
  ['gopay', 'on-us'],
  ['dana', 'off-us'],
])('paid by %s it is settled %s', async (issuer, type) => {
  expect((await wallet('pay', { qrString, issuer })).body['status']).toBe('settlement');
  expect(await status()).toMatchObject({
    status_code: '200',
    transaction_status: 'settlement',
    issuer,
    transaction_type: type,
  });
});

test('a gopay charge paid by another wallet tells it by its cross reference', async () => {
  await own.call('POST', '/v2/charge', chargeBody('g-1', { payment_type: 'gopay' }));
  const { body } = await own.call('GET', '/_twin/transactions');
  const [newest] = body['transactions'] as Record<string, unknown>[];
  expect(newest).toMatchObject({ orderId: 'g-1', channel: 'gopay', status: 'pending' });
  await wallet('pay', { qrString: newest?.['qrString'], issuer: 'ovo' });
  const paid = (await own.call('GET', '/v2/g-1/status')).body;
  expect(paid).toMatchObject({ transaction_status: 'settlement', payment_type: 'gopay' });
  expect(paid['merchant_cross_reference_id']).toBeDefined();
  expect(paid['payment_option_type']).toBeUndefined();
});

test('a payment that fails inside the app leaves the charge payable', async () => {
  expect((await wallet('decline', { qrString })).body['status']).toBe('pending');
  expect((await status())['transaction_status']).toBe('pending');
  expect((await wallet('pay', { qrString })).http).toBe(200);
});

describe.each(['cancel', 'expire'])('after %s', (how) => {
  beforeEach(() => own.call('POST', `/v2/${order}/${how}`));

  test('the QR scans as not payable and is refused in words', async () => {
    expect((await wallet('scan', { qrString })).body).toMatchObject({ payable: false });
    const refused = await wallet('pay', { qrString });
    expect(refused).toMatchObject({ http: 409, body: { status: 409 } });
    expect(refused.body['detail']).toMatch(/minta kode QR baru/);
    expect((await status())['transaction_status']).toBe(how);
  });

  test('a payer who was faster than the books still settles it', async () => {
    expect((await wallet('pay', { qrString, late: true })).http).toBe(200);
    expect(await status()).toMatchObject({ status_code: '200', transaction_status: 'settlement' });
  });

  test('the order id may be used again, and late money goes to its own charge', async () => {
    const again = await own.call('POST', '/v2/charge', chargeBody(order));
    await wallet('pay', { qrString, late: true });
    expect(await status()).toMatchObject({
      transaction_id: again.body['transaction_id'],
      transaction_status: 'pending',
    });
  });
});

test('nothing is paid twice, late or not', async () => {
  await wallet('pay', { qrString });
  expect((await wallet('pay', { qrString })).body).toMatchObject({ code: 'already-paid' });
  expect((await wallet('pay', { qrString, late: true })).http).toBe(409);
});

test.each([
  ['not a QR at all', 422, 'qr-malformed'],
  [':damaged', 422, 'qr-crc'],
  [':foreign', 404, 'qr-unknown'],
])('%s is refused as %i %s', async (text, http, code) => {
  const other = await testTwin({ seed: 2, merchant: { ...merchant, name: 'KIOS LAIN' } });
  const made = await other.call('POST', '/v2/charge', chargeBody(order));
  await other[Symbol.asyncDispose]();
  const last = qrString.endsWith('0') ? '1' : '0';
  const texts: Record<string, unknown> = {
    ':damaged': qrString.slice(0, -1) + last,
    ':foreign': made.body['qr_string'],
  };
  const refused = await wallet('pay', { qrString: texts[text] ?? text });
  expect(refused).toMatchObject({ http, body: { code } });
});

test('a body that is not what it should be is named field by field', async () => {
  const refused = await wallet('pay', { qrString, issuer: 'DANA!', lat: true });
  expect(refused.http).toBe(400);
  expect(refused.body['detail']).toMatch(/issuer: .*lat/s);
});

test('the page is one self-contained document', async () => {
  const page = await own.twin.app.inject({ url: '/_twin/' });
  expect(page.headers['content-type']).toContain('text/html');
  expect(page.body).toContain('lang="id"');
  expect(page.body).not.toMatch(/(src|href)="(?!data:)/);
});

test('the QR is read out of a picture, bare or framed', async () => {
  const made = await own.call('POST', '/v2/charge', chargeBody('pic-1'));
  const wanted = made.body['qr_string'];
  const actions = made.body['actions'] as { url: string }[];
  for (const { url } of actions) {
    const image = await own.twin.app.inject({ url: new URL(url).pathname });
    const read = await own.twin.app.inject({
      method: 'POST',
      url: '/_twin/wallet/read',
      headers: { 'content-type': 'image/png' },
      payload: image.rawPayload,
    });
    expect(read.json()).toEqual({ qrString: wanted });
  }
});

test('a picture without a QR, and a file that is no picture, are refused in words', async () => {
  const blank = await sharp({
    create: { width: 200, height: 200, channels: 3, background: '#ffffff' },
  })
    .png()
    .toBuffer();
  for (const payload of [blank, blank.subarray(0, 40)]) {
    const read = await own.twin.app.inject({
      method: 'POST',
      url: '/_twin/wallet/read',
      headers: { 'content-type': 'image/png' },
      payload,
    });
    expect(read.statusCode).toBe(422);
    expect(read.json()).toMatchObject({ code: 'qr-malformed' });
  }
});
