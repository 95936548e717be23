// A relay that is told to stop: what it has begun it ends, new work it does not take, and nothing waits for it for ever.
import { once } from 'node:events';
import { connect } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { failedSale } from './claim-setting.ts';
import { pay, plant, startSetting, type Setting } from './setting.ts';

/** What systemd and the relay's own end allow. */
const limitMs = 10_000;

let setting: Setting;
beforeEach(async () => {
  setting = await startSetting();
});
afterEach(async () => {
  await setting.stop();
});

/** Resolves when Midtrans has the call in its hands for which a fault was planted. */
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
  setting = await startSetting({ midtrans: { chargeTimeoutMs: 20_000, askTimeoutMs: 10_000 } });
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

test('what runs behind an answered notification ends before the store is closed', async () => {
  const kiosk = await setting.kiosk('ksk93');
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, 15_000);
  await plant(setting, {
    ...{ on: 'status', orderId: saleId },
    do: { kind: 'slow', delayMs: 1_000 },
  });
  await pay(setting, sale.qrString ?? '');
  // The twin has been asked, and no request is open any more that a stop would wait for.
  await charging(saleId);
  await setting.stopRelay();
  const database = new DatabaseSync(join(setting.dir, 'relay.db'), { readOnly: true });
  const row = database.prepare('select verdict from sales where sale_id = ?').get(saleId);
  database.close();
  expect(row).toEqual({ verdict: 'paid' });
});

test('a claim is not granted any more: the kiosk asks again, and then has it', async () => {
  const kiosk = await setting.kiosk('ksk94');
  const saleId = await failedSale(setting, kiosk);
  const { port } = new URL(setting.relayUrl);
  const authorization = `authorization: Bearer ${await kiosk.token()}\r\n`;
  const send = (method: string, path: string, body: unknown): string => {
    const text = JSON.stringify(body);
    const type = 'content-type: application/json\r\n';
    const length = `content-length: ${text.length}\r\n\r\n`;
    return `${method} ${path} HTTP/1.1\r\nhost: relay\r\n${authorization}${type}${length}${text}`;
  };
  const socket = connect(Number(port), '127.0.0.1');
  let heard = '';
  socket.on('data', (chunk) => (heard += chunk.toString()));
  const ended = once(socket, 'close');
  const next = kiosk.newSaleId();
  await plant(setting, {
    ...{ on: 'charge', orderId: next },
    do: { kind: 'slow', delayMs: 1_500 },
  });
  // One connection: behind the charge that the stop waits for, the kiosk asks for its claim.
  socket.write(send('PUT', `/v1/sales/${next}`, { amountIdr: 15_000 }));
  await charging(next);
  const stopping = setting.stopRelay();
  socket.write(send('POST', `/v1/claims/${saleId}/redeem`, { dispenseId: 'd1' }));
  await ended;
  await stopping;
  expect(heard).toContain('HTTP/1.1 201 ');
  expect(heard).toContain('"code":"going-down"');
  expect(heard).not.toContain('"grant"');
  await setting.restart();
  const granted = await kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId: 'd1' });
  expect(granted.status).toBe(200);
});
