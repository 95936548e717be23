// The store, on every database that there is: what is decided is durable as a whole, in each kiosk's own order.
import { mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type PutEvent, type Store } from '../../src/relay/store/store.ts';
import { type ChargeStatus } from '../../src/relay/midtrans/gateway.ts';

const merchantId = 'G000000001';
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;

describe.each([['sqlite', openSqlite]])('%s', (_name, open) => {
  let dir: string;
  let nowMs: number;
  let store: Store;
  const reopen = (): Promise<Store> =>
    openStore(
      open(join(dir, 'relay.db'), () => nowMs),
      `ledger-${nowMs}`,
    );

  beforeEach(async () => {
    dir = mkdtempSync(join(tmpdir(), 'kios-store-'));
    nowMs = 1_767_236_400_000;
    store = await reopen();
    await store.addEnrolment('hash', 'ksk01', 60_000);
    await store.enrol('hash', key, { serial: null, claimSecret: 's', brokerPassword: null });
  });
  afterEach(async () => {
    await store.close();
    rmSync(dir, { recursive: true, force: true });
  });

  function put(saleId: string): PutEvent {
    return {
      ...{ type: 'put', saleId, kioskId: 'ksk01', amountIdr: 15_000, items: null },
      ...{ chargeKey: 'key', deadlineAtMs: nowMs + 180_000 },
    };
  }
  const newId = (): string => `ksk01-${ulid(nowMs)}`;

  async function settle(saleId: string, more: Partial<ChargeStatus> = {}): Promise<void> {
    const status: ChargeStatus = {
      ...{ saleId, chargeId: 'c', state: 'settled', amountIdr: 15_000, currency: 'IDR' },
      merchantId,
      ...{ fraud: 'accept', refundedIdr: 0, refundConfirmed: false },
      ...more,
    };
    await store.move(saleId, {
      ...{ type: 'status-answered', asked: saleId, outcome: { kind: 'found', status }, merchantId },
    });
  }

  test('keeps its ledger id and its rows over a restart, readable by the owner alone', async () => {
    const saleId = newId();
    await store.put(put(saleId));
    const { ledgerId } = store;
    await store.close();
    nowMs += 1;
    store = await reopen();
    expect(store.ledgerId).toBe(ledgerId);
    expect(await store.sale(saleId)).toMatchObject({ verdict: 'creating', chargeKey: 'key' });
    expect(statSync(join(dir, 'relay.db')).mode & 0o777).toBe(0o600);
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
    const orphan = `ghost-${ulid(nowMs)}`;
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
    await store.sent(row, nowMs + 60_000);
    // What was sent was the earlier state: the later one is due still.
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ seq: 2, attempts: 0 }]);
    expect(await store.acked('ksk01', 3)).toBe(false);
    expect(await store.acked('ksk01', 1)).toBe(true);
    expect(await store.dueOutbox('ksk01', 10)).toHaveLength(1);
    expect(await store.acked('ksk01', 2)).toBe(true);
    expect(await store.dueOutbox('ksk01', 10)).toHaveLength(0);
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
    nowMs += 60_000;
    expect(await store.takeDue(10, 1000)).toMatchObject([{ saleId }]);
    expect(await store.takeDue(10, 1000)).toEqual([]);
    nowMs += 1000;
    expect(await store.takeDue(10, 1000)).toMatchObject([{ saleId }]);
  });

  const notice = { noticeId: 'n', saleId: 's', body: '{}', chargeId: null, pending: false };

  test('a notice is kept once, and taken until it is settled', async () => {
    expect(await store.keepNotice(notice)).toBe('stored');
    expect(await store.keepNotice(notice)).toBe('repeated');
    expect(await store.salesNoticed(10)).toEqual(['s']);
    expect(await store.takeNotices('s', 1000)).toMatchObject([{ noticeId: 'n', attempts: 1 }]);
    expect(await store.salesNoticed(10)).toEqual([]);
    expect(await store.takeNotices('s', 1000)).toEqual([]);
    nowMs += 1000;
    expect(await store.takeNotices('s', 1000)).toMatchObject([{ attempts: 2 }]);
    await store.settleNotice('n', { state: 'confirmed', nextAtMs: nowMs });
    nowMs += 1000;
    expect(await store.takeNotices('s', 1000)).toEqual([]);
  });

  test('a sale has room for so many notices; one more makes it be asked about again, later', async () => {
    for (let i = 0; i < 32; i++) {
      expect(await store.keepNotice({ ...notice, noticeId: `n${i}` })).toBe('stored');
      await store.settleNotice(`n${i}`, { state: 'confirmed', nextAtMs: nowMs });
    }
    expect(await store.keepNotice({ ...notice, noticeId: 'more' })).toBe('crowded');
    expect(await store.keepNotice({ ...notice, noticeId: 'n3' })).toBe('repeated');
    expect(await store.salesNoticed(10)).toEqual([]);
    nowMs += 10_000;
    expect(await store.salesNoticed(10)).toEqual(['s']);
    expect(await store.takeNotices('s', 1000)).toHaveLength(1);
    expect(await store.keepNotice({ ...notice, noticeId: 'x', saleId: 'other' })).toBe('stored');
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
    // The broker was told of what is over.
    if (enrolled !== undefined) await store.brokerTold(enrolled);
    expect(await due()).toEqual([nowMs]);
    const [revoked] = await store.brokerDue(9);
    if (revoked !== undefined) await store.brokerTold(revoked);
    expect(await due()).toEqual([]);
  });

  test('a code that is over or was never made enrols nobody', async () => {
    await store.addEnrolment('old', 'ksk02', 1000);
    nowMs += 1000;
    const more = { serial: null, claimSecret: 's', brokerPassword: null };
    expect(await store.enrol('old', key, more)).toEqual({ kind: 'refused' });
    expect(await store.enrol('none', key, more)).toEqual({ kind: 'refused' });
  });
});
