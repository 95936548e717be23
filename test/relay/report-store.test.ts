// What the day close and the key chain read and write, on every database that there is.
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import {
  dayStore,
  dayTimeMs,
  type DayCursor,
  type DaySales,
  type DayStore,
} from '../../src/relay/store/day.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { keyStore, type KeyStore } from '../../src/relay/store/keys.ts';
import { migrate } from '../../src/relay/store/migrations.ts';
import { type KeyRow, type KioskRow, type NoticeRow } from '../../src/relay/store/schema.ts';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { databases, type Room } from './databases.ts';
import { rowOf } from './ledger-rows.ts';
import { claimOf } from './report-rows.ts';

const span = { fromMs: 1_000, toMs: 2_000 };

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let database: Database;
  let days: DayStore;
  let keys: KeyStore;

  beforeEach(async () => {
    room = await newRoom();
    database = await room.connect();
    await migrate(database);
    days = dayStore(database);
    keys = keyStore(database);
  });
  afterEach(async () => {
    await database.close();
    await room.leave();
  });

  async function sale(
    saleId: string,
    createdAtMs: number,
    settledAtMs: number | null,
  ): Promise<void> {
    const verdict: SaleRow['verdict'] = settledAtMs === null ? 'cancelled' : 'paid';
    const row = { ...rowOf(verdict), saleId, createdAtMs, settledAtMs };
    await database.db.insertInto('sales').values(row).execute();
  }

  /** All pages of two. */
  async function all(which: DaySales): Promise<string[]> {
    const ids: string[] = [];
    let after: DayCursor | undefined;
    for (;;) {
      const page = await days.salesOfDay(span, which, after, 2);
      const last = page.at(-1);
      if (last === undefined) return ids;
      ids.push(...page.map((row) => row.sale.saleId));
      after = { atMs: dayTimeMs(last, which), saleId: last.sale.saleId };
    }
  }

  test('a day is every sale that was begun or settled in it, once, in the order of its time', async () => {
    await sale('b', 1_000, null);
    await sale('a', 1_000, 1_999);
    await sale('c', 1_000, 2_000);
    await sale('d', 1_999, 1_999);
    await sale('e', 999, 1_000);
    await sale('g', 999, 1_500);
    await sale('f', 2_000, 1_500);
    await sale('x', 999, 999);
    await sale('y', 2_000, 2_000);
    await sale('z', 999, null);
    expect(await all('begun')).toEqual(['a', 'b', 'c', 'd']);
    expect(await all('settled')).toEqual(['e', 'f', 'g']);
  });

  test('and those of other days of which money went back in it, or whose claim changed in it, once', async () => {
    const refunded = async (saleId: string, refundedAtMs: number): Promise<unknown> =>
      database.db.updateTable('sales').set({ refundedAtMs }).where('saleId', '=', saleId).execute();
    const claimed = async (saleId: string, changedAtMs: number): Promise<unknown> =>
      database.db
        .insertInto('claims')
        .values({ ...claimOf({ changedAtMs }), saleId })
        .execute();
    for (const id of ['a', 'b', 'c', 'd', 'e', 'f']) await sale(id, 100, 200);
    await sale('today', 1_500, 1_600);
    await sale('unsettled', 100, null);
    await refunded('a', 1_999);
    await refunded('b', 1_000);
    await refunded('c', 2_000);
    await refunded('today', 1_700);
    for (const id of ['a', 'today']) await claimed(id, 1_700);
    await claimed('c', 1_001);
    await claimed('d', 1_000);
    await claimed('e', 999);
    await claimed('unsettled', 1_001);
    expect(await all('begun')).toEqual(['today']);
    expect(await all('settled')).toEqual([]);
    expect(await all('refunded')).toEqual(['b', 'a']);
    expect(await all('claim')).toEqual(['d', 'c', 'unsettled']);
  });

  test('a sale comes with its claim, its numbers as numbers', async () => {
    await sale('a', 1_000, 1_000);
    await database.db
      .insertInto('claims')
      .values({
        ...{ saleId: 'a', kioskId: 'ksk01', kind: 'failed', amountIdr: 15_000, operatorOnly: 0 },
        ...{ state: 'open', openedAtMs: 1, changedAtMs: 1, dispenseId: null, spentIds: '[]' },
        ...{
          refundN: 0,
          refundIdr: 0,
          refundAtMs: null,
          orderedIdr: 0,
          handIdr: 0,
          restored: 0,
          note: null,
          askAtMs: null,
        },
      })
      .execute();
    const row = await days.saleWithClaim('a');
    expect(row).toMatchObject({ sale: { settledIdr: 15_000 }, claim: { amountIdr: 15_000 } });
    expect(await days.salesOfDay(span, 'begun', undefined, 2)).toEqual([row]);
    expect(await days.saleWithClaim('b')).toBeUndefined();
  });

  test('notices of nobody’s orders are those of the day that are still nobody’s', async () => {
    const notice = (
      noticeId: string,
      receivedAtMs: number,
      state: NoticeRow['state'],
    ): NoticeRow => ({
      ...{ noticeId, saleId: 'other', body: '{}', chargeId: null, pending: 0, state, receivedAtMs },
      ...{ attempts: 0, nextAtMs: 0 },
    });
    const rows = [
      notice('a', 1_000, 'unknown-order'),
      notice('b', 1_999, 'unknown-order'),
      notice('c', 1_500, 'confirmed'),
      notice('d', 2_000, 'unknown-order'),
    ];
    await database.db.insertInto('notices').values(rows).execute();
    const ids = (await days.unknownNotices(span, 10)).map(({ noticeId }) => noticeId);
    expect(ids).toEqual(['a', 'b']);
    expect(await days.unknownNotices(span, 1)).toHaveLength(1);
  });

  test('the list of kiosks counts what each has not acknowledged', async () => {
    await sale('a', 1, null);
    const kiosk: KioskRow = {
      ...{ kioskId: 'ksk02', publicKey: 'x', serial: null, claimSecret: 'x', seq: 1, ackedSeq: 0 },
      ...{ enrolledAtMs: 1, revokedAtMs: null, bootId: null, online: 1, status: null },
      ...{ statusAtMs: null, brokerPassword: null, brokerDue: 0 },
    };
    await database.db
      .insertInto('kiosks')
      .values([kiosk, { ...kiosk, kioskId: 'ksk03' }])
      .execute();
    await database.db
      .insertInto('outbox')
      .values({ saleId: 'a', kioskId: 'ksk02', seq: 1, state: 'due', attempts: 0, nextAtMs: 0 })
      .execute();
    const lines = await days.kiosksAfter('', 10);
    expect(lines.map((line) => [line.kiosk.kioskId, line.unacked])).toEqual([
      ['ksk02', 1],
      ['ksk03', 0],
    ]);
    expect(await days.kiosksAfter('ksk02', 10)).toHaveLength(1);
  });

  test('of many who add a link at one place, one does', async () => {
    const key = (kid: string, place: number): KeyRow => ({
      ...{ kid, place, publicKey: kid, signed: null, createdAtMs: 1, activeAtMs: 2 },
    });
    const first = ['a', 'b', 'c', 'd'].map((kid) => keys.addKey(key(kid, 1)));
    expect((await Promise.all(first)).filter(Boolean)).toHaveLength(1);
    expect(await keys.addKey(key('e', 2))).toBe(true);
    expect(await keys.addKey(key('e', 3))).toBe(false);
    expect((await keys.keys()).map(({ place }) => place)).toEqual([1, 2]);
    await keys.beginKeys(key('z', 1));
    expect(await keys.keys()).toEqual([key('z', 1)]);
  });
});
