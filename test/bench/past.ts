// Years of sales, made by the database itself in one statement: paid, handed over, acknowledged, each with its notice.
import { sql, type Kysely } from 'kysely';
import { type SaleRow } from '../../src/relay/sale-row.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { type NoticeRow, type Tables } from '../../src/relay/store/schema.ts';
import { settledNotice } from './notices.ts';
import { kioskName, layKiosks, pendingSale, saleName } from './rows.ts';

const publicX = 'A'.repeat(43);
const minuteMs = 60_000;
const secondMs = 1_000;

interface Words {
  series: (count: number) => string;
  padded: (number: string, digits: number) => string;
}

/** What the two databases spell differently. */
const words: Record<Database['dialect'], Words> = {
  sqlite: {
    series: (count) =>
      `(with recursive n(i) as (select 0 union all select i + 1 from n where i < ${count - 1}) select i from n) as series`,
    padded: (number, digits) => `printf('%0${digits}d', ${number})`,
  },
  postgres: {
    series: (count) => `(select generate_series(0, ${count - 1}) as i) as series`,
    padded: (number, digits) => `lpad((${number})::text, ${digits}, '0')`,
  },
};

/** @param count a whole number of sales for each kiosk, so a multiple of `kiosks`. */
export async function layPast(database: Database, count: number, kiosks: number): Promise<void> {
  const { padded, series } = words[database.dialect];
  const kioskIds = Array.from({ length: kiosks }, (_, at) => kioskName(at));
  await layKiosks(database, kioskIds, publicX);
  const kioskId = `'bk' || ${padded(`i % ${kiosks}`, 5)}`;
  const seq = `(i / ${kiosks} + 1)`;
  const saleId = `${kioskId} || '-01JD' || ${padded(seq, 22)}`;
  const nowMs = database.nowMs();
  // The newest is a minute old, and each is a second older than the next.
  const atMs = `(${nowMs} - (${count} - i) * ${secondMs} - ${minuteMs})`;
  const sale: SaleRow = {
    ...pendingSale(kioskName(0), 1, nowMs),
    ...{ verdict: 'paid', fulfilment: 'done', settledIdr: 15_000, issuer: 'gopay' },
  };
  const notice: NoticeRow = {
    ...{ noticeId: '', saleId: '', body: settledNotice(saleName(kioskName(0), 1)) },
    ...{ chargeId: '', pending: 0, state: 'confirmed', attempts: 1 },
    ...{ receivedAtMs: 0, nextAtMs: 0 },
  };
  const given = { seq: count / kiosks, ackedSeq: count / kiosks };
  await database.transact((tx) => tx.updateTable('kiosks').set(given).execute());
  // Without the limits of time that a relay sets to its steps.
  await database.forSchema(async (db) => {
    await fill(db, 'sales', sale, series(count), {
      ...{ saleId, kioskId, seq, prev: `${seq} - 1`, chargeId: `'c-' || ${saleId}` },
      ...{ createdAtMs: atMs, movedAtMs: atMs, settledAtMs: atMs, chargedAtMs: atMs },
      ...{ deadlineAtMs: atMs, expiresAtMs: atMs },
    });
    await fill(db, 'notices', notice, series(count), {
      ...{ noticeId: padded('i', 64), saleId, chargeId: `'c-' || ${saleId}` },
      ...{ receivedAtMs: atMs, nextAtMs: atMs },
    });
    await settleDown(db, database.dialect);
  });
}

/** `insert … select`: each column is its expression, or the template's value. */
async function fill<Row extends object>(
  db: Kysely<Tables>,
  table: string,
  template: Row,
  series: string,
  expressions: Partial<Record<keyof Row, string>>,
): Promise<void> {
  const given: Partial<Record<string, string>> = expressions;
  const columns = Object.keys(template).map((name) => sql.ref(name));
  const values = Object.entries(template).map(([name, value]) => {
    const expression = given[name];
    return expression === undefined ? literal(value) : sql.raw(expression);
  });
  await sql`insert into ${sql.table(table)} (${sql.join(columns)}) select ${sql.join(values)} from ${sql.raw(series)}`.execute(
    db,
  );
}

function literal(value: unknown): ReturnType<typeof sql.raw> {
  if (value === null) return sql.raw('null');
  return typeof value === 'number' ? sql.raw(String(value)) : sql.lit(value);
}

/** What a database does by itself within minutes of such a load, done now. */
async function settleDown(db: Kysely<Tables>, dialect: Database['dialect']): Promise<void> {
  if (dialect === 'sqlite') {
    await sql`pragma wal_checkpoint(truncate)`.execute(db);
    return;
  }
  await sql`vacuum analyze`.execute(db);
  await sql`checkpoint`.execute(db);
}
