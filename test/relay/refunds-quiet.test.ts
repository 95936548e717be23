// Nobody waits for a refund at a counter: while Midtrans is silent or wants quiet, none is begun.
import { afterEach, beforeEach, expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { createBackground } from '../../src/relay/background.ts';
import { type Hops } from '../../src/relay/hops.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { type Gateway, type Upstream } from '../../src/relay/midtrans/gateway.ts';
import { startRefunds } from '../../src/relay/refund.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';

let store: Store;
let clock: VirtualClock;
let quietMs: number;
let taken: number;
let stop: () => void;
beforeEach(async () => {
  clock = new VirtualClock();
  store = await openStore(
    openSqlite(':memory:', () => clock.nowMs()),
    'ledger',
  );
  quietMs = 0;
  taken = 0;
  const watched: Store = {
    ...store,
    takeDueClaims() {
      taken++;
      return Promise.resolve([]);
    },
    wakeClaims: () => Promise.resolve(),
  };
  const never = (): Promise<never> => Promise.reject(new Error('nothing is due'));
  const gateway: Gateway = {
    ...{ charge: never, status: never, stop: never, refund: never, image: never },
  };
  const upstream: Upstream = {
    ...{ downMs: () => 0, chargeInMs: () => 0, quietMs: () => quietMs },
    probe: () => Promise.resolve(),
  };
  const metrics = createMetrics();
  const hops: Hops = {
    ...{ store: watched, gateway, upstream, clock, metrics, log: silentLog, random: () => 0.5 },
    ...{ newKey: () => 'key', merchantId: 'G000000001', moved: () => undefined },
    payee: { nmid: 'ID1099000000001', pan: '9360091400000000017' },
  };
  const policy = { automatic: true, refundAfterMs: 0 };
  const background = createBackground(clock, silentLog, metrics);
  stop = startRefunds({ hops, store: watched, policy }, background);
});
afterEach(async () => {
  stop();
  await store.close();
});

test('no claim is taken while Midtrans wants quiet, and again afterwards', async () => {
  await clock.advance(3_000);
  expect(taken).toBe(3);
  quietMs = 1;
  await clock.advance(10_000);
  expect(taken).toBe(3);
  quietMs = 0;
  await clock.advance(1_000);
  expect(taken).toBe(4);
});
