// Two relays on one PostgreSQL: whatever both do at once, each row is taken by one, no number is given twice, and one of
// them publishes to a kiosk.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { systemClock } from '../../src/lib/clock.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openPostgres } from '../../src/relay/store/postgres.ts';
import { type PutEvent, type Store } from '../../src/relay/store/store.ts';
import { sharedPostgres } from './databases.ts';
import { findPostgres } from './postgres-server.ts';

const merchantId = 'G000000001';
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;

describe.skipIf(findPostgres() === undefined)('two relays (PostgreSQL)', () => {
  const server = sharedPostgres();
  let url: string;
  let a: Store;
  let b: Store;

  let passedMs = 0;
  const clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + passedMs };
  const connect = (): Promise<Database> =>
    openPostgres({ url, maxConnections: 10 }, { clock, random: () => 0.5 });

  beforeEach(async () => {
    url = await (await server()).newDatabase();
    // Both at once, on an empty database.
    [a, b] = await Promise.all(
      [connect(), connect()].map(async (one, i) => openStore(await one, `l${i}`)),
    ).then(([first, second]) => {
      if (first === undefined || second === undefined) throw new Error('no store');
      return [first, second];
    });
    await enrol('ksk01');
  });
  afterEach(async () => {
    await Promise.all([a.close(), b.close()]);
  });

  async function enrol(kioskId: string): Promise<void> {
    await a.addEnrolment(kioskId, kioskId, 60_000);
    await a.enrol(kioskId, key, { serial: null, claimSecret: 's', brokerPassword: null });
  }
  const newId = (kioskId = 'ksk01'): string => `${kioskId}-${ulid()}`;
  function put(saleId: string): PutEvent {
    const deadlineAtMs = a.nowMs() + 180_000;
    return {
      ...{ type: 'put', saleId, kioskId: saleId.slice(0, saleId.indexOf('-')), amountIdr: 15_000 },
      ...{ items: null, chargeKey: 'key', deadlineAtMs },
    };
  }
  async function settle(store: Store, saleId: string): Promise<void> {
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
    };
    const outcome = { kind: 'found', status } as const;
    await store.move(saleId, { type: 'status-answered', asked: saleId, outcome, merchantId });
  }

  test('both make the schema at once, and have one ledger', () => {
    expect(a.ledgerId).toBe(b.ledgerId);
  });

  test('both have the server’s clock', () => {
    expect(Math.abs(a.nowMs() - b.nowMs())).toBeLessThan(100);
  });

  test('of two sales of one kiosk that are put at once, one is taken', async () => {
    for (let round = 0; round < 20; round++) {
      const ids = [newId(), newId()] as const;
      const puts = await Promise.all([a.put(put(ids[0])), b.put(put(ids[1]))]);
      const taken = puts.filter((one) => one !== undefined);
      expect(taken.map((one) => one.created)).toEqual([true]);
      const saleId = taken[0]?.decision.row.saleId ?? '';
      await a.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
  });

  test('the same sale put at both is charged by one', async () => {
    for (let round = 0; round < 20; round++) {
      const saleId = newId();
      const puts = await Promise.all([a.put(put(saleId)), b.put(put(saleId))]);
      expect(puts.map((one) => one?.created).sort()).toEqual([false, true]);
      expect(puts.filter((one) => one?.decision.next === 'charge')).toHaveLength(1);
      await a.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
  });

  test('fifty verdicts at once: no number twice, none left out', async () => {
    const ids = Array.from({ length: 50 }, () => newId());
    for (const saleId of ids) {
      await a.put(put(saleId));
      await a.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
    await Promise.all(ids.map((saleId, i) => settle(i % 2 === 0 ? a : b, saleId)));
    const { sales } = await a.changes('ksk01', 0, 100);
    expect(sales.map(({ seq, prev }) => [seq, prev])).toEqual(ids.map((_id, i) => [i + 1, i]));
    expect((await b.kiosk('ksk01'))?.seq).toBe(50);
  });

  test('a page of changes never skips a number that is still on its way', async () => {
    const ids = Array.from({ length: 30 }, () => newId());
    for (const saleId of ids) {
      await a.put(put(saleId));
      await a.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
    let done = false;
    const all = Promise.all(ids.map((saleId, i) => settle(i % 2 === 0 ? a : b, saleId))).then(
      () => {
        done = true;
      },
    );
    while (!done) {
      const { sales } = await b.changes('ksk01', 0, 100);
      expect(sales.map(({ seq }) => seq)).toEqual(sales.map((_sale, i) => i + 1));
    }
    await all;
  });

  test('a row that is due is handed out once', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 40; i++) {
      const kioskId = `ksk${100 + i}`;
      await enrol(kioskId);
      ids.push(newId(kioskId));
      await a.put(put(ids[i] ?? ''));
    }
    passedMs += 60_000;
    const taken: string[] = [];
    while (taken.length < ids.length) {
      const some = await Promise.all([a, b, a, b].map((store) => store.takeDue(7, 60_000)));
      taken.push(...some.flat().map((row) => row.saleId));
    }
    expect(taken.sort()).toEqual(ids.sort());
    expect(await a.takeDue(100, 60_000)).toEqual([]);
  });

  test('a notice that comes to both is stored once, and taken by one', async () => {
    const saleId = newId();
    await a.put(put(saleId));
    const notice = {
      ...{ noticeId: 'n', saleId, body: '{}', chargeId: null, pending: false },
      ...{ amountIdr: 15_000, settlement: true },
    };
    const kept = await Promise.all([a, b].map((store) => store.keepNotice(notice, 0)));
    expect(kept.map((one) => one.keeping).sort()).toEqual(['repeated', 'stored']);
    const taken = await Promise.all([a, b, a, b].map((store) => store.takeNotices(saleId, 60_000)));
    expect(taken.flat()).toHaveLength(1);
  });

  test('acknowledgements, returns and verdicts of one kiosk never lock each other out', async () => {
    const ids = Array.from({ length: 20 }, () => newId());
    for (const saleId of ids) {
      await a.put(put(saleId));
      await a.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
    await Promise.all(
      ids.flatMap((saleId, i) => [
        settle(a, saleId),
        b.resend('ksk01'),
        a.acked('ksk01', Math.floor(i / 2)),
        b.noteStatus('ksk01', true, '{}'),
      ]),
    );
    expect(await b.acked('ksk01', 20)).toBe(true);
    expect(await a.dueOutbox('ksk01', 100)).toEqual([]);
  });

  test('a kiosk is held by one relay; the other has it when it is given back', async () => {
    const hold = await a.holdKiosk('ksk01');
    expect(hold?.held()).toBe(true);
    expect(await b.holdKiosk('ksk01')).toBeUndefined();
    expect(await a.holdKiosk('ksk01')).toBeUndefined();
    expect(await b.holdKiosk('ksk02')).toBeDefined();
    await hold?.release();
    expect(hold?.held()).toBe(false);
    expect(await b.holdKiosk('ksk01')).toBeDefined();
  });

  test('what one announces the other hears, and itself as well', async () => {
    const heard: string[] = [];
    const both = new Promise<void>((resolve) => {
      const hear = (name: string) => (kioskId: string) => {
        heard.push(`${name} ${kioskId}`);
        if (heard.length === 4) resolve();
      };
      a.onAnnounced(hear('a'));
      b.onAnnounced(hear('b'));
    });
    await Promise.all([a.announce('ksk01'), a.announce('ksk02')]);
    await both;
    expect(heard.sort()).toEqual(['a ksk01', 'a ksk02', 'b ksk01', 'b ksk02']);
  });
});
