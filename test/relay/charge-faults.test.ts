// What Midtrans may answer to a charge besides a QR, through the real relay and the real twin.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { type Sale } from '../../src/protocol/sale.ts';
import { plant, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

let kiosks = 20;
/** A kiosk of its own with a planted fault; the answer of its PUT. */
async function putWith(
  fault: unknown,
  times = 1,
): Promise<{ kiosk: TestKiosk; saleId: string; put: Sale }> {
  const kiosk = await setting.kiosk(`ksk${kiosks++}`);
  const saleId = kiosk.newSaleId();
  await plant(setting, { on: 'charge', orderId: saleId, times, do: fault });
  const put = await kiosk.put(saleId, 15_000);
  return { kiosk, saleId, put: put.sale };
}

test.each([
  ['402', 'channel-inactive'],
  ['400', 'charge-invalid'],
  ['401', 'charge-unauthorised'],
  ['410', 'payer-blocked'],
])('%s denies the sale and says why: %s', async (statusCode, reason) => {
  const { put, kiosk } = await putWith({ kind: 'body', statusCode });
  expect(put).toMatchObject({ verdict: 'denied', reason });
  await kiosk.verify(put);
});

test('900 denies it too, and says that another sale may work', async () => {
  const { put } = await putWith({ kind: 'body', statusCode: '202', channelCode: '900' });
  expect(put).toMatchObject({ verdict: 'denied', reason: 'charge-try-again' });
});

test.each<[string, unknown]>([
  ['500 in the body', { kind: 'body', statusCode: '500' }],
  ['502 with a page of HTML', { kind: 'http', status: 502, html: true }],
  ['429', { kind: 'http', status: 429 }],
  ['a connection closed before', { kind: 'drop-before' }],
  ['a connection closed after the charge was made', { kind: 'drop-after' }],
])('%s is tried again with the same key, and shows the one QR', async (_name, fault) => {
  const { put } = await putWith(fault);
  expect(put.verdict).toBe('pending');
  expect(put.qrString).toBeDefined();
});

test('when the answer stays away, the charge is found, and stopped because its QR is lost', async () => {
  const { kiosk, saleId, put } = await putWith({ kind: 'drop-after' }, 3);
  expect(put.qrString).toBeUndefined();
  const stopped = await kiosk.get(saleId);
  expect(['creating', 'cancelled']).toContain(stopped.verdict);
  expect(stopped.reason).toBe('qr-missing');
});

test.each([
  ['crc', 'qr-crc'],
  ['amount', 'qr-amount'],
  ['merchant', 'qr-merchant'],
])('a QR with a wrong %s is never shown; its charge is cancelled', async (change, reason) => {
  const { put } = await putWith({ kind: 'qr', change });
  expect(put).toMatchObject({ verdict: 'cancelled', reason });
  expect(put.qrString).toBeUndefined();
});

test('a gopay charge has no text: it is read out of the picture', async () => {
  const gopay = await startSetting({ midtrans: { paymentType: 'gopay' } });
  try {
    const kiosk = await gopay.kiosk('ksk50');
    const { sale } = await kiosk.put(kiosk.newSaleId(), 15_000);
    expect(sale.verdict).toBe('pending');
    expect(sale.qrString).toMatch(/^000201/);
  } finally {
    await gopay.stop();
  }
});

test('the deadline is the relay’s: it expires the charge at Midtrans', async () => {
  const short = await startSetting({ overrides: { sale: { expiresInMs: 20_000 } } });
  try {
    const kiosk = await short.kiosk('ksk51');
    const saleId = kiosk.newSaleId();
    await kiosk.put(saleId, 15_000);
    await kiosk.verify(await kiosk.until(saleId, 'expired'));
  } finally {
    await short.stop();
  }
}, 40_000);
