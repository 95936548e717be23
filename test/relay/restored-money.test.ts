// Money that was paid out after the backup (PROTOCOL.md §8): whichever way it comes back into the restored ledger, it is the
// operator's, and neither goods nor money leave for it a second time by themselves.
import { createHash } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { type Sale } from '../../src/protocol/sale.ts';
import {
  claimOf,
  failedSale,
  refundsAt,
  untilClaim,
  wakeUntil,
  withStore,
} from './claim-setting.ts';
import { looked } from './claim-rows.ts';
import { status } from './ledger-rows.ts';
import { backUp, onFile, posted, storeFile } from './restored.ts';
import { pay, serverKey, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
let kiosk: TestKiosk;
beforeAll(async () => {
  // Long enough that the lost ledger honours a claim before it goes back.
  setting = await startSetting({ overrides: { refund: 'automatic', refundAfterMs: 600_000 } });
  kiosk = await setting.kiosk('ksk01');
});
afterAll(() => setting.stop());
// The restore of the test before was long ago.
beforeEach(() => {
  onFile(storeFile(setting), (db) => {
    db.exec("delete from meta where name = 'restoredAtMs'");
  });
});

const redeem = (saleId: string, dispenseId: string): ReturnType<TestKiosk['call']> =>
  kiosk.call('POST', `/v1/claims/${saleId}/redeem`, { dispenseId });

async function sellPaid(): Promise<Sale> {
  const { sale } = await kiosk.put(kiosk.newSaleId(), 15_000);
  await pay(setting, sale.qrString ?? '');
  return kiosk.until(sale.saleId, 'paid');
}

async function cancelled(): Promise<Sale> {
  const { sale } = await kiosk.put(kiosk.newSaleId(), 15_000);
  const body = { reason: 'customer', amountIdr: 15_000 };
  await kiosk.call('POST', `/v1/sales/${sale.saleId}/cancel`, body);
  await kiosk.until(sale.saleId, 'cancelled');
  return sale;
}

/** Late money whose claim the kiosk honours at once. */
async function honouredLate({ saleId, qrString }: Sale): Promise<Sale> {
  await pay(setting, qrString ?? '', true);
  const late = await kiosk.until(saleId, 'paid-late');
  expect((await redeem(saleId, 'd1')).status).toBe(200);
  expect((await kiosk.report(saleId, 'done', 'd1')).json).toMatchObject({ state: 'honoured' });
  return late;
}

async function cash(saleId: string): Promise<void> {
  await kiosk.report(saleId, 'unknown');
  const by = { type: 'settle', as: 'refunded-by-hand', note: 'cash' } as const;
  await withStore(setting, (store) => store.moveClaim(saleId, by));
  expect(await claimOf(setting, saleId)).toMatchObject({ state: 'refunded', handIdr: 15_000 });
}

/** Brings the row's, or the claim's, next look to now. */
function wake(table: 'sales' | 'claims', saleId: string): void {
  const statement = `update ${table} set ask_at_ms = 0 where sale_id = ?`;
  onFile(storeFile(setting), (db) => db.prepare(statement).run(saleId));
}

async function replayNotice(saleId: string): Promise<void> {
  const said = { order_id: saleId, status_code: '200', gross_amount: '15000.00' };
  const text = `${Object.values(said).join('')}${serverKey}`;
  const signature_key = createHash('sha512').update(text).digest('hex');
  const body = JSON.stringify({ ...said, transaction_status: 'settlement', signature_key });
  const url = `${setting.relayUrl}/v1/notifications/midtrans`;
  expect((await fetch(url, { method: 'POST', body })).status).toBe(200);
  await kiosk.until(saleId, 'paid-late');
}

async function recovered(saleId: string): Promise<void> {
  const statement = 'select recovering from sales where sale_id = ?';
  const read = (): unknown =>
    onFile(storeFile(setting), (db) => db.prepare(statement).get(saleId)?.['recovering']);
  while (read() !== 0) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** Nothing leaves: not now, not when its time comes. */
async function expectHeld(saleId: string): Promise<void> {
  const held = { state: 'open', operatorOnly: 1 };
  expect(await claimOf(setting, saleId)).toMatchObject(held);
  wake('claims', saleId);
  await untilClaim(setting, saleId, (claim) => claim.askAtMs === null);
  expect(await redeem(saleId, 'd9')).toMatchObject({ status: 409, json: { code: 'claim-locked' } });
  expect(await claimOf(setting, saleId)).toMatchObject({ ...held, refundN: 0 });
  expect(await refundsAt(setting, saleId)).toEqual([]);
}

test('unpaid at the backup, paid late and honoured after it: asked about by itself', async () => {
  const sale = await cancelled();
  const backup = backUp(setting);
  const late = await honouredLate(sale);
  await backup.restore(true);
  wake('sales', sale.saleId);
  await kiosk.until(sale.saleId, 'paid-late');
  await expectHeld(sale.saleId);
  // The proof alone says nothing new.
  await kiosk.call('POST', '/v1/recover', { sales: [posted(late)] });
  await expectHeld(sale.saleId);
});

test('unpaid at the backup, paid late and honoured after it: told by an old notice', async () => {
  const sale = await cancelled();
  const backup = backUp(setting);
  await honouredLate(sale);
  await backup.restore(true);
  await replayNotice(sale.saleId);
  await expectHeld(sale.saleId);
});

test('open at the backup, closed and paid late after it: Midtrans is heard before the kiosk', async () => {
  const { sale } = await kiosk.put(kiosk.newSaleId(), 15_000);
  const { saleId } = sale;
  const backup = backUp(setting);
  const body = { reason: 'customer', amountIdr: 15_000 };
  await kiosk.call('POST', `/v1/sales/${saleId}/cancel`, body);
  const closed = await kiosk.until(saleId, 'cancelled');
  await pay(setting, sale.qrString ?? '', true);
  await kiosk.until(saleId, 'paid-late');
  await backup.restore(true);
  await kiosk.until(saleId, 'paid');
  await kiosk.call('POST', '/v1/recover', { sales: [posted(closed)] });
  expect(await claimOf(setting, saleId)).toMatchObject({ kind: 'unreported' });
  await expectHeld(saleId);
});

test('a refund ordered at the backup, refused and settled in cash after it: not sent again', async () => {
  const { saleId } = await sellPaid();
  await kiosk.report(saleId, 'unknown');
  // What a relay writes down before it sends, and when it is refused; nobody sends meanwhile.
  await setting.stopRelay();
  const move = (...events: ClaimEvent[]): Promise<void> =>
    withStore(setting, async (store) => {
      for (const event of events) await store.moveClaim(saleId, event);
    });
  await move({ type: 'order-refund' }, looked(status('settled')));
  expect(await claimOf(setting, saleId)).toMatchObject({ state: 'refunding', orderedIdr: 15_000 });
  const backup = backUp(setting);
  const outcome = { kind: 'refused', code: '412', detail: '' } as const;
  await move(
    { type: 'refund-answered', refundN: 1, outcome, jitter: 0 },
    looked(status('settled'), true),
    { type: 'settle', as: 'refunded-by-hand', note: 'cash' },
  );
  expect(await claimOf(setting, saleId)).toMatchObject({ state: 'refunded', handIdr: 15_000 });
  await backup.restore(true);
  wake('claims', saleId);
  await untilClaim(setting, saleId, ({ state, askAtMs }) => state === 'open' && askAtMs === null);
  expect(await claimOf(setting, saleId)).toMatchObject({ restored: 1, operatorOnly: 1 });
  expect(await refundsAt(setting, saleId)).toEqual([]);
});

test.each(['recovery', 'result'])(
  'owed at the backup, honoured after it: the kiosk’s signed word ends it, the %s first',
  async (first) => {
    const saleId = await failedSale(setting, kiosk);
    const sale = await kiosk.get(saleId);
    const backup = backUp(setting);
    expect((await redeem(saleId, 'd1')).status).toBe(200);
    await backup.restore(true);
    const recover = (): ReturnType<TestKiosk['call']> =>
      kiosk.call('POST', '/v1/recover', { sales: [posted(sale, 'done', kiosk)] });
    if (first === 'recovery') expect((await recover()).json).toMatchObject({ refused: [] });
    expect(await kiosk.report(saleId, 'done', 'd1')).toMatchObject({ status: 200 });
    expect((await recover()).json).toMatchObject({ refused: [] });
    expect(await claimOf(setting, saleId)).toMatchObject({ state: 'honoured', note: null });
    expect((await kiosk.get(saleId)).fulfilment).toBe('failed');
    const log = setting.logText().split('\n');
    const told = log.filter((line) => line.includes(saleId)).join('\n');
    expect(told).not.toMatch(/disputed|goods-twice|goods-and-refund/);
  },
);

test('owed at the backup, honoured after it, and refunded by an operator before the kiosk is back: told as a loss', async () => {
  const saleId = await failedSale(setting, kiosk);
  const backup = backUp(setting);
  await redeem(saleId, 'd1');
  await backup.restore(true);
  await withStore(setting, async (store) => {
    for (const type of ['release', 'order-refund'] as const)
      await store.moveClaim(saleId, { type });
  });
  await wakeUntil(setting, saleId, 'refunded');
  expect(await kiosk.report(saleId, 'done', 'd1')).toMatchObject({ status: 409 });
  expect(await claimOf(setting, saleId)).toMatchObject({ note: 'goods-and-refund' });
  expect(setting.logText()).toContain('claim.goods-and-refund');
});

test('owed at the backup, refunded by the relay after it: Midtrans says so before anybody pays cash', async () => {
  const saleId = await failedSale(setting, kiosk);
  const backup = backUp(setting);
  await withStore(setting, (store) => store.moveClaim(saleId, { type: 'order-refund' }));
  await wakeUntil(setting, saleId, 'refunded');
  await backup.restore(true);
  const settle = { type: 'settle', as: 'refunded-by-hand', note: 'cash' } as const;
  const settled = await withStore(setting, (store) => store.moveClaim(saleId, settle));
  expect(settled?.decision.refusal).toBe('still-asking');
  await wakeUntil(setting, saleId, 'refunded');
  expect(await claimOf(setting, saleId)).toMatchObject({ handIdr: 0, restored: 0 });
  expect(await refundsAt(setting, saleId)).toHaveLength(1);
});

test('in hand at the backup, settled in cash after it: reported as failed', async () => {
  const { saleId } = await sellPaid();
  const backup = backUp(setting);
  await cash(saleId);
  await backup.restore(true);
  expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
  await expectHeld(saleId);
});

test('in hand at the backup, redeemed after it: reported as failed once more', async () => {
  const { saleId } = await sellPaid();
  const backup = backUp(setting);
  await kiosk.report(saleId, 'failed');
  await redeem(saleId, 'd1');
  await kiosk.report(saleId, 'done', 'd1');
  await backup.restore(true);
  expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
  await expectHeld(saleId);
});

test('unknown at the backup, settled in cash after it: put again under the same id', async () => {
  const backup = backUp(setting);
  const { saleId } = await sellPaid();
  await cash(saleId);
  await backup.restore(true);
  await kiosk.put(saleId, 15_000);
  await kiosk.until(saleId, 'paid');
  expect((await kiosk.report(saleId, 'failed')).status).toBe(200);
  await expectHeld(saleId);
});

test('unknown at the backup, settled in cash after it: recovered, and reported afterwards', async () => {
  const backup = backUp(setting);
  const sale = await sellPaid();
  await cash(sale.saleId);
  await backup.restore(true);
  await kiosk.call('POST', '/v1/recover', { sales: [posted(sale)] });
  await recovered(sale.saleId);
  expect((await kiosk.report(sale.saleId, 'failed')).status).toBe(200);
  await expectHeld(sale.saleId);
});
