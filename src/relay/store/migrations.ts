// The relay's schema, forward only: a released migration is never edited, a new one is added at the end.
import { sql, type Kysely } from 'kysely';
import { DEFAULT_MIGRATION_TABLE, Migrator, type Migration } from 'kysely/migration';
import { type Database } from './database.ts';

type Db = Kysely<unknown>;

const first: Migration = {
  async up(db: Db) {
    await createSales(db);
    await createKiosks(db);
    await db.schema
      .createTable('outbox')
      .addColumn('sale_id', 'text', (c) => c.primaryKey().references('sales.sale_id'))
      .addColumn('kiosk_id', 'text', (c) => c.notNull())
      .addColumn('seq', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .addColumn('next_at_ms', 'bigint', (c) => c.notNull())
      .execute();
    await index(db, 'outbox', ['kiosk_id', 'seq']);
    await index(db, 'outbox', ['next_at_ms']);
    await db.schema
      .createTable('notices')
      .addColumn('notice_id', 'text', (c) => c.primaryKey())
      .addColumn('sale_id', 'text', (c) => c.notNull())
      .addColumn('body', 'text', (c) => c.notNull())
      .addColumn('charge_id', 'text')
      .addColumn('pending', 'integer', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('received_at_ms', 'bigint', (c) => c.notNull())
      .addColumn('attempts', 'integer', (c) => c.notNull())
      .addColumn('next_at_ms', 'bigint', (c) => c.notNull())
      .execute();
    await index(db, 'notices', ['state', 'next_at_ms']);
    await index(db, 'notices', ['sale_id']);
    await db.schema
      .createTable('meta')
      .addColumn('name', 'text', (c) => c.primaryKey())
      .addColumn('value', 'text', (c) => c.notNull())
      .execute();
  },
};

async function createSales(db: Db): Promise<void> {
  await db.schema
    .createTable('sales')
    .addColumn('sale_id', 'text', (c) => c.primaryKey())
    .addColumn('kiosk_id', 'text', (c) => c.notNull())
    .addColumn('amount_idr', 'bigint', (c) => c.notNull())
    .addColumn('items', 'text')
    .addColumn('verdict', 'text', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('prev', 'bigint', (c) => c.notNull())
    .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('moved_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('deadline_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('charge_key', 'text')
    .addColumn('sent_at_ms', 'bigint')
    .addColumn('silent_at_ms', 'bigint')
    .addColumn('doubt_at_ms', 'bigint')
    .addColumn('charge_id', 'text')
    .addColumn('charged_at_ms', 'bigint')
    .addColumn('expires_at_ms', 'bigint')
    .addColumn('qr_string', 'text')
    .addColumn('image_url', 'text')
    .addColumn('stop', 'text')
    .addColumn('stopped_at_ms', 'bigint')
    .addColumn('absent_at_ms', 'bigint')
    .addColumn('noticed_at_ms', 'bigint')
    .addColumn('held_at_ms', 'bigint')
    .addColumn('reason', 'text')
    .addColumn('settled_at_ms', 'bigint')
    .addColumn('issuer', 'text')
    .addColumn('refunded_idr', 'bigint', (c) => c.notNull())
    .addColumn('fulfilment', 'text')
    .addColumn('fulfilment_detail', 'text')
    .addColumn('ask_at_ms', 'bigint')
    .execute();
  await index(db, 'sales', ['kiosk_id', 'seq']);
  await index(db, 'sales', ['kiosk_id', 'verdict']);
  await index(db, 'sales', ['ask_at_ms']);
  await db.schema
    .createTable('claims')
    .addColumn('sale_id', 'text', (c) => c.primaryKey().references('sales.sale_id'))
    .addColumn('kiosk_id', 'text', (c) => c.notNull())
    .addColumn('kind', 'text', (c) => c.notNull())
    .addColumn('amount_idr', 'bigint', (c) => c.notNull())
    .addColumn('operator_only', 'integer', (c) => c.notNull())
    .addColumn('state', 'text', (c) => c.notNull())
    .addColumn('opened_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('changed_at_ms', 'bigint', (c) => c.notNull())
    .execute();
}

async function createKiosks(db: Db): Promise<void> {
  await db.schema
    .createTable('kiosks')
    .addColumn('kiosk_id', 'text', (c) => c.primaryKey())
    .addColumn('public_key', 'text', (c) => c.notNull())
    .addColumn('serial', 'text')
    .addColumn('claim_secret', 'text', (c) => c.notNull())
    .addColumn('seq', 'bigint', (c) => c.notNull())
    .addColumn('acked_seq', 'bigint', (c) => c.notNull())
    .addColumn('enrolled_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('revoked_at_ms', 'bigint')
    .addColumn('boot_id', 'text')
    .addColumn('online', 'integer', (c) => c.notNull())
    .addColumn('status', 'text')
    .addColumn('status_at_ms', 'bigint')
    .execute();
  await db.schema
    .createTable('boots')
    .addColumn('kiosk_id', 'text', (c) => c.notNull())
    .addColumn('boot_id', 'text', (c) => c.notNull())
    .addColumn('replaced_at_ms', 'bigint')
    .addPrimaryKeyConstraint('boots_key', ['kiosk_id', 'boot_id'])
    .execute();
  await db.schema
    .createTable('enrolments')
    .addColumn('code_hash', 'text', (c) => c.primaryKey())
    .addColumn('kiosk_id', 'text', (c) => c.notNull())
    .addColumn('expires_at_ms', 'bigint', (c) => c.notNull())
    .addColumn('used_by', 'text')
    .execute();
}

async function index(db: Db, table: string, columns: string[]): Promise<void> {
  await db.schema
    .createIndex([table, ...columns].join('_'))
    .on(table)
    .columns(columns)
    .execute();
}

/** Claims that are paid out, the key chain, recovery, brokers outside, the day close. */
const second: Migration = {
  async up(db: Db) {
    await db.schema
      .alterTable('sales')
      .addColumn('recovering', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
    await db.schema
      .createIndex('sales_recovering')
      .on('sales')
      .column('kiosk_id')
      .where(sql.ref('recovering'), '=', sql.lit(1))
      .execute();
    // So that a kiosk with thousands of due rows can be passed over without looking at them.
    await db.schema.dropIndex('sales_ask_at_ms').execute();
    await index(db, 'sales', ['ask_at_ms', 'kiosk_id']);
    // Of one sale, however many wait of all sales together.
    await db.schema.dropIndex('notices_sale_id').execute();
    await index(db, 'notices', ['sale_id', 'state', 'next_at_ms']);
    await index(db, 'sales', ['created_at_ms']);
    await index(db, 'sales', ['settled_at_ms']);
    for (const column of ['dispense_id', 'note'] as const) {
      await db.schema.alterTable('claims').addColumn(column, 'text').execute();
    }
    await db.schema
      .alterTable('claims')
      .addColumn('spent_ids', 'text', (c) => c.notNull().defaultTo('[]'))
      .execute();
    for (const column of ['refund_n', 'refund_idr', 'ordered_idr', 'hand_idr'] as const) {
      await db.schema
        .alterTable('claims')
        .addColumn(column, 'bigint', (c) => c.notNull().defaultTo(0))
        .execute();
    }
    for (const column of ['ask_at_ms', 'refund_at_ms'] as const) {
      await db.schema.alterTable('claims').addColumn(column, 'bigint').execute();
    }
    await addSettled(db);
    await index(db, 'claims', ['ask_at_ms']);
    await index(db, 'claims', ['state', 'opened_at_ms']);
    await db.schema.alterTable('kiosks').addColumn('broker_password', 'text').execute();
    await db.schema
      .alterTable('kiosks')
      .addColumn('broker_due', 'integer', (c) => c.notNull().defaultTo(1))
      .execute();
    await index(db, 'kiosks', ['broker_due']);
    await db.schema
      .createTable('keys')
      .addColumn('kid', 'text', (c) => c.primaryKey())
      .addColumn('place', 'bigint', (c) => c.notNull().unique())
      .addColumn('public_key', 'text', (c) => c.notNull())
      .addColumn('signed', 'text')
      .addColumn('created_at_ms', 'bigint', (c) => c.notNull())
      .addColumn('active_at_ms', 'bigint', (c) => c.notNull())
      .execute();
  },
};

/** What Midtrans took: until now the sale's amount, or what the claim of foreign money says. Money in hand is watched. */
async function addSettled(db: Db): Promise<void> {
  await db.schema
    .alterTable('sales')
    .addColumn('settled_idr', 'bigint', (c) => c.notNull().defaultTo(0))
    .execute();
  for (const column of ['settled_learnt', 'fulfilment_unsigned'] as const) {
    await db.schema
      .alterTable('sales')
      .addColumn(column, 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
  }
  await sql`update sales set settled_idr = amount_idr
    where verdict in ('paid', 'paid-late', 'refunded')`.execute(db);
  await sql`update sales set settled_idr = refunded_idr
      + (select amount_idr from claims where claims.sale_id = sales.sale_id)
    where verdict = 'paid-late'
      and sale_id in (select sale_id from claims where kind = 'foreign')`.execute(db);
  await sql`update sales set settled_idr = refunded_idr where verdict = 'refunded'`.execute(db);
  await sql`update sales set ask_at_ms = moved_at_ms + 86400000
    where verdict = 'paid' and fulfilment is null`.execute(db);
  // Whether goods came out is for a person to find out.
  await sql`update claims set operator_only = 1 where kind = 'unknown'`.execute(db);
}

/** Who is to be told is found by who is there and lacks something, however much waits for those who are away. */
const third: Migration = {
  async up(db: Db) {
    await db.schema
      .createIndex('kiosks_to_tell')
      .on('kiosks')
      .column('kiosk_id')
      .where(sql<boolean>`online = 1 and acked_seq < seq`)
      .execute();
    await db.schema.dropIndex('outbox_next_at_ms').execute();
    await index(db, 'outbox', ['kiosk_id', 'next_at_ms']);
    await db.schema.alterTable('sales').addColumn('fulfilment_disputed', 'text').execute();
  },
};

/** What operators ask of kiosks from afar. */
const fourth: Migration = {
  async up(db: Db) {
    await db.schema
      .createTable('commands')
      .addColumn('command_id', 'text', (c) => c.primaryKey())
      .addColumn('kiosk_id', 'text', (c) => c.notNull())
      .addColumn('name', 'text', (c) => c.notNull())
      .addColumn('argument', 'text')
      .addColumn('when_idle', 'integer', (c) => c.notNull())
      .addColumn('given_at_ms', 'bigint', (c) => c.notNull())
      .addColumn('deadline_at_ms', 'bigint', (c) => c.notNull())
      .addColumn('state', 'text', (c) => c.notNull())
      .addColumn('why', 'text')
      .addColumn('answered_at_ms', 'bigint')
      .addColumn('next_at_ms', 'bigint', (c) => c.notNull())
      .execute();
    await index(db, 'commands', ['state', 'next_at_ms']);
    await index(db, 'commands', ['kiosk_id', 'state']);
    await index(db, 'commands', ['deadline_at_ms']);
    await db.schema
      .createTable('releases')
      .addColumn('channel', 'text', (c) => c.primaryKey())
      .addColumn('version', 'text', (c) => c.notNull())
      .addColumn('url', 'text', (c) => c.notNull())
      .addColumn('percent', 'integer', (c) => c.notNull())
      .addColumn('arm64', 'text')
      .addColumn('x64', 'text')
      .addColumn('set_at_ms', 'bigint', (c) => c.notNull())
      .execute();
    await db.schema
      .createTable('kiosk_channels')
      .addColumn('kiosk_id', 'text', (c) => c.primaryKey())
      .addColumn('channel', 'text', (c) => c.notNull())
      .execute();
  },
};

/** Configurations from afar, by kiosk. */
const fifth: Migration = {
  async up(db: Db) {
    await db.schema
      .createTable('configs')
      .addColumn('kiosk_id', 'text', (c) => c.notNull())
      .addColumn('version', 'bigint', (c) => c.notNull())
      .addColumn('settings', 'text', (c) => c.notNull())
      .addColumn('pushed_at_ms', 'bigint', (c) => c.notNull())
      .addPrimaryKeyConstraint('configs_of_kiosk', ['kiosk_id', 'version'])
      .execute();
    await index(db, 'configs', ['version']);
  },
};

/** When each boot spoke first. Of those that are there it is known by whom they replaced. */
const sixth: Migration = {
  async up(db: Db) {
    await db.schema
      .alterTable('boots')
      .addColumn('spoke_at_ms', 'bigint', (c) => c.notNull().defaultTo(0))
      .execute();
    await sql`UPDATE boots SET spoke_at_ms = coalesce((SELECT max(other.replaced_at_ms)
      FROM boots AS other WHERE other.kiosk_id = boots.kiosk_id), 0)
      WHERE replaced_at_ms IS NULL`.execute(db);
  },
};

/**
 * The lock of claims that are older than their ledger. It was a note before, which any news wrote over: what is older than
 * the restore and was not released is locked.
 */
const seventh: Migration = {
  async up(db: Db) {
    await db.schema
      .alterTable('claims')
      .addColumn('restored', 'integer', (c) => c.notNull().defaultTo(0))
      .execute();
    await sql`UPDATE claims SET restored = 1
      WHERE state IN ('open', 'redeeming', 'refunding') AND (note = 'restored' OR (
        operator_only = 1 AND COALESCE(note, '') <> 'released' AND opened_at_ms <=
          (SELECT CAST(value AS BIGINT) FROM meta WHERE name = 'restoredAtMs')))`.execute(db);
  },
};

/** When money went back, so that the day close of that day tells it. */
const eighth: Migration = {
  async up(db: Db) {
    await db.schema.alterTable('sales').addColumn('refunded_at_ms', 'bigint').execute();
    await sql`UPDATE sales SET refunded_at_ms = moved_at_ms WHERE refunded_idr > 0`.execute(db);
    await db.schema
      .createIndex('sales_refunded')
      .on('sales')
      .column('refunded_at_ms')
      .where(sql<boolean>`refunded_at_ms is not null`)
      .execute();
    await index(db, 'claims', ['changed_at_ms']);
  },
};

const migrations = {
  '0001-first': first,
  '0002-claims': second,
  '0003-to-tell': third,
  '0004-remote': fourth,
  '0005-configs': fifth,
  '0006-boots': sixth,
  '0007-restored': seventh,
  '0008-refunded': eighth,
} satisfies Record<string, Migration>;

/**
 * Brings the schema up to this version, or to the one named `upTo`. Several relays may do so at once: one does, the others
 * wait for it. @throws what the database throws; then nothing was changed.
 */
export async function migrate(
  database: Pick<Database, 'forSchema'>,
  upTo?: keyof typeof migrations,
): Promise<void> {
  const provider = { getMigrations: () => Promise.resolve(migrations) };
  const { error } = await database.forSchema((db) => {
    const migrator = new Migrator({ db, provider });
    return upTo === undefined ? migrator.migrateToLatest() : migrator.migrateTo(upTo);
  });
  if (error !== undefined)
    throw new Error('the schema cannot be brought up to date', { cause: error });
}

/** `older`: a relay of before has made it. `newer`: a relay of after; this version must not touch it. */
export type SchemaState = 'none' | 'older' | 'present' | 'newer';

/** How the schema that lies there stands to this version. Reads only. */
export async function schemaState({ db }: Pick<Database, 'db'>): Promise<SchemaState> {
  const tables = await db.introspection.getTables({ withInternalKyselyTables: true });
  if (!tables.some(({ name }) => name === DEFAULT_MIGRATION_TABLE)) return 'none';
  const { rows } = await sql<{ name: string }>`
    select name from ${sql.table(DEFAULT_MIGRATION_TABLE)}`.execute(db);
  const made = new Set(rows.map(({ name }) => name));
  if (made.size === 0) return 'none';
  const known = Object.keys(migrations);
  if ([...made].some((name) => !known.includes(name))) return 'newer';
  return made.size < known.length ? 'older' : 'present';
}
