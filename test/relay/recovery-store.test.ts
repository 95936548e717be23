// Restore, clones and new lives in the store, on every database: what two do at once comes out as if one had waited.
import { DatabaseSync } from 'node:sqlite';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { cursorAfter } from '../../src/protocol/sale.ts';
import { type Verdict } from '../../src/protocol/verdict.ts';
import { type ProvenSale } from '../../src/relay/ledger-recover.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type SignedBoot, type Store } from '../../src/relay/store/store.ts';
import { databases, type Room } from './databases.ts';

const merchantId = 'G000000001';
const keyOf = (letter: string) => ({ kty: 'OKP', crv: 'Ed25519', x: letter.repeat(43) }) as const;
const secrets = { serial: null, claimSecret: 's', brokerPassword: null };

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let store: Store;
  /** Another relay on the same database. */
  let other: Store;

  beforeEach(async () => {
    room = await newRoom();
    store = await openStore(await room.connect(), 'ledger-1');
    other = await openStore(await room.connect(), 'unused');
    await enrol(store, 'first', keyOf('A'));
  });
  afterEach(async () => {
    await store.close();
    await other.close();
    await room.leave();
  });

  async function enrol(at: Store, code: string, key = keyOf('B')): ReturnType<Store['enrol']> {
    await store.addEnrolment(code, 'ksk01', 60_000);
    return at.enrol(code, key, secrets);
  }

  const newId = (): string => `ksk01-${ulid()}`;

  async function begin(saleId = newId()): Promise<string> {
    const nowMs = store.nowMs();
    await store.put({
      ...{ type: 'put', saleId, kioskId: 'ksk01', amountIdr: 15_000, items: null },
      ...{ chargeKey: 'key', deadlineAtMs: nowMs + 180_000 },
    });
    return saleId;
  }

  /** A sale that does not stand in the way of the next one. */
  async function abandoned(): Promise<string> {
    const saleId = await begin();
    await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    return saleId;
  }

  async function settle(saleId: string, at: Store = store): Promise<void> {
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
      ...{ merchantId, fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
    };
    const outcome = { kind: 'found', status } as const;
    await at.move(saleId, { type: 'status-answered', asked: saleId, outcome, merchantId });
  }

  function proven(saleId: string, verdict: Verdict, seq = 1): ProvenSale {
    const iat = Math.floor(store.nowMs() / 1000);
    return {
      claims: { env: 'sandbox', saleId, kioskId: 'ksk01', amountIdr: 15_000, verdict, seq, iat },
      ...{ fulfilment: undefined, formerLife: false, saleLifeMs: 180_000 },
    };
  }

  test('6 is never seen before 5: two relays move sales of one kiosk, and a page has no gap', async () => {
    const ids = Array.from({ length: 24 }, newId);
    for (const saleId of ids) {
      await begin(saleId);
      await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
    let last = 0;
    const moves = Promise.all(ids.map((saleId, i) => settle(saleId, i % 2 === 0 ? store : other)));
    const heard: number[] = [];
    for (let page = 0; last < ids.length; page++) {
      expect(page).toBeLessThan(100_000);
      await new Promise((resolve) => setImmediate(resolve));
      const { sales } = await (page % 2 === 0 ? store : other).changes('ksk01', last, 100);
      heard.push(...sales.map(({ seq }) => seq));
      last = sales.at(-1)?.seq ?? last;
    }
    await moves;
    // A kiosk that takes page after page never has to go back for one that came out late.
    expect(heard).toEqual(ids.map((_id, i) => i + 1));
    const all = await store.changes('ksk01', 0, 100);
    expect(all.sales.map(({ prev }) => prev)).toEqual(ids.map((_id, i) => i));
  });

  test('after a restore the changes that the kiosk cannot have heard are numbered above its cursor', async () => {
    const heard = await abandoned();
    await settle(heard);
    expect(await store.acked('ksk01', 1)).toBe(true);
    const unheard = await abandoned();
    await settle(unheard);
    const cursor = cursorAfter({ saleId: 'lost', verdict: 'paid', seq: 7 });
    await store.raiseSeq('ksk01', 5, cursor);
    const { sales } = await store.changes('ksk01', 7, 10);
    expect(sales).toMatchObject([{ saleId: unheard, seq: 8, prev: 7 }]);
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ saleId: unheard, seq: 8 }]);
    expect((await store.sale(heard))?.seq).toBe(1);
    // The same post again numbers nothing anew.
    await store.raiseSeq('ksk01', 5, cursor);
    expect(await store.kiosk('ksk01')).toMatchObject({ seq: 8 });
  });

  test('what stands at the cursor’s own number, and is something else, is numbered anew too', async () => {
    const mine = await abandoned();
    await settle(mine);
    expect(await store.acked('ksk01', 1)).toBe(true);
    await store.raiseSeq('ksk01', 0, cursorAfter({ saleId: 'lost', verdict: 'paid', seq: 1 }));
    expect(await store.saleAt('ksk01', 1)).toBeUndefined();
    expect(await store.saleAt('ksk01', 2)).toMatchObject({ saleId: mine });
    // The same cursor, given by us, stays.
    const ours = cursorAfter((await store.sale(mine)) ?? { saleId: '', verdict: '', seq: 0 });
    await store.raiseSeq('ksk01', 0, ours);
    expect(await store.saleAt('ksk01', 2)).toMatchObject({ saleId: mine });
  });

  test('numbers are raised while sales move: none is given twice, none stays below', async () => {
    const ids = [await abandoned(), await abandoned(), await abandoned(), await abandoned()];
    await Promise.all([
      ...ids.map((saleId, i) => settle(saleId, i % 2 === 0 ? store : other)),
      other.raiseSeq('ksk01', 50, undefined),
      store.raiseSeq('ksk01', 50, undefined),
    ]);
    const { sales } = await store.changes('ksk01', 0, 10);
    const seqs = sales.map(({ seq }) => seq);
    expect(new Set(seqs).size).toBe(ids.length);
    expect(Math.min(...seqs)).toBeGreaterThan(50);
    room.pass(1_000); // Two relays' clocks need not agree to the millisecond.
    const due = await store.dueOutbox('ksk01', 10);
    expect(due.map(({ seq }) => seq)).toEqual(seqs);
  });

  test('two relays that recover one sale at once make one row', async () => {
    const saleId = newId();
    const posts = [store, other, store, other].map((at) =>
      at.recoverSales([proven(saleId, 'paid')]),
    );
    const how = (await Promise.all(posts)).flat().map((recovery) => recovery.how);
    expect(how.sort()).toEqual(['known', 'known', 'known', 'made']);
    expect(await store.sale(saleId)).toMatchObject({ verdict: 'paid', recovering: 1, seq: 0 });
    expect(await store.isRecovering('ksk01')).toBe(true);
    await settle(saleId);
    expect(await store.isRecovering('ksk01')).toBe(false);
  });

  test('a recovery and an answer of Midtrans at once: neither is lost', async () => {
    const saleId = await begin();
    const sale = {
      ...proven(saleId, 'pending'),
      ...({ fulfilment: 'done', fulfilmentSigned: true } as const),
    };
    await Promise.all([store.recoverSales([sale]), settle(saleId, other)]);
    expect(await store.sale(saleId)).toMatchObject({ verdict: 'paid', fulfilment: 'done' });
    expect(await store.claim(saleId)).toBeUndefined();
  });

  test('notices of an order that was unknown are looked up again when its sale is recovered', async () => {
    const saleId = newId();
    const notice = { saleId, body: '{}', chargeId: null, pending: false, settlement: true };
    await store.keepNotice({ ...notice, noticeId: 'n', amountIdr: 15_000 }, 1_000);
    await store.settleNotices((nowMs) => [
      { noticeId: 'n', state: 'unknown-order', nextAtMs: nowMs },
    ]);
    expect(await store.takeNotices(saleId, 1_000)).toEqual([]);
    await store.recoverSales([proven(saleId, 'pending')]);
    expect(await store.salesNoticed(10)).toEqual([saleId]);
    expect(await store.takeNotices(saleId, 1_000)).toMatchObject([{ noticeId: 'n' }]);
  });

  test('a new ledger: leases are free, open claims are the operator’s, old codes are void', async () => {
    const open = await begin();
    room.pass(60_000);
    await store.takeDue(10, 3_600_000);
    const late = await abandonedBeside(open);
    await settle(late);
    await store.addEnrolment('unused-code', 'ksk02', 3_600_000);
    const begun = await other.beginLedger('ledger-2');
    expect(begun).toMatchObject({ claims: 1, codes: 1, kiosks: 1 });
    expect(await store.presentLedgerId()).toBe('ledger-2');
    room.pass(1_000);
    const due = await store.takeDue(10, 1_000);
    expect(due.map(({ saleId }) => saleId)).toContain(open);
    expect(await store.claim(late)).toMatchObject({ operatorOnly: 1, restored: 1 });
    expect(await store.enrol('unused-code', keyOf('C'), secrets)).toEqual({ kind: 'refused' });
    const [kiosk] = await store.brokerDue(10);
    expect(kiosk).toMatchObject({ kioskId: 'ksk01', online: 0 });
    expect((await store.dueOutbox('ksk01', 10)).map(({ saleId }) => saleId)).toContain(late);
  });

  test('a charge that the lost ledger sent may land for a minute: "never had it" counts after that', async () => {
    const standing = await begin();
    await store.cancel({ type: 'cancel', ...cancelOf(standing) });
    room.pass(120_000);
    await other.beginLedger('ledger-2');
    const unknown = newId();
    await store.cancel({ type: 'cancel', ...cancelOf(unknown) });
    expect(await neverHadTwice([standing, unknown])).toEqual(['creating', 'creating']);
    room.pass(60_000);
    expect(await neverHadTwice([standing, unknown])).toEqual(['cancelled', 'cancelled']);
  });

  const cancelOf = (saleId: string) =>
    ({ saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'customer' }) as const;

  async function neverHadTwice(saleIds: readonly string[]): Promise<(Verdict | undefined)[]> {
    const outcome = { kind: 'absent' } as const;
    for (let time = 0; time < 2; time++) {
      for (const asked of saleIds) {
        await store.move(asked, { type: 'status-answered', asked, outcome, merchantId });
      }
      room.pass(6_000);
    }
    return Promise.all(saleIds.map(async (saleId) => (await store.sale(saleId))?.verdict));
  }

  /** While another sale is open: as a cancel before its create. */
  async function abandonedBeside(open: string): Promise<string> {
    const saleId = newId();
    expect(saleId).not.toBe(open);
    await store.cancel({
      ...{ type: 'cancel', saleId, kioskId: 'ksk01', amountIdr: 15_000, reason: 'fault' },
    });
    await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    return saleId;
  }

  test('of boots that come at once one lives, and each that was replaced stays so', async () => {
    const boots = Array.from({ length: 8 }, (_, i) => `boot-${i}`);
    const signed = (bootId: string): SignedBoot => ({ bootId, signedAtMs: store.nowMs() });
    const first = await Promise.all(
      boots.map((boot, i) => (i % 2 === 0 ? store : other).noteBoot('ksk01', signed(boot))),
    );
    expect(new Set(first)).toEqual(new Set(['live']));
    const live = (await store.kiosk('ksk01'))?.bootId;
    const again = await Promise.all(boots.map((boot) => other.noteBoot('ksk01', signed(boot))));
    expect(again.filter((check) => check === 'live')).toHaveLength(1);
    expect(again[boots.indexOf(live ?? '')]).toBe('live');
    // One boot, twice at once, is one boot.
    const twins = await Promise.all(
      [store, other].map((at) => at.noteBoot('ksk01', signed('boot-9'))),
    );
    expect(twins).toEqual(['live', 'live']);
  });

  test('one code with two keys at once makes one kiosk; the same key repeats until the code expires', async () => {
    await store.addEnrolment('code', 'ksk02', 60_000);
    const [a, b] = await Promise.all([
      store.enrol('code', keyOf('C'), secrets),
      other.enrol('code', keyOf('D'), secrets),
    ]);
    expect([a.kind, b.kind].sort()).toEqual(['enrolled', 'refused']);
    const key = keyOf(a.kind === 'enrolled' ? 'C' : 'D');
    expect((await store.kiosk('ksk02'))?.publicKey).toBe(key.x);
    expect(await other.enrol('code', key, secrets)).toMatchObject({ repeated: true });
    room.pass(60_000);
    expect(await other.enrol('code', key, secrets)).toEqual({ kind: 'refused' });
  });

  test('a new life while money arrives: the money is a claim, whichever came first', async () => {
    for (let i = 0; i < 4; i++) {
      const saleId = await begin();
      await Promise.all([settle(saleId, other), enrol(store, `again-${i}`)]);
      const row = await store.sale(saleId);
      const wasFirst = row?.verdict === 'paid';
      expect(row).toMatchObject(
        wasFirst
          ? { verdict: 'paid', fulfilment: 'unreported' }
          : { verdict: 'paid-late', fulfilment: 'abandoned' },
      );
      expect(await store.claim(saleId)).toMatchObject({
        kind: wasFirst ? 'unreported' : 'abandoned',
        state: 'open',
      });
    }
  });

  test('a new life begins behind all that was said before', async () => {
    const paid = await begin();
    await settle(paid);
    const open = await begin();
    const enrolment = await enrol(store, 'again');
    const row = await store.sale(paid);
    if (enrolment.kind !== 'enrolled' || row === undefined) throw new Error('not enrolled');
    expect(enrolment.cursor).toBe(cursorAfter(row));
    expect(await store.sale(open)).toMatchObject({ fulfilment: 'abandoned', stop: 'abandoned' });
    expect(await store.claim(paid)).toMatchObject({ kind: 'unreported', operatorOnly: 1 });
    expect(await store.dueOutbox('ksk01', 10)).toEqual([]);
  });
});

test('a wrong code takes no write lock: whoever guesses keeps nobody waiting', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'kios-lock-'));
  const file = join(dir, 'relay.db');
  const store = await openStore(
    openSqlite(file, () => 0),
    'ledger',
  );
  const writer = new DatabaseSync(file);
  try {
    // Another process is in the middle of writing. A write here would give up after seconds.
    writer.exec('begin immediate');
    expect(await store.enrol('wrong', keyOf('A'), secrets)).toEqual({ kind: 'refused' });
  } finally {
    writer.exec('rollback');
    writer.close();
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  }
});
