// From every released schema to this one: nothing that was stored is lost, and the store works on it.
import { sql, type Kysely } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { migrate } from '../../src/relay/store/migrations.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Tables } from '../../src/relay/store/schema.ts';
import { databases, type Room } from './databases.ts';

const saleId = 'ksk01-01JD0000000000000000000001';
const openId = 'ksk01-01JD0000000000000000000002';

/** What a relay of the first release has written: a row in every table. */
const rowsOfFirst: Record<string, Record<string, unknown>[]> = {
  sales: [
    {
      ...{ sale_id: saleId, kiosk_id: 'ksk01', amount_idr: 15_000, items: null, verdict: 'paid' },
      ...{ seq: 1, prev: 0, created_at_ms: 1000, moved_at_ms: 2000, deadline_at_ms: 181_000 },
      ...{ charge_key: 'key', sent_at_ms: null, silent_at_ms: null, doubt_at_ms: null },
      ...{ charge_id: 'c', charged_at_ms: 1100, expires_at_ms: 900_000, qr_string: 'qr' },
      ...{ image_url: null, stop: null, stopped_at_ms: null, absent_at_ms: null },
      ...{ noticed_at_ms: null, held_at_ms: null, reason: null, settled_at_ms: 2000 },
      ...{ issuer: 'gopay', refunded_idr: 0, fulfilment: 'failed', fulfilment_detail: 'jam' },
      ask_at_ms: null,
    },
    {
      ...{
        sale_id: openId,
        kiosk_id: 'ksk01',
        amount_idr: 20_000,
        items: '[]',
        verdict: 'pending',
      },
      ...{ seq: 2, prev: 1, created_at_ms: 3000, moved_at_ms: 3000, deadline_at_ms: 183_000 },
      ...{ charge_key: 'key2', sent_at_ms: null, silent_at_ms: null, doubt_at_ms: null },
      ...{ charge_id: 'd', charged_at_ms: 3100, expires_at_ms: 900_000, qr_string: 'qr2' },
      ...{ image_url: null, stop: null, stopped_at_ms: null, absent_at_ms: null },
      ...{ noticed_at_ms: null, held_at_ms: null, reason: null, settled_at_ms: null },
      ...{ issuer: null, refunded_idr: 0, fulfilment: null, fulfilment_detail: null },
      ask_at_ms: 13_000,
    },
  ],
  claims: [
    {
      ...{ sale_id: saleId, kiosk_id: 'ksk01', kind: 'failed', amount_idr: 15_000 },
      ...{ operator_only: 0, state: 'open', opened_at_ms: 2000, changed_at_ms: 2000 },
    },
  ],
  kiosks: [
    {
      ...{ kiosk_id: 'ksk01', public_key: 'x', serial: 's', claim_secret: 'secret', seq: 2 },
      ...{ acked_seq: 1, enrolled_at_ms: 500, revoked_at_ms: null, boot_id: 'boot', online: 1 },
      ...{ status: '{}', status_at_ms: 900 },
    },
  ],
  boots: [
    { kiosk_id: 'ksk01', boot_id: 'boot-before', replaced_at_ms: 700 },
    { kiosk_id: 'ksk01', boot_id: 'boot', replaced_at_ms: null },
  ],
  outbox: [
    {
      ...{ sale_id: openId, kiosk_id: 'ksk01', seq: 2, state: 'sent' },
      ...{ attempts: 1, next_at_ms: 8000 },
    },
  ],
  notices: [
    {
      ...{ notice_id: 'n', sale_id: saleId, body: '{"a":1}', charge_id: null, pending: 0 },
      ...{ state: 'confirmed', received_at_ms: 1900, attempts: 1, next_at_ms: 2000 },
    },
  ],
  enrolments: [{ code_hash: 'hash', kiosk_id: 'ksk01', expires_at_ms: 1000, used_by: 'x' }],
  meta: [{ name: 'ledgerId', value: 'ledger-old' }],
};

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  beforeEach(async () => {
    room = await newRoom();
  });
  afterEach(async () => {
    await room.leave();
  });

  test('from the first release: every row is there, and the sale goes on', async () => {
    const old = await room.connect();
    await migrate(old, '0001-first');
    await old.forSchema(insertFirst);
    await old.close();
    const database = await room.connect();
    const store = await openStore(database, 'ledger-new');
    expect(store.ledgerId).toBe('ledger-old');
    for (const [table, rows] of Object.entries(rowsOfFirst)) {
      const present = await database.db
        .withoutPlugins()
        .selectFrom(sql.table(table).as('t'))
        .selectAll()
        .execute();
      expect(present).toHaveLength(rows.length);
      for (const row of rows) expect(present).toContainEqual(expect.objectContaining(row));
    }
    // It is known since when the living boot speaks: since it replaced the last one.
    const boots = database.db.selectFrom('boots').select(['bootId', 'spokeAtMs']);
    expect(await boots.execute()).toContainEqual({ bootId: 'boot', spokeAtMs: 700 });
    expect(await store.claim(saleId)).toMatchObject({
      state: 'open',
      amountIdr: 15_000,
      refundN: 0,
    });
    expect(await store.dueOutbox('ksk01', 10)).toMatchObject([{ sale: { saleId: openId } }]);
    const done = await store.move(openId, {
      type: 'fulfilment',
      result: 'abandoned',
      detail: null,
    });
    expect(done?.row.stop).toBe('abandoned');
    await store.close();
  });

  test('what had gone back before the day close knew when, went back when its verdict moved', async () => {
    const old = await room.connect();
    await migrate(old, '0001-first');
    await old.forSchema(insertFirst);
    await migrate(old, '0007-restored');
    await old.forSchema((db) =>
      sql`update sales set verdict = 'refunded', refunded_idr = 15000 where sale_id = ${saleId}`.execute(
        db,
      ),
    );
    const store = await openStore(old, 'ledger-new');
    expect(await store.sale(saleId)).toMatchObject({ refundedAtMs: 2000 });
    expect(await store.sale(openId)).toMatchObject({ refundedAtMs: null });
    await store.close();
  });

  test('a claim that a restore had locked by its note stays locked', async () => {
    const old = await room.connect();
    await migrate(old, '0001-first');
    await old.forSchema(insertFirst);
    await migrate(old, '0006-boots');
    await old.forSchema((db) => sql`update claims set note = 'restored'`.execute(db));
    const store = await openStore(old, 'ledger-new');
    expect(await store.claim(saleId)).toMatchObject({ restored: 1, note: 'restored' });
    await store.close();
  });

  test.each([
    ['its note was written over since', 1, { operator_only: 1, note: 'redeem-failed' }],
    ['it is on its way back', 1, { operator_only: 1, state: 'refunding', ordered_idr: 15_000 }],
    ['it was released', 0, { operator_only: 1, note: 'released' }],
    ['it opened after the restore', 0, { operator_only: 1, opened_at_ms: 5_001 }],
    ['it is over', 0, { operator_only: 1, state: 'refunded' }],
    ['nobody restored anything', 0, { operator_only: 1, note: 'redeem-failed' }],
  ])('a claim of before a restore is locked unless that is over: %s', async (why, locked, row) => {
    const old = await room.connect();
    await migrate(old, '0001-first');
    await old.forSchema(insertFirst);
    await migrate(old, '0006-boots');
    const columns = Object.entries(row).map(([name, value]) => sql`${sql.ref(name)} = ${value}`);
    await old.forSchema(async (db) => {
      await sql`update claims set ${sql.join(columns)}`.execute(db);
      if (why === 'nobody restored anything') return;
      await sql`insert into meta (name, value) values ('restoredAtMs', '5000')`.execute(db);
    });
    const store = await openStore(old, 'ledger-new');
    expect(await store.claim(saleId)).toMatchObject({ restored: locked });
    await store.close();
  });

  test('a schema that is up to date is left as it is', async () => {
    const database = await room.connect();
    await migrate(database);
    await migrate(database);
    await database.close();
  });

  test('a migration that fails leaves the schema as it was', async () => {
    const database = await room.connect();
    await migrate(database, '0001-first');
    // In the way of something late in the second one.
    await database.forSchema((db) =>
      db.schema.createTable('keys').addColumn('kid', 'text').execute(),
    );
    await expect(migrate(database)).rejects.toThrow('cannot be brought up to date');
    await database.forSchema((db) => db.schema.dropTable('keys').execute());
    const store = await openStore(database, 'ledger');
    expect(await store.keys()).toEqual([]);
    await store.close();
  });
});

async function insertFirst(db: Kysely<Tables>): Promise<void> {
  for (const [table, rows] of Object.entries(rowsOfFirst)) {
    for (const row of rows) {
      const columns = sql.join(Object.keys(row).map((column) => sql.ref(column)));
      const values = sql.join(Object.values(row));
      await sql`insert into ${sql.table(table)} (${columns}) values (${values})`.execute(db);
    }
  }
}
