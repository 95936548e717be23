// How often Midtrans is asked by itself: ten seconds apart, spread, capped, ever less often, and not at all while it is
// silent or wants quiet. A virtual clock; real store.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { wait, type Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { createBackground } from '../../src/relay/background.ts';
import { type Hops } from '../../src/relay/hops.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { type StatusOutcome, type StopOutcome } from '../../src/relay/midtrans/gateway.ts';
import { startReconcile } from '../../src/relay/reconcile.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { openSqlite } from '../../src/relay/store/sqlite.ts';
import { type Store } from '../../src/relay/store/store.ts';

const merchantId = 'G000000001';
const startMs = 1_767_236_400_000;

let dir: string;
let store: Store;
let nowMs: number;
let timers: { atMs: number; call: () => void }[];
let asked: { atMs: number; what: string; saleId: string }[];
let inFlight: number;
let mostInFlight: number;
let answersAfterMs: number;
let stopAnswer: StopOutcome;
let downMs: number;
let quietMs: number;
let probes: number;
let stopReconcile: () => void;

const clock: Clock = {
  nowMs: () => nowMs,
  monotonicMs: () => nowMs,
  after(delayMs, call) {
    const timer = { atMs: nowMs + delayMs, call };
    timers.push(timer);
    return () => {
      timers = timers.filter((each) => each !== timer);
    };
  },
};

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-pace-'));
  nowMs = startMs;
  timers = [];
  asked = [];
  inFlight = mostInFlight = probes = downMs = quietMs = 0;
  answersAfterMs = 200;
  stopAnswer = { kind: 'try-again', detail: '' };
  store = await openStore(
    openSqlite(join(dir, 'relay.db'), () => nowMs),
    'ledger',
  );
  const hops = hopsOf();
  const background = createBackground(clock, hops.log, hops.metrics);
  stopReconcile = startReconcile(hops, background, { ask: () => Promise.resolve() });
});
afterEach(async () => {
  stopReconcile();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

function hopsOf(): Hops {
  const never = (): Promise<never> => Promise.reject(new Error('reconcile never does this'));
  const answer = async <T>(what: string, saleId: string, outcome: T): Promise<T> => {
    asked.push({ atMs: nowMs, what, saleId });
    mostInFlight = Math.max(mostInFlight, ++inFlight);
    await wait(clock, answersAfterMs);
    inFlight--;
    return outcome;
  };
  return {
    ...{ store, clock, log: silentLog, metrics: createMetrics(), random: () => 0.5, merchantId },
    gateway: {
      ...{ charge: never, refund: never, image: never },
      status: (id) => answer('status', id, pendingStatus(id)),
      stop: (verb, id) => answer(verb, id, stopAnswer),
    },
    upstream: {
      downMs: () => downMs,
      chargeInMs: () => downMs,
      quietMs: () => quietMs,
      probe() {
        probes++;
        return Promise.resolve();
      },
    },
    newKey: () => 'key',
    payee: { nmid: 'ID1099000000001', pan: '9360091400000000017' },
    moved: () => undefined,
  };
}

function pendingStatus(saleId: string): StatusOutcome {
  const ids = { saleId, chargeId: saleId, currency: 'IDR', merchantId, amountIdr: 15_000 };
  const rest = { fraud: 'accept', refundedIdr: 0, refundConfirmed: false, refunds: [] };
  return { kind: 'found', status: { ...ids, ...rest, state: 'pending' } };
}

/** A charge that somebody can pay now; its charge id is its own. */
async function newCharge(n = 1): Promise<string> {
  const kioskId = `ksk${String(n).padStart(3, '0')}`;
  await store.addEnrolment(kioskId, kioskId, 60_000);
  const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
  await store.enrol(kioskId, key, { serial: null, claimSecret: 'x', brokerPassword: null });
  const saleId = `${kioskId}-${ulid(nowMs)}`;
  await store.put({
    ...{ type: 'put', saleId, kioskId, amountIdr: 15_000, items: null, chargeKey: 'key' },
    deadlineAtMs: nowMs + 180_000,
  });
  const charge = { saleId, chargeId: saleId, amountIdr: 15_000, currency: 'IDR', merchantId };
  const outcome = { kind: 'accepted', charge } as const;
  const qr = { ok: true, qrString: 'QR' } as const;
  await store.move(saleId, { type: 'charge-answered', outcome, merchantId, qr });
  return saleId;
}

/** Lets time pass in the steps of the walk itself; everything that is due happens. */
async function pass(ms: number): Promise<void> {
  const endMs = nowMs + ms;
  while (nowMs < endMs) {
    nowMs += 100;
    const due = timers.filter(({ atMs }) => atMs <= nowMs);
    timers = timers.filter(({ atMs }) => atMs > nowMs);
    for (const { call } of due) call();
    for (let i = 0; i < 4; i++) await new Promise((resolve) => setImmediate(resolve));
  }
}

function gaps(): number[] {
  return asked.slice(1).map(({ atMs }, i) => atMs - (asked[i]?.atMs ?? 0));
}

test('a charge is asked about ten seconds apart, until its deadline; then it is expired', async () => {
  await newCharge();
  await pass(175_000);
  expect(asked.length).toBeGreaterThan(12);
  expect(asked.every(({ what }) => what === 'status')).toBe(true);
  expect(Math.min(...gaps())).toBeGreaterThanOrEqual(10_000);
  expect(Math.max(...gaps())).toBeLessThanOrEqual(13_000);
  await pass(10_000);
  expect(asked.at(-1)?.what).toBe('expire');
});

test('many that began together: sixteen calls at once are the most, ten seconds apart for each', async () => {
  const sales = 60;
  for (let n = 1; n <= sales; n++) await newCharge(n);
  await pass(60_000);
  expect(mostInFlight).toBeLessThanOrEqual(16);
  for (const saleId of new Set(asked.map((each) => each.saleId))) {
    const times = asked.filter((each) => each.saleId === saleId).map(({ atMs }) => atMs);
    for (const [i, atMs] of times.slice(1).entries()) {
      expect(atMs - (times[i] ?? 0)).toBeGreaterThanOrEqual(10_000);
    }
  }
  expect(new Set(asked.map((each) => each.saleId)).size).toBe(sales);
});

test('a few that began together are not asked about together', async () => {
  const sales = 12;
  for (let n = 1; n <= sales; n++) await newCharge(n);
  await pass(14_000);
  expect(asked).toHaveLength(sales);
  expect(new Set(asked.map(({ atMs }) => atMs)).size).toBeGreaterThan(1);
});

test('slow answers hold back the rest: never more than sixteen', async () => {
  answersAfterMs = 9_000;
  for (let n = 1; n <= 40; n++) await newCharge(n);
  await pass(40_000);
  expect(mostInFlight).toBe(16);
});

test('while Midtrans wants quiet nothing is asked; nothing is forgotten either', async () => {
  await newCharge();
  quietMs = 1;
  await pass(60_000);
  expect(asked).toEqual([]);
  quietMs = 0;
  await pass(1_000);
  expect(asked).toHaveLength(1);
});

test('while Midtrans is silent only the probe goes on; then everything does', async () => {
  await newCharge();
  downMs = quietMs = 1_000;
  await pass(30_000);
  expect(asked).toEqual([]);
  expect(probes).toBeGreaterThan(50);
  downMs = quietMs = 0;
  await pass(1_000);
  expect(asked).toHaveLength(1);
});

test('a stop that is not through is repeated, ever less often, up to a minute apart', async () => {
  const saleId = await newCharge();
  await store.cancel({
    ...{ type: 'cancel', saleId, kioskId: 'ksk001', amountIdr: 15_000, reason: 'customer' },
  });
  await pass(600_000);
  expect(asked.every(({ what }) => what === 'cancel')).toBe(true);
  expect(gaps()[0]).toBeGreaterThanOrEqual(5_000);
  expect(Math.max(...gaps())).toBeGreaterThanOrEqual(60_000);
  expect(asked.length).toBeLessThan(20);
  stopAnswer = { kind: 'stopped', as: 'cancelled', saleId, chargeId: saleId };
  await pass(62_000);
  expect((await store.sale(saleId))?.verdict).toBe('cancelled');
});
