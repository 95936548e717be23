// How a relay logs in at PostgreSQL, and what it says when it is not let in: names of host, database and setting, and
// never the password.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sql } from 'kysely';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openPostgres, type PostgresSettings } from '../../src/relay/store/postgres.ts';
import { makeCertificates } from './mosquitto-server.ts';
import { findPostgres, startPostgres, type PostgresServer } from './postgres-server.ts';

const password = 's3cret+with%odd&signs';

describe.skipIf(findPostgres() === undefined)('a server that asks for a password', () => {
  let server: PostgresServer;
  let dir: string;
  let passwordFile: string;
  beforeAll(async () => {
    server = await startPostgres({ password });
    dir = mkdtempSync(join(tmpdir(), 'kios-login-'));
    passwordFile = join(dir, 'password');
    writeFileSync(passwordFile, `${password}\n`);
  });
  afterAll(async () => {
    await server.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  const open = (more: Partial<PostgresSettings>): ReturnType<typeof openPostgres> =>
    openPostgres(
      { url: server.url, maxConnections: 2, ...more },
      { clock: systemClock, random: () => 0 },
    );

  async function fault(more: Partial<PostgresSettings>): Promise<string> {
    const error: unknown = await open(more).then(
      () => 'opened',
      (thrown: unknown) => thrown,
    );
    if (!(error instanceof Error)) return String(error);
    const setting = 'setting' in error ? `${String(error.setting)}: ` : '';
    return `${setting}${error.message}`;
  }

  test('the password of the file opens the steps, the schema, and the session that listens', async () => {
    const url = await server.newDatabase();
    const database = await open({ url, passwordFile });
    const store = await openStore(database, 'ledger');
    await store.addEnrolment('code', 'ksk01', 60_000);
    const hold = await store.holdKiosk('ksk01');
    expect(hold?.held()).toBe(true);
    const heard = Promise.withResolvers<string>();
    const other = await openStore(await open({ url, passwordFile }), 'ledger');
    other.onAnnounced(heard.resolve);
    await store.announce('ksk01');
    expect(await heard.promise).toBe('ksk01');
    await other.close();
    await store.close();
  });

  test('a wrong password, or none, is told with the setting, host and user', async () => {
    const wrong = join(dir, 'wrong');
    writeFileSync(wrong, 'nonsense\n');
    const { host } = new URL(server.url);
    expect(await fault({ passwordFile: wrong })).toBe(
      `store.postgres.passwordFile: ${host} refuses the password of kios (28P01), from ${wrong}`,
    );
    expect(await fault({})).toBe(
      `store.postgres.passwordFile: ${host} asks for the password of kios; name a passwordFile`,
    );
  });

  test('a file that is missing or empty is told with the setting', async () => {
    expect(await fault({ passwordFile: join(dir, 'none') })).toContain(
      `store.postgres.passwordFile: ${join(dir, 'none')} cannot be read: ENOENT`,
    );
    expect(await fault({ passwordFile, caFile: join(dir, 'none') })).toContain(
      'store.postgres.caFile: ',
    );
  });

  test('no such database, no TLS, no such host, nobody there: each is told', async () => {
    const { host } = new URL(server.url);
    const absent = server.url.replace(/postgres$/, 'absent');
    expect(await fault({ url: absent, passwordFile })).toBe(
      `store.postgres.url: there is no database absent at ${host} (3D000)`,
    );
    expect(await fault({ url: `${server.url}?sslmode=verify-full`, passwordFile })).toBe(
      `store.postgres.url: ${host} speaks no TLS: set ssl = on there`,
    );
    const nobody = await fault({ url: 'postgres://kios@127.0.0.1:1/kios', passwordFile });
    expect(nobody).toBe('store.postgres.url: no connection to 127.0.0.1:1 (ECONNREFUSED)');
    const nowhere = await fault({ url: 'postgres://kios@db.invalid/kios', passwordFile });
    expect(nowhere).toMatch(
      /^store\.postgres\.url: no connection to db\.invalid:5432 \((ENOTFOUND|EAI_AGAIN)\)$/,
    );
  });
});

test.skipIf(findPostgres() === undefined)(
  'with caFile the connection is encrypted, whatever the address says, and no other CA is trusted',
  async () => {
    const dir = mkdtempSync(join(tmpdir(), 'kios-tls-'));
    const folderOf = (name: string): string => join(dir, name);
    for (const name of ['ours', 'others']) {
      mkdirSync(folderOf(name));
      makeCertificates(folderOf(name));
    }
    const passwordFile = folderOf('password');
    writeFileSync(passwordFile, password);
    const server = await startPostgres({ password, certificates: folderOf('ours') });
    try {
      const open = (ca: string): ReturnType<typeof openPostgres> =>
        openPostgres(
          {
            url: `${server.url}?sslmode=disable`,
            ...{ passwordFile, maxConnections: 2, caFile: join(folderOf(ca), 'ca.crt') },
          },
          { clock: systemClock, random: () => 0 },
        );
      const database = await open('ours');
      const { rows } = await sql`
        select ssl from pg_stat_ssl where pid = pg_backend_pid()`.execute(database.db);
      expect(rows).toEqual([{ ssl: true }]);
      await database.close();
      await expect(open('others')).rejects.toMatchObject({
        setting: 'store.postgres.caFile',
        message: expect.stringContaining('a CA that is not known here') as string,
      });
    } finally {
      await server.stop();
      rmSync(dir, { recursive: true, force: true });
    }
  },
);
