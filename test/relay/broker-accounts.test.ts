// The broker's accounts follow the store, whoever changed it and whoever told the broker last.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';

let store: Store;
let nowMs: number;
beforeEach(async () => {
  nowMs = 1_000_000;
  store = await openStore(
    openSqlite(':memory:', () => nowMs),
    'ledger-1',
  );
});
afterEach(async () => {
  await store.close();
});

async function enrol(brokerPassword: string): Promise<void> {
  nowMs += 1_000;
  const key = { kty: 'OKP', crv: 'Ed25519', x: brokerPassword.padEnd(43, 'a') } as const;
  await store.addEnrolment(brokerPassword, 'ksk01', 60_000);
  await store.enrol(brokerPassword, key, { serial: null, claimSecret: 'x', brokerPassword });
}

async function due(): Promise<(string | null)[]> {
  return (await store.brokerDue(10)).map((kiosk) => kiosk.brokerPassword);
}

test('a kiosk is due until the broker was told of its latest state', async () => {
  await enrol('first');
  const [old] = await store.brokerDue(10);
  await enrol('second');
  if (old !== undefined) await store.brokerTold(old);
  expect(await due()).toEqual(['second']);
  const [fresh] = await store.brokerDue(10);
  if (fresh !== undefined) await store.brokerTold(fresh);
  expect(await due()).toEqual([]);
});

test('an old password that another relay told last makes the kiosk due again', async () => {
  await enrol('first');
  const [old] = await store.brokerDue(10);
  await enrol('second');
  const [fresh] = await store.brokerDue(10);
  if (fresh !== undefined) await store.brokerTold(fresh);
  if (old !== undefined) await store.brokerTold(old);
  expect(await due()).toEqual(['second']);
});

test('when the broker has forgotten, all are due', async () => {
  await enrol('first');
  const [one] = await store.brokerDue(10);
  if (one !== undefined) await store.brokerTold(one);
  await store.brokerForgot();
  expect(await due()).toEqual(['first']);
});
