// Many relays on one database and one broker: any may take any request, notice or outbox row; a dead one loses nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { z } from 'zod';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { changesAnswer } from '../../src/protocol/api.ts';
import { type Sale } from '../../src/protocol/sale.ts';
import { isDead, isOpen } from '../../src/protocol/verdict.ts';
import { Relays, type Seller } from './relays.ts';

const orders = z.object({
  transactions: z.array(z.object({ orderId: z.string(), status: z.string() })),
});

let relays: Relays;
let sellers: Seller[];
beforeAll(async () => {
  relays = await Relays.start(['alpha', 'bravo']);
  sellers = [];
  for (const kioskId of ['jalan1', 'jalan2', 'jalan3', 'jalan4']) {
    const seller = await relays.enrol(kioskId);
    await seller.connect();
    sellers.push(seller);
  }
});
afterAll(async () => {
  for (const seller of sellers) await seller.disconnect();
  await relays.end();
});

/** One customer after the other at one kiosk, as long as `open` says. */
async function sell(seller: Seller, sales: number): Promise<string[]> {
  const sold: string[] = [];
  for (let i = 0; i < sales; i++) {
    const saleId = seller.newSaleId();
    const { qrString } = await shown(seller, saleId);
    // The QR may have been lost with the relay that had it: then the sale ends unpaid, and the next customer comes.
    if (qrString === undefined) continue;
    if ((await relays.pay(qrString)) !== 200) {
      // The wallet refused: then the charge must be dead, and never become money.
      await ended(seller, saleId);
      continue;
    }
    await seller.heard((told) => told.saleId === saleId && told.verdict === 'paid');
    await seller.done(saleId);
    sold.push(saleId);
  }
  return sold;
}

/** Waits until the sale has ended without money. */
async function ended(seller: Seller, saleId: string): Promise<void> {
  let { verdict } = await seller.get(saleId);
  while (isOpen(verdict)) {
    await wait(systemClock, 200);
    ({ verdict } = await seller.get(saleId));
  }
  expect(isDead(verdict)).toBe(true);
}

/** The sale with its QR, or as it ended without one. */
async function shown(seller: Seller, saleId: string): Promise<Sale> {
  let document = await seller.put(saleId, 12_000);
  while (document.verdict === 'creating') {
    await wait(systemClock, 100);
    document = await seller.get(saleId);
  }
  return document;
}

/** Every change number of a kiosk up to its last one: each was told, or a later state of the same sale was. */
async function missingNumbers(seller: Seller): Promise<number[]> {
  const { json } = await seller.call('GET', '/v1/changes?since=0.00000000');
  const { sales } = changesAnswer.parse(json);
  const told = new Set(seller.kept.map(({ seq }) => seq));
  // The latest state of each sale is what a kiosk must have; what was overtaken need not come.
  return sales.map(({ seq }) => seq).filter((seq) => !told.has(seq));
}

/** Of the orders at Midtrans: how many were paid, and that none was charged twice. */
async function paidOrders(): Promise<string[]> {
  const answer = await fetch(`${relays.twinUrl}/_twin/transactions`);
  const { transactions } = orders.parse(await answer.json());
  return transactions.filter(({ status }) => status === 'settlement').map(({ orderId }) => orderId);
}

/** Waits until every sale has ended, every notice is confirmed and every verdict acknowledged. */
async function quiet(): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${relays.url}/metrics`)).text();
    const empty = (what: string): boolean => text.includes(`kios_depth{what="${what}"} 0`);
    if (empty('outbox') && empty('notices') && empty('openSales')) return;
    await wait(systemClock, 500);
  }
}

test('sales go through whichever relay takes them, each told once and in order', async () => {
  const sold = await Promise.all(sellers.map((seller) => sell(seller, 3)));
  expect(sold.map((sales) => sales.length)).toEqual([3, 3, 3, 3]);
  expect(Math.min(...relays.connections())).toBeGreaterThan(0);
  for (const seller of sellers) {
    const paid = seller.kept.filter(({ verdict }) => verdict === 'paid');
    expect(new Set(paid.map(({ saleId }) => saleId)).size).toBe(3);
    expect(seller.kept.map(({ seq }) => seq)).toEqual(
      seller.kept.map(({ seq }) => seq).toSorted((a, b) => a - b),
    );
  }
  await quiet();
});

test('kill -9 of one relay after the other in the middle of sales loses nothing', async () => {
  let selling = true;
  const killing = (async () => {
    for (let round = 0; selling; round++) {
      const name = round % 2 === 0 ? 'alpha' : 'bravo';
      await wait(systemClock, 700 + ((round * 377) % 900));
      await relays.killRelay(name);
      await wait(systemClock, 300);
      await relays.startRelay(name);
    }
  })();
  const sold = await Promise.all(sellers.map((seller) => sell(seller, 8)));
  selling = false;
  await killing;
  expect(sold.flat().length).toBeGreaterThan(20);
  for (const [i, seller] of sellers.entries()) {
    for (const saleId of sold[i] ?? []) {
      expect(await seller.get(saleId)).toMatchObject({ verdict: 'paid', fulfilment: 'done' });
    }
  }
  await quiet();
  for (const seller of sellers) expect(await missingNumbers(seller)).toEqual([]);
  // Every rupiah that Midtrans took is goods handed over: nothing differs, nothing is in hand, nothing was charged twice.
  const paid = await paidOrders();
  expect(new Set(paid).size).toBe(paid.length);
  const { code, output } = await relays.report();
  expect({ code, output }).toMatchObject({ code: 0 });
  expect(output).toContain('Rp');
}, 240_000);

test('a database that goes away is told as 503 and not ready; when it is back, sales go on', async () => {
  const [seller] = sellers;
  if (seller === undefined) throw new Error('no seller');
  await relays.postgres.crash();
  const ready = async (): Promise<number> => (await fetch(`${relays.url}/readyz`)).status;
  expect(await ready()).toBe(503);
  const notice = await fetch(`${relays.url}/v1/changes?since=0.00000000`, {
    headers: { authorization: 'Bearer x' },
  });
  expect([401, 503]).toContain(notice.status);
  await relays.postgres.start();
  while ((await ready()) !== 200) await wait(systemClock, 200);
  expect(await sell(seller, 1)).toHaveLength(1);
}, 120_000);
