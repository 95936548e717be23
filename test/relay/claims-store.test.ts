// Claims in the store, on every database: two relays at once, and each claim is taken, granted or paid back by one.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sql } from 'kysely';
import { ulid } from 'ulid';
import { balanceOf, isBalanced } from '../../src/relay/balance.ts';
import { type ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { migrate } from '../../src/relay/store/migrations.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { databases, type Room } from './databases.ts';
import { dayMs, minuteMs, walk } from './claim-rows.ts';

const merchantId = 'G000000001';
const kioskId = 'ksk01';
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;

/** Sales of the first release: verdict, amount, fulfilment, refunded; kind and amount of the claim. */
const firstRelease: [string, number, string | null, number, string?, number?][] = [
  ['paid', 15_000, null, 0],
  ['paid', 15_000, 'done', 0],
  ['paid', 15_000, 'unknown', 0, 'unknown', 15_000],
  ['paid-late', 15_000, null, 4_000, 'foreign', 10_000],
  ['refunded', 15_000, 'failed', 15_000],
  ['pending', 15_000, null, 0],
];

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let a: Store;
  let b: Store;

  beforeEach(async () => {
    room = await newRoom();
    a = await openStore(await room.connect(), 'ledger');
    b = await openStore(await room.connect(), 'ledger');
    await a.addEnrolment('hash', kioskId, 60_000);
    await a.enrol('hash', key, { serial: null, claimSecret: 's', brokerPassword: null });
  });
  afterEach(async () => {
    await a.close();
    await b.close();
    await room.leave();
  });

  async function paidSale(): Promise<string> {
    const saleId = `${kioskId}-${ulid(a.nowMs())}`;
    const deadlineAtMs = a.nowMs() + 180_000;
    const put = { saleId, kioskId, amountIdr: 15_000, items: null, chargeKey: 'key', deadlineAtMs };
    await a.put({ type: 'put', ...put });
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
      issuer: 'gopay',
    };
    const outcome = { kind: 'found', status } as const;
    await a.move(saleId, { type: 'status-answered', asked: saleId, outcome, merchantId });
    return saleId;
  }

  async function failedSale(): Promise<string> {
    const saleId = await paidSale();
    await a.move(saleId, { type: 'fulfilment', result: 'failed', detail: null });
    return saleId;
  }

  test('a due claim is handed to one relay, and comes again when its lease is over', async () => {
    const ids = [];
    for (let i = 0; i < 12; i++) ids.push(await failedSale());
    const taken = await Promise.all([a, b, a, b].map((store) => store.takeDueClaims(4, minuteMs)));
    const names = taken.flat().map((claim) => claim.saleId);
    expect(new Set(names).size).toBe(names.length);
    names.push(...(await a.takeDueClaims(12, minuteMs)).map((claim) => claim.saleId));
    expect(names.sort()).toEqual(ids.sort());
    expect(await b.takeDueClaims(12, minuteMs)).toEqual([]);
    room.pass(minuteMs);
    expect(await b.takeDueClaims(20, minuteMs)).toHaveLength(12);
  });

  test('a grant, a refund and the operator at once: one has it', async () => {
    for (let round = 0; round < 10; round++) {
      const saleId = await failedSale();
      room.pass(2 * minuteMs);
      const looked: ClaimEvent = {
        ...{ type: 'looked', sent: false, ...walk },
        outcome: {
          kind: 'found',
          status: {
            ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
            ...{ merchantId, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
          },
        },
      };
      const moves = await Promise.all([
        b.moveClaim(saleId, { type: 'redeem', dispenseId: 'd1' }),
        a.moveClaim(saleId, looked),
        b.moveClaim(saleId, { type: 'settle', as: 'honoured', note: 'by hand' }),
        a.moveClaim(saleId, { type: 'redeem', dispenseId: 'd2' }),
      ]);
      expect(moves.filter((moved) => moved?.moved)).toHaveLength(1);
    }
  });

  test('the verdict that the sale reaches and what it does to the claim are one step', async () => {
    const saleId = await failedSale();
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'refunded', amountIdr: 15_000, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr: 15_000, refundConfirmed: true },
    };
    const outcome = { kind: 'found', status } as const;
    const event = { type: 'status-answered', asked: saleId, outcome, merchantId } as const;
    const decision = await b.move(saleId, event);
    expect(decision).toMatchObject({ claimState: 'refunded', row: { verdict: 'refunded' } });
    expect(await a.claim(saleId)).toMatchObject({ state: 'refunded', refundN: 0 });
    expect((await b.move(saleId, event))?.claimState).toBeUndefined();
  });

  test('money in hand comes to its turn after a day, and is the operator’s then', async () => {
    const saleId = await paidSale();
    room.pass(dayMs - 1);
    expect(await a.takeDue(10, minuteMs)).toEqual([]);
    room.pass(1);
    expect((await a.takeDue(10, minuteMs)).map((row) => row.saleId)).toEqual([saleId]);
    await a.move(saleId, { type: 'due' });
    expect(await b.claim(saleId)).toMatchObject({ kind: 'unreported', operatorOnly: 1 });
    expect(await a.takeDueClaims(10, minuteMs)).toEqual([]);
    await a.wakeClaims();
    expect(await a.takeDueClaims(10, minuteMs)).toEqual([]);
  });

  test('the books of the first release balance under this one', async () => {
    const old = await newRoom();
    const database = await old.connect();
    await migrate(database, '0001-first');
    await database.forSchema(async (db) => {
      for (const [
        i,
        [verdict, amountIdr, fulfilment, refundedIdr, kind, owed],
      ] of firstRelease.entries()) {
        const saleId = `ksk01-${i}`;
        await sql`insert into sales (sale_id, kiosk_id, amount_idr, verdict, seq, prev, created_at_ms, moved_at_ms,
          deadline_at_ms, refunded_idr, fulfilment) values (${saleId}, 'ksk01', ${amountIdr}, ${verdict}, ${i}, 0, 1000,
          2000, 3000, ${refundedIdr}, ${fulfilment})`.execute(db);
        if (kind === undefined) continue;
        await sql`insert into claims (sale_id, kiosk_id, kind, amount_idr, operator_only, state, opened_at_ms,
          changed_at_ms) values (${saleId}, 'ksk01', ${kind}, ${owed}, 0, 'open', 2000, 2000)`.execute(
          db,
        );
      }
    });
    const store = await openStore(database, 'ledger');
    const rows = [];
    for (const i of firstRelease.keys()) {
      const sale = await store.sale(`ksk01-${i}`);
      if (sale !== undefined) rows.push({ sale, claim: await store.claim(sale.saleId) });
    }
    const balance = balanceOf(rows);
    expect(balance.differences).toEqual([]);
    expect(isBalanced(balance)).toBe(true);
    expect(balance).toMatchObject({
      settled: { count: 5, idr: 74_000 },
      inHand: { count: 1, idr: 15_000 },
      refunded: { count: 1, idr: 19_000 },
      openClaim: { count: 2, idr: 25_000 },
    });
    expect(rows[0]?.sale.askAtMs).toBe(2000 + dayMs);
    expect(rows[2]?.claim?.operatorOnly).toBe(1);
    await store.close();
    await old.leave();
  });

  test('lists claims by state and kiosk, oldest first, with their sales', async () => {
    const first = await failedSale();
    room.pass(1000);
    const second = await failedSale();
    await a.moveClaim(second, { type: 'redeem', dispenseId: 'd1' });
    const names = async (filter: Parameters<Store['claims']>[0], limit = 10): Promise<string[]> =>
      (await a.claims(filter, limit)).map(({ sale }) => sale.saleId);
    expect(await names({})).toEqual([first, second]);
    expect(await names({}, 1)).toEqual([first]);
    expect(await names({ states: ['redeeming'], kioskId })).toEqual([second]);
    expect(await names({ kioskId: 'ksk99' })).toEqual([]);
  });
});
