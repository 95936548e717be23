// Who is there: statuses, wills that come late, and messages that are told again and again. On a real store.
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { createPresence } from '../../src/relay/fleet/presence.ts';
import { type BrokerEvents } from '../../src/relay/broker/broker.ts';
import { createLetters } from '../../src/relay/letters.ts';
import { createMetrics, type Metrics } from '../../src/relay/metrics.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';

const secrets = { serial: null, claimSecret: 'x', brokerPassword: null };
let store: Store;
let presence: BrokerEvents;
let metrics: Metrics;
let woken: string[];
let writes: number;
/** The next write waits for it. */
let hold: Promise<unknown>;

beforeEach(async () => {
  store = await openStore(
    openSqlite(':memory:', () => 1_000_000),
    'ledger-1',
  );
  await store.addEnrolment('code', 'ksk01', 60_000);
  await store.enrol('code', { kty: 'OKP', crv: 'Ed25519', x: 'a'.repeat(43) }, secrets);
  woken = [];
  writes = 0;
  hold = Promise.resolve();
  metrics = createMetrics();
  presence = createPresence({
    store: {
      ...store,
      noteStatus: async (...args) => {
        writes++;
        const held = hold;
        hold = Promise.resolve();
        await held;
        await store.noteStatus(...args);
      },
    },
    clock: systemClock,
    log: pino({ enabled: false }),
    metrics,
    letters: createLetters(systemClock, metrics),
    wake: (kioskId) => woken.push(kioskId),
  });
});
afterEach(async () => {
  await store.close();
});

async function say(online: boolean, bootId: string, connection: number): Promise<void> {
  const text = JSON.stringify({ online, bootId, connection, version: '1' });
  await presence.message('ksk01', 'status', Buffer.from(text));
}

async function isOnline(): Promise<boolean> {
  return (await store.kiosk('ksk01'))?.online === 1;
}

test('a kiosk that says it is there is told what it missed; its goodbye ends that', async () => {
  await say(true, 'boot-a', 7);
  expect(await isOnline()).toBe(true);
  expect(woken).toEqual(['ksk01']);
  await say(false, 'boot-a', 7);
  expect(await isOnline()).toBe(false);
});

test('what a kiosk says that it lacks is counted when it comes up, by codes of ours alone', async () => {
  const tell = async (connection: number, ...codes: string[]): Promise<void> => {
    const parts = codes.map((code, at) => [`part${at}`, { ok: false, code }]);
    const status = { online: true, bootId: 'boot-a', connection, version: '1' };
    const text = JSON.stringify({ ...status, parts: Object.fromEntries(parts) as object });
    await presence.message('ksk01', 'status', Buffer.from(text));
  };
  await tell(1, 'power-low', 'printer-paper-out');
  await tell(2, 'power-low', 'made-up-by-a-thief');
  await tell(3);
  await tell(4, 'power-low');
  const { values } = await metrics.ills.get();
  const counts = values.map(({ labels, value }) => [labels.code, value]);
  expect(Object.fromEntries(counts)).toEqual({ 'power-low': 2, 'printer-paper-out': 1 });
});

test('the will of an older connection does not mark a newer one as gone', async () => {
  await say(true, 'boot-a', 7);
  await say(true, 'boot-a', 8);
  await say(false, 'boot-a', 7);
  expect(await isOnline()).toBe(true);
  await say(true, 'boot-b', 1);
  await say(false, 'boot-a', 8);
  expect(await isOnline()).toBe(true);
  await say(false, 'boot-b', 1);
  expect(await isOnline()).toBe(false);
});

test('what was heard before changes nothing and writes nothing', async () => {
  await say(true, 'boot-a', 7);
  await say(true, 'boot-a', 7);
  expect({ writes, woken: woken.length }).toEqual({ writes: 1, woken: 1 });
  await say(true, 'boot-a', 6);
  expect({ writes, woken: woken.length }).toEqual({ writes: 1, woken: 1 });
});

test('a connection whose predecessor was never seen to go is a return as well', async () => {
  await say(true, 'boot-a', 7);
  await say(true, 'boot-a', 8);
  expect(woken).toHaveLength(2);
});

test('a revoked kiosk’s retained status makes nobody of it, nor a cleared one', async () => {
  await store.revoke('ksk01');
  await say(true, 'boot-a', 7);
  await presence.message('ksk01', 'status', new Uint8Array());
  await presence.message('ksk99', 'status', Buffer.from('{}'));
  expect(await isOnline()).toBe(false);
  expect(woken).toEqual([]);
});

test('one that comes and goes at once is gone, however slow the store is', async () => {
  const slow = Promise.withResolvers<undefined>();
  hold = slow.promise;
  presence.listening('ksk01');
  presence.gone('ksk01');
  // The second write would be done by now.
  await store.kiosk('ksk01');
  slow.resolve(undefined);
  await presence.message('ksk01', 'status', new Uint8Array());
  await new Promise((resolve) => setImmediate(resolve));
  expect(await isOnline()).toBe(false);
});

test('one that comes and goes a thousand times waits in one place, and the last word stands', async () => {
  const slow = Promise.withResolvers<undefined>();
  hold = slow.promise;
  presence.listening('ksk01');
  for (let i = 0; i < 1_000; i++) {
    presence.gone('ksk01');
    presence.listening('ksk01');
  }
  slow.resolve(undefined);
  await presence.message('ksk01', 'status', new Uint8Array());
  expect(writes).toBeLessThanOrEqual(2);
  expect(await isOnline()).toBe(true);
});

test('a status between coming and going keeps its place', async () => {
  const slow = Promise.withResolvers<undefined>();
  hold = slow.promise;
  presence.listening('ksk01');
  const said = say(true, 'boot-a', 7);
  presence.gone('ksk01');
  slow.resolve(undefined);
  await said;
  await presence.message('ksk01', 'status', new Uint8Array());
  expect(await isOnline()).toBe(false);
});
