// What waits for kiosks that are away costs nobody else anything, on every database.
import { CompiledQuery, sql } from 'kysely';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { type Database } from '../../src/relay/store/database.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { queryToTell } from '../../src/relay/store/outbox.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { databases, type Room } from './databases.ts';

const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
const absent = 2_000;
const rowsEach = 10;

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  let database: Database;
  let store: Store;
  beforeEach(async () => {
    room = await newRoom();
    database = await room.connect();
    store = await openStore(database, 'ledger');
  });
  afterEach(async () => {
    await store.close();
    await room.leave();
  });

  async function enrol(kioskId: string): Promise<void> {
    await store.addEnrolment(kioskId, kioskId, 60_000);
    await store.enrol(kioskId, key, { serial: null, claimSecret: 's', brokerPassword: null });
  }

  async function denied(kioskId: string): Promise<string> {
    const saleId = `${kioskId}-${ulid(store.nowMs())}`;
    const put = { saleId, kioskId, amountIdr: 15_000, items: null, chargeKey: 'key' };
    await store.put({ type: 'put', ...put, deadlineAtMs: store.nowMs() + 180_000 });
    const outcome = { kind: 'refused', code: '400', reason: 'charge-invalid' } as const;
    await store.move(saleId, { type: 'charge-answered', outcome, merchantId: 'M' });
    return saleId;
  }

  /** Copies of this kiosk and its sale, each under ids of its own: all away, all with rows that are due. */
  async function multiply(kioskId: string, saleId: string): Promise<void> {
    const kiosk = `'k' || (n.i / ${rowsEach})`;
    const own = new Map([
      ['kiosk_id', kiosk],
      ['sale_id', `${kiosk} || '-' || n.i`],
    ]);
    for (const table of ['kiosks', 'sales', 'outbox']) {
      const isKiosk = table === 'kiosks';
      const { rows } = await sql<Record<string, unknown>>`
        select * from ${sql.table(table)} limit 1`.execute(database.db.withoutPlugins());
      const columns = Object.keys(rows[0] ?? {});
      const values = columns.map((column) => own.get(column) ?? column).join();
      const source = isKiosk ? `kiosk_id = '${kioskId}'` : `sale_id = '${saleId}'`;
      const some = isKiosk ? `and n.i % ${rowsEach} = 0` : '';
      const copies = CompiledQuery.raw(`insert into ${table} (${columns.join()})
        with recursive n(i) as (select 0 union all select i + 1 from n where i < ${absent * rowsEach - 1})
        select ${values} from n, ${table} where ${source} ${some}`);
      await database.forSchema((db) => db.executeQuery(copies));
    }
    if (database.dialect === 'postgres') await sql`analyze`.execute(database.db);
  }

  async function plan(): Promise<string> {
    const { sql: text, parameters } = queryToTell(database.db, {
      nowMs: store.nowMs(),
    }).compile();
    const how = database.dialect === 'sqlite' ? 'explain query plan' : 'explain';
    const { rows } = await database.db.executeQuery(
      CompiledQuery.raw(`${how} ${text}`, [...parameters]),
    );
    return JSON.stringify(rows);
  }

  test('who is to be told is found by two indexes, past all that waits for the others', async () => {
    await enrol('ksk01');
    await multiply('ksk01', await denied('ksk01'));
    const words = await plan();
    expect(words).toContain('kiosks_to_tell');
    expect(words).toContain('outbox_kiosk_id_next_at_ms');
    expect(words).not.toMatch(/Seq Scan|SCAN outbox/);
    expect(await store.kiosksToTell(10)).toEqual([]);
    await store.noteStatus('ksk01', true, null);
    expect(await store.kiosksToTell(10)).toEqual(['ksk01']);
    expect(await store.acked('ksk01', 1)).toBe(true);
    expect(await store.kiosksToTell(10)).toEqual([]);
  });
});
