// Whoever the broker does not take keeps nobody else out, and keeps no revoked kiosk in.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { pino } from 'pino';
import { type Clock } from '../../src/lib/clock.ts';
import { startAccounts, type Accounts } from '../../src/relay/fleet/accounts.ts';
import { createMetrics, type Metrics } from '../../src/relay/metrics.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';

const minuteMs = 60_000;
const nowMs = 1_767_236_400_000;

let store: Store;
let metrics: Metrics;
let logged: Record<string, unknown>[];
let told: string[];
let refuses: (kioskId: string) => boolean;
let isReady: boolean;
let monotonicMs: number;
let armed: PromiseWithResolvers<() => void>;
let accounts: Accounts;

beforeEach(async () => {
  store = await openStore(
    openSqlite(':memory:', () => nowMs),
    'ledger-1',
  );
  metrics = createMetrics();
  logged = [];
  told = [];
  refuses = () => false;
  isReady = true;
  monotonicMs = 0;
  armed = Promise.withResolvers();
  const clock: Clock = {
    nowMs: () => nowMs,
    monotonicMs: () => monotonicMs,
    after(_delayMs, call) {
      armed.resolve(call);
      return () => undefined;
    },
  };
  const log = pino(
    { level: 'debug' },
    { write: (line: string) => void logged.push(JSON.parse(line) as Record<string, unknown>) },
  );
  const say = (word: string, kioskId: string): Promise<void> => {
    told.push(`${word} ${kioskId}`);
    return refuses(kioskId) ? Promise.reject(new Error('refused')) : Promise.resolve();
  };
  const broker = {
    wantsPasswords: true,
    ready: () => isReady,
    admit: ({ kioskId }: { kioskId: string }) => say('in', kioskId),
    expel: (kioskId: string) => say('out', kioskId),
  };
  accounts = startAccounts({ store, broker, clock, log, metrics });
});
afterEach(async () => {
  accounts.stop();
  await store.close();
});

/** The next round, to its end. */
async function round(): Promise<string[]> {
  told = [];
  const go = await armed.promise;
  armed = Promise.withResolvers();
  go();
  await armed.promise;
  return told;
}

async function enrol(kioskId: string, brokerPassword: string | null): Promise<void> {
  const key = { kty: 'OKP', crv: 'Ed25519', x: kioskId.padEnd(43, 'a') } as const;
  await store.addEnrolment(`code of ${kioskId}`, kioskId, minuteMs);
  const more = { serial: null, claimSecret: 'x', brokerPassword };
  await store.enrol(`code of ${kioskId}`, key, more);
}

/** As many as one round takes, and first in the alphabet. */
async function enrolHundred(brokerPassword: string | null): Promise<void> {
  for (let i = 0; i < 100; i++) await enrol(`aaa${String(i).padStart(3, '0')}`, brokerPassword);
}

test('a revoked kiosk goes first, before a hundred that the broker refuses', async () => {
  await enrolHundred('password');
  await enrol('zzz001', 'password');
  await store.revoke('zzz001');
  refuses = (kioskId) => kioskId.startsWith('aaa');
  expect(await round()).toContain('out zzz001');
});

test('a hundred that the broker refuses keep out nobody, and are tried again after a minute', async () => {
  await enrolHundred('password');
  await enrol('zzz001', 'password');
  refuses = (kioskId) => kioskId.startsWith('aaa');
  expect(await round()).not.toContain('in zzz001');
  expect(await round()).toEqual(['in zzz001']);
  expect(await round()).toEqual([]);
  monotonicMs += minuteMs;
  refuses = () => false;
  expect(await round()).toHaveLength(100);
  expect(await store.brokerDue(1)).toEqual([]);
});

test('a revoked kiosk that the broker did not let go is tried again, and one enrolled anew is due at once', async () => {
  await enrol('zzz001', 'password');
  await store.revoke('zzz001');
  refuses = () => true;
  expect(await round()).toEqual(['out zzz001']);
  expect(await round()).toEqual([]);
  monotonicMs += minuteMs;
  expect(await round()).toEqual(['out zzz001']);
  refuses = () => false;
  await store.addEnrolment('second', 'zzz001', minuteMs);
  const key = { kty: 'OKP', crv: 'Ed25519', x: 'b'.repeat(43) } as const;
  await store.enrol('second', key, { serial: null, claimSecret: 'x', brokerPassword: 'new' });
  expect(await round()).toEqual(['in zzz001']);
});

test('a broker that goes away in the middle has refused nobody', async () => {
  await enrol('zzz001', 'password');
  refuses = () => {
    isReady = false;
    return true;
  };
  await round();
  isReady = true;
  refuses = () => false;
  expect(await round()).toEqual(['in zzz001']);
});

test('a kiosk without a password is shut out once; the operator is told of it once an hour', async () => {
  await enrolHundred(null);
  await enrol('zzz001', 'password');
  expect(await round()).toContain('out aaa000');
  expect(await round()).toEqual(['in zzz001']);
  expect(await round()).toEqual([]);
  const warnings = (): unknown[] =>
    logged.filter(({ msg }) => msg === 'accounts.without-password').map(({ kiosks }) => kiosks);
  expect(warnings()).toEqual([100]);
  monotonicMs += 60 * minuteMs;
  await round();
  expect(warnings()).toEqual([100, 100]);
  expect(await metrics.registry.metrics()).toContain('what="kiosksWithoutPassword"} 100');
});

test('an enrolment is told alone, whoever else waits', async () => {
  await enrolHundred('password');
  await enrol('zzz001', 'password');
  await accounts.tell('zzz001');
  expect(told).toEqual(['in zzz001']);
  refuses = () => true;
  await expect(accounts.tell('aaa000')).rejects.toThrow('refused');
});
