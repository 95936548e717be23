// The store, on every database that there is: what is decided is durable as a whole, in each kiosk's own order.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { openStore } from '../../src/relay/store/open.ts';
import { type NewNotice, type PutEvent, type Store } from '../../src/relay/store/store.ts';
import { type ChargeStatus, type StatusOutcome } from '../../src/relay/midtrans/gateway.ts';
import { databases, type Room } from './databases.ts';

const merchantId = 'G000000001';
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let store: Store;
  let ledger = 0;
  const reopen = async (): Promise<Store> => openStore(await room.connect(), `ledger-${++ledger}`);
  const nowMs = (): number => store.nowMs();

  beforeEach(async () => {
    room = await newRoom();
    store = await reopen();
    await store.addEnrolment('hash', 'ksk01', 60_000);
    await store.enrol('hash', key, { serial: null, claimSecret: 's', brokerPassword: null });
  });
  afterEach(async () => {
    await store.close();
    await room.leave();
  });

  function put(saleId: string): PutEvent {
    return {
      ...{ type: 'put', saleId, kioskId: 'ksk01', amountIdr: 15_000, items: null },
      ...{ chargeKey: 'key', deadlineAtMs: nowMs() + 180_000 },
    };
  }
  const newId = (): string => `ksk01-${ulid(nowMs())}`;

  function settled(saleId: string, more: Partial<ChargeStatus> = {}): StatusOutcome {
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
      merchantId,
      ...{ fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
      ...more,
    };
    return { kind: 'found', status };
  }

  async function settle(saleId: string, more: Partial<ChargeStatus> = {}): Promise<void> {
    const outcome = settled(saleId, more);
    await store.move(saleId, { type: 'status-answered', asked: saleId, outcome, merchantId });
  }

  test('keeps its ledger id and its rows over a restart', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    const { ledgerId } = store;
    await store.close();
    room.pass(1);
    store = await reopen();
    expect(store.ledgerId).toBe(ledgerId);
    expect(await store.sale(saleId)).toMatchObject({ verdict: 'creating', chargeKey: 'key' });
  });

  test('one sale of a kiosk may be open; an abandoned one does not count', async () => {
    const first = newId();
    expect((await store.put(put(first)))?.created).toBe(true);
    expect((await store.put(put(first)))?.created).toBe(false);
    expect(await store.put(put(newId()))).toBeUndefined();
    await store.move(first, { type: 'fulfilment', result: 'abandoned', detail: null });
    expect((await store.put(put(newId())))?.created).toBe(true);
  });

  test('numbers are the kiosk’s own, without a gap, each with the one before it', async () => {
    const ids = [newId(), newId(), newId()];
    for (const saleId of ids) {
      await store.put(put(saleId));
      await settle(saleId);
    }
    const { sales, more } = await store.changes('ksk01', 0, 2);
    expect(sales.map(({ seq, prev }) => [seq, prev])).toEqual([
      [1, 0],
      [2, 1],
    ]);
    expect(more).toBe(true);
    expect((await store.kiosk('ksk01'))?.seq).toBe(3);
    expect((await store.saleAt('ksk01', 3))?.saleId).toBe(ids[2]);
  });

  test('many at once take numbers one after the other', async () => {
    const ids = Array.from({ length: 20 }, newId);
    for (const saleId of ids) {
      await store.put(put(saleId));
      await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    }
    await Promise.all(ids.map((saleId) => settle(saleId)));
    const { sales } = await store.changes('ksk01', 0, 100);
    expect(sales.map((row) => row.seq)).toEqual(ids.map((_id, i) => i + 1));
  });

  test('verdict, number, outbox and claim are stored together, or not at all', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    // A kiosk without a row cannot give the number: the whole decision must fall.
    const orphan = `ghost-${ulid(nowMs())}`;
    await store.put({ ...put(orphan), kioskId: 'ghost' });
    await expect(settle(orphan)).rejects.toThrow(/ghost has no row/);
    expect(await store.sale(orphan)).toMatchObject({ verdict: 'creating', seq: 0 });
    expect(await store.claim(orphan)).toBeUndefined();
    await settle(saleId);
    expect(await store.sale(saleId)).toMatchObject({ verdict: 'paid-late', seq: 1 });
    expect(await store.claim(saleId)).toMatchObject({ kind: 'abandoned', amountIdr: 15_000 });
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ saleId, seq: 1, state: 'due' }]);
  });

  test('an outbox row leaves by acknowledgement alone, and not for a later state', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await settle(saleId);
    const [row] = await store.dueOutbox('ksk01', 10);
    if (row === undefined) throw new Error('no row');
    await settle(saleId, { state: 'refunded', refundedIdr: 15_000 });
    await store.sent(row, 60_000);
    // What was sent was the earlier state: the later one is due still.
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ seq: 2, attempts: 0 }]);
    expect(await store.acked('ksk01', 3)).toBe(false);
    expect(await store.acked('ksk01', 1)).toBe(true);
    expect(await store.dueOutbox('ksk01', 10)).toHaveLength(1);
    expect(await store.acked('ksk01', 2)).toBe(true);
    expect(await store.dueOutbox('ksk01', 10)).toHaveLength(0);
  });

  test('what was sent is told again when its time has come, and not before', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await settle(saleId);
    await store.noteStatus('ksk01', true, '{}');
    for (const row of await store.dueOutbox('ksk01', 10)) await store.sent(row, 60_000);
    expect(await store.dueOutbox('ksk01', 10)).toEqual([]);
    expect(await store.kiosksToTell(10)).toEqual([]);
    expect(await store.dueOutbox('ksk01', 10)).toEqual([]);
    const later = newId();
    await store.put(put(later));
    await settle(later);
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ saleId: later }]);
    room.pass(61_000);
    expect(await store.kiosksToTell(10)).toEqual(['ksk01']);
    const due = await store.dueOutbox('ksk01', 10);
    expect(due).toMatchObject([{ saleId, state: 'sent', attempts: 1 }, { saleId: later }]);
  });

  test('a kiosk that comes back hears at once what was sent before', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await settle(saleId);
    for (const row of await store.dueOutbox('ksk01', 10)) await store.sent(row, 60_000);
    await store.resend('ksk01');
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ saleId, attempts: 0 }]);
  });

  test('only kiosks that are online are told', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await settle(saleId);
    expect(await store.kiosksToTell(10)).toEqual([]);
    await store.noteStatus('ksk01', true, '{}');
    expect(await store.kiosksToTell(10)).toEqual(['ksk01']);
    await store.revoke('ksk01');
    expect(await store.kiosksToTell(10)).toEqual([]);
  });

  test('what is due is taken once, until the lease is over', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    expect(await store.takeDue(10, 1000)).toEqual([]);
    room.pass(60_000);
    expect(await store.takeDue(10, 1000)).toMatchObject([{ saleId }]);
    expect(await store.takeDue(10, 1000)).toEqual([]);
    room.pass(1000);
    expect(await store.takeDue(10, 1000)).toMatchObject([{ saleId }]);
  });

  function notice(more: Partial<NewNotice> = {}): NewNotice {
    return {
      ...{ noticeId: 'n', saleId: 's', body: '{}', chargeId: null, pending: false },
      ...{ amountIdr: 15_000, settlement: true, ...more },
    };
  }
  const confirm = (noticeId: string): Promise<void> =>
    store.settleNotices((nextAtMs) => [{ noticeId, state: 'confirmed', nextAtMs }]);

  test('a notice is kept once, leased to whoever kept it, and taken until it is settled', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    const kept = await store.keepNotice(notice({ saleId }), 1000);
    expect(kept).toMatchObject({ keeping: 'stored', sale: { saleId }, notice: { attempts: 1 } });
    const again = await store.keepNotice(notice({ saleId }), 1000);
    expect(again).toMatchObject({ keeping: 'repeated', notice: undefined });
    expect(await store.salesNoticed(10)).toEqual([]);
    expect(await store.takeNotices(saleId, 1000)).toEqual([]);
    room.pass(1000);
    expect(await store.salesNoticed(10)).toEqual([saleId]);
    const taken = await store.takeNotices(saleId, 1000);
    expect(taken).toMatchObject([{ noticeId: 'n', attempts: 2 }]);
    expect(await store.takeNotices(saleId, 1000)).toEqual([]);
    // Whoever has it may have it for longer, as long as nobody else has taken it.
    room.pass(999);
    const longer = await store.takeNotices(saleId, 1000, taken);
    expect(longer).toMatchObject([{ noticeId: 'n', attempts: 3 }]);
    expect(await store.takeNotices(saleId, 1000, taken)).toEqual([]);
    room.pass(1000);
    await store.takeNotices(saleId, 1000);
    expect(await store.takeNotices(saleId, 1000, longer)).toEqual([]);
    room.pass(1000);
    expect(await store.takeNotices(saleId, 1000)).toHaveLength(1);
    room.pass(1000);
    await confirm('n');
    expect(await store.takeNotices(saleId, 1000)).toEqual([]);
  });

  test('the depths count what waits, and nothing that is over', async () => {
    const nothing = { notices: 0, outbox: 0, claims: 0, openSales: 0, kiosksOnline: 0 };
    expect(await store.depths()).toEqual(nothing);
    const saleId = newId();
    await store.put(put(saleId));
    await store.keepNotice(notice({ saleId }), 1000);
    await store.noteStatus('ksk01', true, null);
    expect(await store.depths()).toMatchObject({ notices: 1, openSales: 1, kiosksOnline: 1 });
    await confirm('n');
    await settle(saleId);
    await store.move(saleId, { type: 'fulfilment', result: 'failed', detail: null });
    expect(await store.depths()).toMatchObject({ outbox: 1, claims: 1 });
    await store.moveClaim(saleId, { type: 'redeem', dispenseId: 'd1' });
    await store.moveClaim(saleId, { type: 'redeem-result', dispenseId: 'd1', result: 'done' });
    await store.acked('ksk01', 1);
    await store.noteStatus('ksk01', false, null);
    expect(await store.depths()).toEqual(nothing);
  });

  test('with a notice of settlement its sale holds back its deadline, if the amount agrees', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await store.keepNotice(notice({ saleId, noticeId: 'a', amountIdr: 1 }), 0);
    await store.keepNotice(notice({ saleId, noticeId: 'b', settlement: false }), 0);
    expect(await store.sale(saleId)).toMatchObject({ noticedAtMs: null });
    const { sale } = await store.keepNotice(notice({ saleId, noticeId: 'c' }), 0);
    expect(sale?.noticedAtMs).toEqual(expect.any(Number));
    expect(await store.sale(saleId)).toEqual(sale);
  });

  test('a notice of an unknown order is kept as that, and nobody asks about it', async () => {
    const kept = await store.keepNotice(notice(), 0);
    expect(kept).toEqual({ keeping: 'stored', sale: undefined, notice: undefined });
    room.pass(60_000);
    expect(await store.salesNoticed(10)).toEqual([]);
    expect((await store.keepNotice(notice(), 0)).keeping).toBe('repeated');
  });

  test('an answer and what it settles are stored together, or not at all', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await store.keepNotice(notice({ saleId }), 0);
    const event = {
      type: 'status-answered',
      asked: saleId,
      outcome: settled(saleId),
      merchantId,
    } as const;
    const refuses = (): never => {
      throw new Error('judged badly');
    };
    await expect(store.answerNotices(saleId, event, refuses)).rejects.toThrow('judged badly');
    expect(await store.sale(saleId)).toMatchObject({ verdict: 'creating', seq: 0 });
    const decision = await store.answerNotices(saleId, event, (made, nextAtMs) => {
      expect(made.row.verdict).toBe('paid');
      return [{ noticeId: 'n', state: 'confirmed', nextAtMs }];
    });
    expect(decision?.moved).toBe(true);
    room.pass(60_000);
    expect(await store.salesNoticed(10)).toEqual([]);
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ saleId, seq: 1 }]);
    expect(await store.answerNotices('ghost', event, () => [])).toBeUndefined();
  });

  test('a sale has room for so many notices; one more makes it be asked about again, later', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    const keep = async (noticeId: string, of = saleId): Promise<string> =>
      (await store.keepNotice(notice({ noticeId, saleId: of }), 0)).keeping;
    for (let i = 0; i < 32; i++) {
      expect(await keep(`n${i}`)).toBe('stored');
      await confirm(`n${i}`);
    }
    expect(await keep('more')).toBe('crowded');
    expect(await keep('n3')).toBe('repeated');
    expect(await store.salesNoticed(10)).toEqual([]);
    room.pass(10_000);
    expect(await store.salesNoticed(10)).toEqual([saleId]);
    expect(await store.takeNotices(saleId, 1000)).toHaveLength(1);
    expect(await keep('x', 'other')).toBe('stored');
  });

  test('a claim shrinks with every part that was paid back', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    await settle(saleId);
    await settle(saleId, { state: 'refunded', refundedIdr: 5_000 });
    expect(await store.claim(saleId)).toMatchObject({ state: 'open', amountIdr: 10_000 });
  });

  test('whoever was enrolled or revoked stays due at the broker until it was told', async () => {
    const due = async (): Promise<(number | null)[]> =>
      (await store.brokerDue(9)).map((kiosk) => kiosk.revokedAtMs);
    expect(await due()).toEqual([null]);
    const [enrolled] = await store.brokerDue(9);
    expect(await store.revoke('ksk01')).toBe(true);
    expect(await store.revoke('ghost')).toBe(false);
    // What it said before comes after it.
    await store.noteStatus('ksk01', true, '{}');
    expect(await store.kiosk('ksk01')).toMatchObject({ online: 0, status: null });
    // The broker was told of what is over.
    if (enrolled !== undefined) await store.brokerTold(enrolled);
    expect(await due()).toEqual([expect.any(Number)]);
    const [revoked] = await store.brokerDue(9);
    if (revoked !== undefined) await store.brokerTold(revoked);
    expect(await due()).toEqual([]);
  });

  test('a code that is over or was never made enrols nobody', async () => {
    await store.addEnrolment('old', 'ksk02', 1000);
    room.pass(1000);
    const more = { serial: null, claimSecret: 's', brokerPassword: null };
    expect(await store.enrol('old', key, more)).toEqual({ kind: 'refused' });
    expect(await store.enrol('none', key, more)).toEqual({ kind: 'refused' });
  });
});
