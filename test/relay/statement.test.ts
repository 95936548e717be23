// The hot statements on SQLite, which go past kysely: they must answer as kysely does, and see no more than it does.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { emptyRow } from '../../src/relay/ledger.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { migrate } from '../../src/relay/store/migrations.ts';
import { insertSale, selectSale, updateSale } from '../../src/relay/store/sale-statements.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';

const saleId = 'ksk01-01JD0000000000000000000001';
const row = {
  ...emptyRow,
  ...{ saleId, kioskId: 'ksk01', amountIdr: 15_000, qrString: 'qr' },
  ...{ createdAtMs: 1_767_236_400_000, movedAtMs: 2, deadlineAtMs: 3 },
};

let dir: string;
let database: Database;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-statement-'));
  database = openSqlite(join(dir, 'relay.db'), () => 0);
  await migrate(database);
  await database.transact((tx) => insertSale(tx, { row }));
});
afterEach(async () => {
  await database.close();
  rmSync(dir, { recursive: true, force: true });
});

test('a row is what kysely would have made of it', async () => {
  const [sale] = await selectSale(database.db, { saleId });
  const { db } = database;
  expect(sale).toEqual(await db.selectFrom('sales').selectAll().executeTakeFirst());
  expect(sale).toEqual(row);
});

test('two rows of one statement are two objects', async () => {
  const [one] = await selectSale(database.db, { saleId });
  const [other] = await selectSale(database.db, { saleId });
  if (one !== undefined) one.verdict = 'paid';
  expect(other).toMatchObject({ verdict: 'creating' });
});

test('whoever reads meanwhile sees nothing of a step that is not committed', async () => {
  const read: Promise<unknown>[] = [];
  const step = database.transact(async (tx) => {
    await updateSale(tx, { saleId, changed: { verdict: 'paid' } });
    expect(await selectSale(tx, { saleId })).toMatchObject([{ verdict: 'paid' }]);
    read.push(selectSale(database.db, { saleId }));
    await selectSale(tx, { saleId });
    throw new Error('it falls');
  });
  await expect(step).rejects.toThrow('it falls');
  expect(await Promise.all(read)).toMatchObject([[{ verdict: 'creating' }]]);
});

test('a statement that fails is an error of whoever asked', async () => {
  await expect(database.transact((tx) => insertSale(tx, { row }))).rejects.toThrow(/UNIQUE/);
  expect(await selectSale(database.db, { saleId })).toHaveLength(1);
});
