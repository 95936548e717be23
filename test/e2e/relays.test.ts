// Many relays on one database and one broker: any may take any request, notice or outbox row; a dead one loses nothing.
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { type Sale } from '../../src/protocol/sale.ts';
import { Relays, type Seller } from './relays.ts';

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
    expect(await relays.pay(qrString)).toBe(200);
    await seller.heard((told) => told.saleId === saleId && told.verdict === 'paid');
    await seller.done(saleId);
    sold.push(saleId);
  }
  return sold;
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

/** The seqs of what a kiosk has kept, without repeats: they must be a chain without a gap. */
function chainOf(seller: Seller): { seq: number; prev: number }[] {
  const bySeq = new Map(seller.kept.map(({ seq, prev }) => [seq, { seq, prev }]));
  return [...bySeq.values()].sort((a, b) => a.seq - b.seq);
}

async function outboxIsEmpty(): Promise<void> {
  for (;;) {
    const text = await (await fetch(`${relays.url}/metrics`)).text();
    if (text.includes('kios_depth{what="outbox"} 0') && text.includes('what="notices"} 0')) return;
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
  await outboxIsEmpty();
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
    // Nothing but the latest state of a sale may be left out of the chain, and that is what `changes` is for.
    const chain = chainOf(seller);
    expect(new Set(chain.map(({ seq }) => seq)).size).toBe(chain.length);
  }
  await outboxIsEmpty();
  const { output } = await relays.report();
  expect(output).toContain('Rp');
  expect(output).not.toMatch(/in hand\s+[1-9]/i);
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
