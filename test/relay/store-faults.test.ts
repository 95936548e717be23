// PostgreSQL goes away and comes back: steps fail and are told so, holds are lost, the relay lives and finds its way back.
import { fork } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sql } from 'kysely';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { codeOf, isStoreError } from '../../src/relay/problems.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openPostgres } from '../../src/relay/store/postgres.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { findPostgres, startPostgres, type PostgresServer } from './postgres-server.ts';

describe.skipIf(findPostgres() === undefined)('PostgreSQL goes away', () => {
  let server: PostgresServer;
  let url: string;
  let store: Store;
  const connect = async (): Promise<Store> =>
    openStore(
      await openPostgres({ url, maxConnections: 4 }, { clock: systemClock, random: () => 0 }),
      'ledger',
    );

  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(async () => {
    await server.stop();
  });
  beforeEach(async () => {
    url = await server.newDatabase();
    store = await connect();
  });
  afterEach(async () => {
    await store.close();
  });

  /** Asks again until it works; the test's own time limit ends it. */
  async function until<T>(ask: () => Promise<T | undefined>): Promise<T> {
    for (;;) {
      const answer = await ask().catch((error: unknown) => {
        if (!isStoreError(error)) throw error;
        return undefined;
      });
      if (answer !== undefined) return answer;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }

  test('a value that no table takes is the caller’s fault, and the server is not down for it', async () => {
    await expect(store.kiosk('ksk\u0000')).rejects.toMatchObject({ code: 'bad-request' });
    await store.check();
  });

  test('a step is refused as store-down, and works again when the server is back', async () => {
    await store.addEnrolment('before', 'ksk01', 60_000);
    await server.crash();
    const failed: unknown[] = [];
    for (const step of [
      () => store.kiosk('ksk01'),
      () => store.addEnrolment('x', 'ksk01', 1),
      () => store.noteBoot('ksk01', { bootId: 'boot', signedAtMs: 0 }),
      () => store.check(),
    ]) {
      failed.push(await step().catch((error: unknown) => error));
    }
    expect(failed.map((error) => isStoreError(error))).toEqual([true, true, true, true]);
    expect(failed.map((error) => (error instanceof Error ? codeOf(error).code : ''))).toEqual(
      Array.from({ length: 4 }, () => 'store-down'),
    );
    await server.start();
    await until(async () => {
      await store.check();
      return true;
    });
    const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
    const more = { serial: null, claimSecret: 's', brokerPassword: null };
    expect(await store.enrol('before', key, more)).toMatchObject({ kind: 'enrolled' });
  });

  test('a step that the server left in the middle is refused as well', async () => {
    const database = await openPostgres(
      { url, maxConnections: 2 },
      { clock: systemClock, random: () => 0 },
    );
    const started = Promise.withResolvers<undefined>();
    const step = database.transact(async (tx) => {
      await sql`select 1`.execute(tx);
      started.resolve(undefined);
      await sql`select pg_sleep(20)`.execute(tx);
    });
    const failed = step.catch((error: unknown) => error);
    await started.promise;
    await server.crash();
    expect(isStoreError(await failed)).toBe(true);
    await server.start();
    await database.close();
  });

  test('holds are lost with the session, none is given meanwhile, and it hears again afterwards', async () => {
    const hold = await store.holdKiosk('ksk01');
    expect(hold?.held()).toBe(true);
    await server.crash();
    await until(() => Promise.resolve(hold?.held() === false ? true : undefined));
    expect(await store.holdKiosk('ksk01')).toBeUndefined();
    await hold?.release();
    await store.announce('ksk01');
    await server.start();
    expect((await until(() => store.holdKiosk('ksk01'))).held()).toBe(true);
    const other = await connect();
    const heard = new Promise((resolve) => {
      store.onAnnounced(resolve);
    });
    await other.announce('ksk02');
    expect(await heard).toBe('ksk02');
    await other.close();
  });

  test('its clock goes on while the server is away', async () => {
    const before = store.nowMs();
    await server.crash();
    expect(store.nowMs() - before).toBeLessThan(5_000);
    expect(store.nowMs()).toBeGreaterThanOrEqual(before);
    await server.start();
  });

  test('a relay that is killed while it holds a kiosk frees it', async () => {
    const child = fork(fileURLToPath(new URL('hold.child.ts', import.meta.url)), [url]);
    await once(child, 'message');
    expect(await store.holdKiosk('ksk01')).toBeUndefined();
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
    expect((await until(() => store.holdKiosk('ksk01'))).held()).toBe(true);
  });

  test('a server that cannot be reached is an error of the start, and nothing stays open', async () => {
    const nowhere = url.replace(/:\d+\//, ':1/');
    const opening = openPostgres(
      { url: nowhere, maxConnections: 2 },
      { clock: systemClock, random: () => 0 },
    );
    await expect(opening).rejects.toMatchObject({ code: 'store-down' });
  });
});
