// The catch-up of a kiosk that was away: each sale's latest state once, in order, page after page; and every sign of
// another ledger is noticed.
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { changesAnswer, type ChangesAnswer } from '../../src/protocol/api.ts';
import { cursorAfter, startCursor, type Sale } from '../../src/protocol/sale.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { withStore } from './claim-setting.ts';
import { merchantId, pay, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

const nonce = 'catch-up-nonce-0123456789';

async function page(kiosk: TestKiosk, since: string): Promise<ChangesAnswer> {
  const path = `/v1/changes?since=${since}`;
  const { json } = await kiosk.call('GET', path, undefined, undefined, { 'kios-nonce': nonce });
  const answer = changesAnswer.parse(json);
  // What moves a kiosk's cursor is what it can verify, bound to its own question.
  for (const document of answer.sales) await kiosk.verify(document, nonce);
  return answer;
}

/** So many sales that were begun, stopped and found dead while the kiosk was away. */
async function deadSales(store: Store, kioskId: string, count: number): Promise<string[]> {
  const ids = Array.from({ length: count }, () => `${kioskId}-${ulid()}`);
  for (const saleId of ids) {
    const nowMs = store.nowMs();
    await store.put({
      ...{ type: 'put', saleId, kioskId, amountIdr: 4_000, items: null, chargeKey: 'k' },
      deadlineAtMs: nowMs + 180_000,
    });
    await store.move(saleId, {
      ...{ type: 'charge-answered', merchantId },
      outcome: { kind: 'refused', code: '400', reason: 'charge-invalid' },
    });
  }
  return ids;
}

test('a kiosk that was away for 150 sales gets each one’s latest state once, in order', async () => {
  const kiosk = await setting.kiosk('cat10');
  const ids = await withStore(setting, (store) => deadSales(store, 'cat10', 150));
  const first = await page(kiosk, startCursor);
  expect(first).toMatchObject({ more: true });
  // While it reads, a sale of the first page goes on: it comes again at the end, in its latest state.
  const [moved] = ids;
  await settleLate(kiosk, moved ?? '');
  const heard: Sale[] = [...first.sales];
  let last = first;
  while (last.more) {
    last = await page(kiosk, last.upTo);
    heard.push(...last.sales);
  }
  expect(heard.map(({ saleId }) => saleId)).toEqual([...ids, moved]);
  expect(heard.at(-1)).toMatchObject({ verdict: 'paid-late', seq: 151, prev: 150 });
  expect(heard.map(({ seq }) => seq)).toEqual(Array.from({ length: 151 }, (_, i) => i + 1));
  expect(last.upTo).toBe(cursorAfter(heard.at(-1) ?? { saleId: '', verdict: '', seq: 0 }));
  expect(await page(kiosk, last.upTo)).toMatchObject({ sales: [], more: false, upTo: last.upTo });
  // One acknowledgement takes all of it off; what it had is not told again.
  const { ledgerId } = last;
  expect((await kiosk.call('POST', '/v1/ack', { ledgerId, upTo: 151 })).status).toBe(200);
  await withStore(setting, async (store) => {
    expect(await store.dueOutbox('cat10', 10)).toEqual([]);
  });
});

async function settleLate(kiosk: TestKiosk, saleId: string): Promise<void> {
  await withStore(setting, async (store) => {
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 4_000, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
    };
    const outcome = { kind: 'found', status } as const;
    await store.move(saleId, { type: 'status-answered', asked: saleId, outcome, merchantId });
  });
  expect(await kiosk.get(saleId)).toMatchObject({ verdict: 'paid-late' });
}

test('a sale of which only the last page’s cursor knew may go on between two pages', async () => {
  const kiosk = await setting.kiosk('cat11');
  const ids = await withStore(setting, (store) => deadSales(store, 'cat11', 101));
  const first = await page(kiosk, startCursor);
  // Its number is given up with it: there is nothing left to compare the cursor with, and nothing wrong.
  await settleLate(kiosk, ids[99] ?? '');
  const second = await page(kiosk, first.upTo);
  expect(second.sales.map(({ saleId }) => saleId)).toEqual([ids[100], ids[99]]);
});

test('a message whose prev is not where the kiosk stands is mended by the changes between', async () => {
  const kiosk = await setting.kiosk('cat12');
  const [first, second] = await withStore(setting, (store) => deadSales(store, 'cat12', 2));
  const line = await kiosk.connect();
  // The first message was lost on its way; the second says so.
  const told = await line.next((document) => document.saleId === second);
  expect(told).toMatchObject({ seq: 2, prev: 1 });
  const between = await page(kiosk, startCursor);
  expect(between.sales.map(({ saleId }) => saleId)).toEqual([first, second]);
  await line.client.endAsync();
});

test('paid never leaves without the fulfilment that is known: an old card that folds back dispenses nothing', async () => {
  const kiosk = await setting.kiosk('cat13');
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(sale.saleId, 'paid');
  await kiosk.report(sale.saleId, 'done');
  const known = { verdict: 'paid', fulfilment: 'done' };
  expect(await kiosk.get(sale.saleId)).toMatchObject(known);
  const put = await kiosk.put(sale.saleId, 4_000);
  expect(put.sale).toMatchObject(known);
  const cancel = await kiosk.call('POST', `/v1/sales/${sale.saleId}/cancel`, {
    ...{ reason: 'fault', amountIdr: 4_000 },
  });
  expect(cancel.json).toMatchObject(known);
  expect((await page(kiosk, startCursor)).sales.at(-1)).toMatchObject(known);
  // Its message was not acknowledged: it comes now, and says it too.
  const line = await kiosk.connect();
  const told = await line.next((document) => document.verdict === 'paid');
  expect(told).toMatchObject(known);
  await kiosk.verify(told);
  await line.client.endAsync();
});

describe('another ledger is noticed', () => {
  async function settled(kioskId: string): Promise<{ kiosk: TestKiosk; paid: Sale }> {
    const kiosk = await setting.kiosk(kioskId);
    const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
    await pay(setting, sale.qrString ?? '');
    return { kiosk, paid: await kiosk.until(sale.saleId, 'paid') };
  }
  const differs = { status: 409, json: { code: 'ledger-differs' } };

  test('by its id, whatever the cursor', async () => {
    const { kiosk, paid } = await settled('cat20');
    const ask = (since: string, ledgerId: string): ReturnType<TestKiosk['call']> =>
      kiosk.call('GET', `/v1/changes?since=${since}&ledgerId=${ledgerId}`);
    expect(await ask(cursorAfter(paid), paid.ledgerId)).toMatchObject({ status: 200 });
    expect(await ask(cursorAfter(paid), 'another')).toMatchObject(differs);
    expect(await ask(startCursor, 'another')).toMatchObject(differs);
  });

  test('by a number that this one has not given', async () => {
    const { kiosk, paid } = await settled('cat21');
    const ask = (since: string): ReturnType<TestKiosk['call']> =>
      kiosk.call('GET', `/v1/changes?since=${since}`);
    expect(await ask(`${paid.seq + 1}.00000000`)).toMatchObject(differs);
    // To another kiosk it may have given it.
    const other = await settled('cat22');
    await other.kiosk.report(other.paid.saleId, 'done');
    await other.kiosk.put(other.kiosk.newSaleId(), 4_000);
    expect(await ask(`${paid.seq + 1}.00000000`)).toMatchObject(differs);
  });

  test('by a tag: the number is known, and was given to something else', async () => {
    const { kiosk, paid } = await settled('cat23');
    for (const lie of [
      { ...paid, verdict: 'refunded' },
      { ...paid, saleId: kiosk.newSaleId() },
    ]) {
      const asked = await kiosk.call('GET', `/v1/changes?since=${cursorAfter(lie)}`);
      expect(asked).toMatchObject(differs);
    }
  });

  test('by an acknowledgement of it, over HTTP; over MQTT it takes nothing off', async () => {
    const { kiosk, paid } = await settled('cat24');
    const ack = { ledgerId: 'another', upTo: paid.seq };
    expect(await kiosk.call('POST', '/v1/ack', ack)).toMatchObject(differs);
    const line = await kiosk.connect();
    const topic = kioskTopics('cat24').ack;
    await line.client.publishAsync(topic, JSON.stringify(ack), { qos: 1 });
    await line.client.endAsync();
    await withStore(setting, async (store) => {
      expect((await store.kiosk('cat24'))?.ackedSeq).toBe(0);
    });
  });
});
