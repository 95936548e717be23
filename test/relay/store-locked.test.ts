// Another process holds SQLite's write lock: whoever asks waits or is told, the relay itself does not stand still.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { sql } from 'kysely';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Database } from '../../src/relay/store/database.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { codeOf } from '../../src/relay/problems.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type Store } from '../../src/relay/store/store.ts';

let dir: string;
let database: Database;
let store: Store;
let shell: DatabaseSync;
let monotonicMs: number;
/** Waits of the store that are not over yet. */
let waits: { call: () => void }[];
const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
const more = { serial: null, claimSecret: 's', brokerPassword: null };

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-locked-'));
  monotonicMs = 0;
  waits = [];
  const clock = {
    nowMs: () => 0,
    monotonicMs: () => monotonicMs,
    after: (_delayMs: number, call: () => void) => {
      const entry = { call };
      waits.push(entry);
      return () => undefined;
    },
  };
  database = openSqlite(join(dir, 'relay.db'), () => 0, 'make', clock);
  store = await openStore(database, 'ledger');
  // An operator's shell, or a tool that makes copies.
  shell = new DatabaseSync(join(dir, 'relay.db'));
});
afterEach(async () => {
  shell.close();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** Until the store waits for the lock; the turns of the loop go on meanwhile. */
async function untilItWaits(): Promise<void> {
  while (waits.length === 0) await new Promise((resolve) => setImmediate(resolve));
}

function pass(ms: number): void {
  monotonicMs += ms;
  for (const { call } of waits.splice(0)) call();
}

test('a step waits for the lock, and the loop goes on meanwhile', async () => {
  shell.exec('begin immediate');
  const enrolling = store.addEnrolment('code', 'ksk01', 1_000);
  await untilItWaits();
  expect(await store.kiosk('ksk01')).toBeUndefined();
  pass(20);
  await untilItWaits();
  shell.exec('rollback');
  pass(20);
  await enrolling;
  expect(await store.enrol('code', key, more)).toMatchObject({ kind: 'enrolled' });
});

test('a lock that stays is store-down after five seconds, for the next steps at once, and over when it is free', async () => {
  shell.exec('begin immediate');
  const checking = store.check().catch((error: unknown) => error);
  await untilItWaits();
  pass(4_999);
  await untilItWaits();
  pass(1);
  const failed = await checking;
  expect(failed instanceof Error && codeOf(failed).code).toBe('store-down');
  await expect(store.check()).rejects.toMatchObject({ code: 'store-down' });
  expect(waits).toEqual([]);
  shell.exec('rollback');
  await store.check();
  shell.exec('begin immediate');
  const again = store.check();
  await untilItWaits();
  shell.exec('rollback');
  pass(20);
  await again;
});

test('SQLite itself waits for nothing while a relay serves: the whole process would stand still', async () => {
  const { rows } = await sql<{ timeout: number }>`pragma busy_timeout`.execute(database.db);
  expect(rows).toEqual([{ timeout: 0 }]);
});

test('every way to write waits so', async () => {
  await store.addEnrolment('code', 'ksk01', 1_000);
  const enrolled = await store.enrol('code', key, more);
  if (enrolled.kind !== 'enrolled') throw new Error(enrolled.kind);
  await store.brokerRefused(enrolled.kiosk);
  shell.exec('begin immediate');
  const link = { kid: 'k', place: 1, publicKey: 'x', signed: null, createdAtMs: 0, activeAtMs: 0 };
  const all = Promise.all([
    store.allOffline(),
    store.brokerRefused(enrolled.kiosk),
    store.brokerAgain(),
    store.brokerForgot(),
    store.wakeClaims(),
    store.addKey(link),
    store.noteStatus('ksk01', true, null),
  ]);
  await untilItWaits();
  shell.exec('rollback');
  pass(20);
  await all;
});
