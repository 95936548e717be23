// PostgreSQL as kysely's database: many relays on one. A server that goes away is an error of the step, never of the
// process.
import {
  CamelCasePlugin,
  Kysely,
  PostgresDialect,
  type PostgresPool,
  type PostgresPoolClient,
} from 'kysely';
import pg from 'pg';
import { backoffMs } from '../../lib/backoff.ts';
import { wait, type Clock } from '../../lib/clock.ts';
import { silentLog, type Log } from '../../lib/log.ts';
import { KiosError } from '../../protocol/errors.ts';
import { readCa, readSecret } from '../broker/files.ts';
import { type RelayConfig } from '../config.ts';
import { SettingFault } from '../setting-fault.ts';
import { type Database } from './database.ts';
import { mustBeDurable, synchronousCommitOf } from './postgres-durability.ts';
import { connectFault } from './postgres-fault.ts';
import { openSession } from './postgres-session.ts';
import { type Tables } from './schema.ts';

export type PostgresSettings = NonNullable<RelayConfig['store']['postgres']>;

export interface PostgresParts {
  clock: Clock;
  /** 0 ≤ x < 1, for jitter alone. */
  random: () => number;
  log?: Log;
}

const connectMs = 5_000;
/** A statement that takes this long holds locks that others wait for; ours take milliseconds. */
const statementMs = 10_000;
/** The same from our side, where the server is silent altogether. */
const answerMs = 12_000;
/** A relay that hangs in the middle of a step must not hold its locks for ever. */
const idleInStepMs = 15_000;
/** How soon the server notices that a relay's machine is gone, with its locks: about half a minute. */
const keepAlive = 'tcp_keepalives_idle=15 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=3';
/** A step that lost against another relay's is run again so often. */
const maxAttempts = 8;
const conflictPause = { firstMs: 10, maxMs: 500 } as const;
/** serialization_failure, deadlock_detected. */
const conflicts: readonly unknown[] = ['40001', '40P01'];
/** What an address may say of TLS; a caFile says more. */
const tlsNames = ['ssl', 'sslmode', 'sslrootcert', 'sslcert', 'sslkey', 'uselibpqcompat'] as const;
/** int8, as a number: rupiah and milliseconds stay far below 2^53. */
const int8 = 20;

/**
 * Connects. Needs sessions of its own: no pooler in transaction mode in between.
 * @throws KiosError `store-down` when the server does not answer; SettingFault when it lets nobody in like this, a file
 * cannot serve, or its commits would not be durable.
 */
export async function openPostgres(
  settings: PostgresSettings,
  { clock, random, log = silentLog }: PostgresParts,
): Promise<Database> {
  const failed = (error: unknown): never => {
    throw connectFault(settings, error);
  };
  const plain = addressOf(settings);
  const commit = await synchronousCommitOf(plain, log).catch(failed);
  const address = { ...plain, options: `-c synchronous_commit=${commit}` };
  const options = `${address.options} -c ${keepAlive} -c statement_timeout=${statementMs}`;
  const limited = { ...address, options };
  const poolOf = (config: pg.PoolConfig): pg.Pool => {
    const pool = new pg.Pool(config);
    // An idle connection that breaks is replaced by the next step that needs one.
    pool.on('error', (error) => {
      log.warn({ error: error.message }, 'store.connection-lost');
    });
    return pool;
  };
  const pool = poolOf({
    ...limited,
    max: settings.maxConnections,
    idle_in_transaction_session_timeout: idleInStepMs,
  });
  const db = kyselyOver(guard(pool, answerMs));
  const connect = (): pg.Client => new pg.Client({ ...limited, query_timeout: answerMs });
  const session = await openSession({ connect, clock, random, log }).catch(failed);
  try {
    await checkPool(pool);
  } catch (error) {
    await session.close();
    await db.destroy();
    throw error instanceof SettingFault ? error : connectFault(settings, error);
  }
  return {
    dialect: 'postgres',
    db,
    nowMs: () => session.nowMs(),
    async forSchema(work) {
      // An index over a year of sales takes its time, and so does waiting for the relay that makes it.
      const patient = kyselyOver(guard(poolOf({ ...address, max: 2 }), 0));
      try {
        return await work(patient);
      } finally {
        await patient.destroy();
      }
    },
    async transact(work) {
      for (let attempt = 1; ; attempt++) {
        try {
          return await db.transaction().setIsolationLevel('read committed').execute(work);
        } catch (error) {
          if (attempt === maxAttempts || !isConflict(error)) throw error;
          await wait(clock, backoffMs(conflictPause, attempt, random()));
        }
      }
    },
    holdKiosk: (kioskId) => session.hold(kioskId),
    announce: (kioskId) => session.announce(kioskId),
    onAnnounced: (wake) => {
      session.onAnnounced(wake);
    },
    async close() {
      await session.close();
      await db.destroy();
    },
  };
}

function addressOf({ url, passwordFile, caFile }: PostgresSettings): pg.ClientConfig {
  const types = new pg.TypeOverrides();
  types.setTypeParser(int8, Number);
  const address = new URL(url);
  // pg takes what stands in the address, also nothing, before what stands beside it.
  if (passwordFile !== undefined) {
    const password = readSecret(passwordFile, 'store.postgres.passwordFile');
    address.searchParams.set('password', password);
  }
  if (caFile !== undefined) for (const name of tlsNames) address.searchParams.delete(name);
  return {
    connectionString: address.href,
    application_name: 'kios-relay',
    connectionTimeoutMillis: connectMs,
    keepAlive: true,
    ...(caFile === undefined
      ? {}
      : {
          ssl: {
            ca: readCa(caFile, 'store.postgres.caFile'),
            rejectUnauthorized: true,
            // pg names the server for TLS only when it has a name; an address is checked as well.
            host: address.hostname.replace(/^\[|\]$/g, ''),
          },
        }),
    types,
  };
}

function kyselyOver(pool: PostgresPool): Kysely<Tables> {
  return new Kysely<Tables>({
    dialect: new PostgresDialect({ pool }),
    plugins: [new CamelCasePlugin()],
  });
}

/** The pool, with every failure as `store-down`, and without connections that have failed to answer. */
function guard(pool: pg.Pool, timeoutMs: number): PostgresPool {
  const guarded = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    end: () => pool.end(),
    async connect() {
      let client: pg.PoolClient;
      try {
        client = await pool.connect();
      } catch (error) {
        throw storeDown(error);
      }
      let guardedClient = guarded.get(client);
      if (guardedClient === undefined) {
        guardedClient = guardClient(client, timeoutMs);
        guarded.set(client, guardedClient);
      }
      return guardedClient;
    },
  };
}

function guardClient(client: pg.PoolClient, timeoutMs: number): PostgresPoolClient {
  let broken = false;
  // The pool listens to its idle connections alone: one that breaks between two statements would end the process.
  client.on('error', () => {
    broken = true;
  });
  const query = async (text: string, values: readonly unknown[]): Promise<unknown> => {
    try {
      return await client.query({
        ...{ text, values: [...values] },
        ...(timeoutMs === 0 ? {} : { query_timeout: timeoutMs }),
      });
    } catch (error) {
      // What the server says leaves the connection as good as before; anything else does not.
      if (!(error instanceof pg.DatabaseError) || error.severity === 'FATAL') broken = true;
      throw storeDown(error);
    }
  };
  return {
    // kysely's word for it also takes cursors, which nothing here uses.
    query: query as PostgresPoolClient['query'],
    release: (destroy) => {
      client.release(broken || destroy === true);
    },
  };
}

async function checkPool(pool: pg.Pool): Promise<void> {
  const client = await pool.connect();
  try {
    await mustBeDurable(client);
  } finally {
    client.release();
  }
}

/** What a step failed of: the server, or a value that no table takes (class 22, data exception). */
function storeDown(error: unknown): KiosError {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'no answer';
  if (error instanceof pg.DatabaseError && code.startsWith('22')) {
    return new KiosError('bad-request', `the database takes no such value (${code})`, error);
  }
  return new KiosError('store-down', `the database failed (${code})`, error);
}

function isConflict(error: unknown): boolean {
  const cause = error instanceof KiosError ? error.cause : error;
  return cause instanceof pg.DatabaseError && conflicts.includes(cause.code);
}
