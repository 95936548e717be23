// A relay that is told to stop: what it has begun it ends, new work it does not take, and nothing waits for it for ever.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { plant, startSetting, type Setting } from './setting.ts';

/** What systemd and the relay's own end allow. */
const limitMs = 10_000;

let setting: Setting;
beforeEach(async () => {
  setting = await startSetting();
});
afterEach(async () => {
  await setting.stop();
});

/** Resolves when Midtrans has the charge in its hands. */
async function charging(saleId: string): Promise<void> {
  for (;;) {
    const answer = await fetch(`${setting.twinUrl}/_twin/faults`);
    if (!(await answer.text()).includes(saleId)) return;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

test('a charge in flight ends with its QR; a new sale is not begun', async () => {
  const first = await setting.kiosk('ksk90');
  const second = await setting.kiosk('ksk91');
  const saleId = first.newSaleId();
  await plant(setting, {
    ...{ on: 'charge', orderId: saleId },
    do: { kind: 'slow', delayMs: 1_200 },
  });
  const put = first.put(saleId, 15_000);
  await charging(saleId);
  const sinceMs = performance.now();
  const stopping = setting.stopRelay();
  const late = await second.put(second.newSaleId(), 15_000).then(
    ({ status }) => status,
    () => 0,
  );
  expect([0, 503]).toContain(late);
  const { status, sale } = await put;
  expect({ status, verdict: sale.verdict }).toEqual({ status: 201, verdict: 'pending' });
  expect(sale.qrString).toBeDefined();
  await stopping;
  expect(performance.now() - sinceMs).toBeLessThan(limitMs);
});

test('a Midtrans that answers nobody does not keep it; the sale goes on at the next start', async () => {
  await setting.stop();
  setting = await startSetting({ midtrans: { chargeTimeoutMs: 20_000, askTimeoutMs: 15_000 } });
  const kiosk = await setting.kiosk('ksk92');
  const saleId = kiosk.newSaleId();
  await plant(setting, {
    ...{ on: 'charge', orderId: saleId },
    do: { kind: 'slow', delayMs: 15_000 },
  });
  const put = kiosk.put(saleId, 15_000).catch(() => undefined);
  await charging(saleId);
  const sinceMs = performance.now();
  await setting.stopRelay();
  expect(performance.now() - sinceMs).toBeLessThan(limitMs);
  await put;
  await setting.restart();
  expect(await kiosk.get(saleId)).toMatchObject({ saleId, verdict: 'creating' });
}, 40_000);
