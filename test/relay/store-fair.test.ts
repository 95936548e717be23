// One kiosk's leftovers keep nobody else's deadlines waiting, on every database that there is.
import { ulid } from 'ulid';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openStore } from '../../src/relay/store/open.ts';
import { maxTombstones } from '../../src/relay/store/sale-statements.ts';
import { maxDueAKiosk } from '../../src/relay/store/sales.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { databases, type Room } from './databases.ts';

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let store: Store;

  beforeEach(async () => {
    room = await newRoom();
    store = await openStore(await room.connect(), 'ledger-1');
    for (const kioskId of ['loud1', 'loud2', 'quiet']) {
      await store.addEnrolment(kioskId, kioskId, 60_000);
      const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
      const more = { serial: null, claimSecret: 's', brokerPassword: null };
      await store.enrol(kioskId, key, more);
    }
  });
  afterEach(async () => {
    await store.close();
    await room.leave();
  });

  const newId = (kioskId: string): string => `${kioskId}-${ulid(store.nowMs())}`;

  async function putAway(kioskId: string): Promise<string> {
    const saleId = newId(kioskId);
    const about = { saleId, kioskId, amountIdr: 15_000, items: null };
    const deadlineAtMs = store.nowMs() + 60_000;
    await store.put({ type: 'put', ...about, chargeKey: 'key', deadlineAtMs });
    await store.move(saleId, { type: 'fulfilment', result: 'abandoned', detail: null });
    return saleId;
  }

  function cancel(kioskId: string): Promise<unknown> {
    const about = { saleId: newId(kioskId), kioskId, amountIdr: 15_000 };
    return store.cancel({ type: 'cancel', ...about, reason: 'customer' });
  }

  test('a kiosk has so many cancels of unknown sales open and no more; others are not counted in', async () => {
    const saleId = await putAway('loud1');
    for (let i = 0; i < maxTombstones; i++) await cancel('loud1');
    await expect(cancel('loud1')).rejects.toMatchObject({ code: 'rate-limited' });
    await cancel('quiet');
    // A sale that stands can be cancelled all the same.
    const about = { saleId, kioskId: 'loud1', amountIdr: 15_000 };
    await store.cancel({ type: 'cancel', ...about, reason: 'customer' });
  });

  test('whatever two kiosks have left behind, the third one’s sale is taken in the same round', async () => {
    const names = ['loud1', 'loud2'];
    for (let i = 0; i < 70; i++) await Promise.all(names.map(putAway));
    room.pass(10);
    const saleId = await putAway('quiet');
    room.pass(120_000);
    const taken = await store.takeDue(16, 60_000);
    expect(taken.map((row) => row.saleId)).toContain(saleId);
    for (const name of names) {
      expect(taken.filter((row) => row.kioskId === name)).toHaveLength(maxDueAKiosk);
    }
  });

  test('in the end all of them are taken, each once', async () => {
    const ids: string[] = [];
    for (let i = 0; i < 20; i++) ids.push(await putAway('loud1'));
    room.pass(120_000);
    const taken: string[] = [];
    for (let i = 0; i < 20 / maxDueAKiosk; i++) {
      taken.push(...(await store.takeDue(16, 60_000)).map((row) => row.saleId));
    }
    expect(taken.sort()).toEqual(ids.sort());
    expect(await store.takeDue(16, 60_000)).toEqual([]);
  });
});
