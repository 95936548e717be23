// The breaker in front of Midtrans, on a virtual clock: when it shuts, who tries, and when everybody holds off.
import { describe, expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { createMetrics } from '../../src/relay/metrics.ts';
import { withBreaker } from '../../src/relay/midtrans/breaker.ts';
import {
  type ChargeOutcome,
  type Gateway,
  type ImageOutcome,
  type StatusOutcome,
  type Upstream,
} from '../../src/relay/midtrans/gateway.ts';

const silent = { kind: 'unknown', answered: false, detail: 'timeout' } as const;
const failed = { kind: 'unknown', answered: true, ailing: true, detail: '500' } as const;
const absent = { kind: 'absent' } as const;

interface Bench {
  gateway: Gateway;
  upstream: Upstream;
  asked: string[];
  answer: StatusOutcome | Promise<StatusOutcome>;
  charged: ChargeOutcome;
  image: ImageOutcome;
  nowMs: number;
  faults(): Promise<string>;
}

function createBench(random = 0): Bench {
  const metrics = createMetrics();
  const asked: string[] = [];
  const unused = (): Promise<never> => Promise.reject(new Error('not asked for'));
  const inner: Gateway = {
    ...{ stop: unused, refund: unused },
    charge(_order, key) {
      asked.push(key);
      return Promise.resolve(bench.charged);
    },
    status(id) {
      asked.push(id);
      return Promise.resolve(bench.answer);
    },
    image: () => Promise.resolve(bench.image),
  };
  const clock = { monotonicMs: () => bench.nowMs };
  const bench: Bench = {
    ...withBreaker(inner, { clock, random: () => random, log: silentLog, metrics }),
    ...{
      asked,
      answer: absent,
      charged: { kind: 'conflict' },
      image: { kind: 'unavailable', silent: true, detail: '' },
    },
    nowMs: 1_000_000,
    faults: () => metrics.registry.metrics(),
  };
  return bench;
}

async function ask(bench: Bench, times: number): Promise<string[]> {
  const kinds: string[] = [];
  for (let i = 0; i < times; i++) kinds.push((await bench.gateway.status('x')).kind);
  return kinds;
}

test('five silences in a row shut it: the sixth call is not sent, and says so', async () => {
  const bench = createBench();
  bench.answer = silent;
  expect(await ask(bench, 7)).toEqual([...Array<string>(5).fill('unknown'), 'unsent', 'unsent']);
  expect(bench.asked).toHaveLength(5);
  expect(bench.upstream.downMs()).toBeGreaterThan(0);
  expect(await bench.faults()).toContain('kios_faults_total{place="midtrans-silent"} 1');
});

test('any answer in between begins the count anew, a refusal and HTTP 202 as well', async () => {
  for (const answer of [
    absent,
    failed,
    { kind: 'rejected', code: '401', detail: '' },
    { kind: 'try-again', detail: '' },
    { ...silent, running: true },
  ] as const) {
    const bench = createBench();
    bench.answer = silent;
    await ask(bench, 4);
    bench.answer = answer;
    await ask(bench, 1);
    bench.answer = silent;
    expect(await ask(bench, 4)).not.toContain('unsent');
    expect(bench.upstream.downMs()).toBe(0);
  }
});

test('a connection that could not be made counts as silence', async () => {
  const bench = createBench();
  bench.answer = { kind: 'unsent', why: 'unreachable', detail: 'ECONNREFUSED' };
  await ask(bench, 5);
  expect(bench.upstream.downMs()).toBeGreaterThan(0);
  expect(bench.asked).toHaveLength(5);
});

test('after its time one call tries alone; an answer closes it for all', async () => {
  const bench = createBench();
  bench.answer = silent;
  await ask(bench, 5);
  bench.nowMs += 1_000;
  const trial = Promise.withResolvers<StatusOutcome>();
  bench.answer = trial.promise;
  const first = bench.gateway.status('first');
  expect(await ask(bench, 2)).toEqual(['unsent', 'unsent']);
  expect(bench.upstream.downMs()).toBeGreaterThan(0);
  trial.resolve(absent);
  expect((await first).kind).toBe('absent');
  expect(bench.upstream.downMs()).toBe(0);
  expect(await ask(bench, 2)).toEqual(['absent', 'absent']);
});

test('a try that fails shuts it for longer, up to half a minute', async () => {
  const bench = createBench(1);
  bench.answer = silent;
  await ask(bench, 5);
  const shutMs: number[] = [];
  for (let i = 0; i < 8; i++) {
    shutMs.push(bench.upstream.downMs());
    bench.nowMs += bench.upstream.downMs();
    await bench.upstream.probe();
  }
  expect(shutMs).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000, 30_000]);
});

test('what was sent before it shut and fails later shuts nothing anew and ends no trial', async () => {
  const bench = createBench(1);
  const late = Promise.withResolvers<StatusOutcome>();
  bench.answer = late.promise;
  const straggler = bench.gateway.status('straggler');
  bench.answer = silent;
  await ask(bench, 5);
  bench.nowMs += 1_000;
  const trial = Promise.withResolvers<StatusOutcome>();
  bench.answer = trial.promise;
  const trying = bench.gateway.status('trial');
  late.resolve(silent);
  await straggler;
  expect(await ask(bench, 1)).toEqual(['unsent']);
  expect(bench.upstream.downMs()).toBe(1_000);
  trial.resolve(absent);
  await trying;
  expect(bench.upstream.downMs()).toBe(0);
});

test('the probe asks about an order that nobody has, and only when it is time', async () => {
  const bench = createBench();
  await bench.upstream.probe();
  expect(bench.asked).toEqual([]);
  bench.answer = silent;
  await ask(bench, 5);
  await bench.upstream.probe();
  expect(bench.asked).toHaveLength(5);
  bench.nowMs += 1_000;
  bench.answer = absent;
  await bench.upstream.probe();
  expect(bench.asked[5]).toBe('kios-probe');
  expect(bench.upstream.downMs()).toBe(0);
});

test('pictures that are away shut their own circuit and stop no charge', async () => {
  const bench = createBench();
  for (let i = 0; i < 6; i++) await bench.gateway.image('https://api.midtrans.com/x');
  expect(await bench.gateway.image('https://api.midtrans.com/x')).toMatchObject({
    detail: 'its host has not answered lately',
  });
  expect(bench.upstream.downMs()).toBe(0);
  expect(await ask(bench, 1)).toEqual(['absent']);
  bench.image = { kind: 'unavailable', detail: 'HTTP 404' };
  bench.nowMs += 1_000;
  await bench.gateway.image('https://api.midtrans.com/x');
  expect(await bench.gateway.image('https://api.midtrans.com/x')).toMatchObject({
    detail: 'HTTP 404',
  });
});

test('a rate limit is obeyed by everybody as long as Midtrans says, and a little longer', async () => {
  const bench = createBench(1);
  bench.answer = { kind: 'try-again', detail: '', retryAfterMs: 10_000 };
  await ask(bench, 1);
  expect(bench.upstream.quietMs()).toBe(12_000);
  bench.answer = absent;
  // A customer is still served; a good answer does not take back what was asked for.
  expect(await ask(bench, 1)).toEqual(['absent']);
  expect(bench.upstream.quietMs()).toBe(12_000);
  expect(bench.upstream.downMs()).toBe(0);
  bench.nowMs += 12_000;
  expect(bench.upstream.quietMs()).toBe(0);
});

describe('a charge is kept back', () => {
  const order = { saleId: 'ksk01-1', kioskId: 'ksk01', amountIdr: 15_000, items: [] };

  test.each([
    ['429', { kind: 'try-again', detail: '' }, 1_000],
    ['429 with a wish', { kind: 'try-again', detail: '', retryAfterMs: 10_000 }, 12_000],
    ['503 with a wish', { ...failed, retryAfterMs: 10_000 }, 12_000],
  ] as const)('after %s, by whichever call it was heard', async (_n, answer, restMs) => {
    const bench = createBench(1);
    bench.answer = answer;
    await ask(bench, 1);
    expect(bench.upstream.chargeInMs()).toBe(restMs);
    expect(bench.upstream.downMs()).toBe(0);
    bench.nowMs += restMs - 1;
    const early = await bench.gateway.charge(order, 'early');
    expect(early).toMatchObject({ kind: 'unsent', why: 'resting' });
    bench.nowMs += 1;
    expect(bench.upstream.chargeInMs()).toBe(0);
    expect((await bench.gateway.charge(order, 'late')).kind).toBe('conflict');
    expect(bench.asked).toEqual(['x', 'late']);
  });

  test('not because we think that a failing Midtrans needs rest, until it says so itself', async () => {
    const bench = createBench(1);
    bench.answer = failed;
    await ask(bench, 1);
    expect(bench.upstream.quietMs()).toBe(1_000);
    expect(bench.upstream.chargeInMs()).toBe(0);
    expect((await bench.gateway.charge(order, 'k')).kind).toBe('conflict');
    bench.answer = { kind: 'try-again', detail: '' };
    await ask(bench, 1);
    expect(bench.upstream.chargeInMs()).toBe(1_000);
  });

  test('a charge that fails holds back the others, for longer while that goes on', async () => {
    const bench = createBench(1);
    bench.charged = failed;
    for (const restMs of [1_000, 2_000, 4_000]) {
      expect((await bench.gateway.charge(order, 'k')).kind).toBe('unknown');
      expect(bench.upstream.chargeInMs()).toBe(restMs);
      expect((await bench.gateway.charge(order, 'another')).kind).toBe('unsent');
      bench.nowMs += restMs;
    }
    bench.charged = { kind: 'conflict' };
    expect((await bench.gateway.charge(order, 'k')).kind).toBe('conflict');
    bench.charged = failed;
    await bench.gateway.charge(order, 'k');
    expect(bench.upstream.chargeInMs()).toBe(1_000);
  });

  test('while Midtrans is silent', async () => {
    const bench = createBench();
    bench.answer = silent;
    await ask(bench, 5);
    expect(bench.upstream.chargeInMs()).toBe(bench.upstream.downMs());
  });
});

test.each([
  ['429', { kind: 'try-again', detail: '' }],
  ['5xx', failed],
] as const)('%s without a wish: doubling while it goes on, forgotten after', async (_n, answer) => {
  const bench = createBench(1);
  bench.answer = answer;
  const waits: number[] = [];
  for (let i = 0; i < 8; i++) {
    // Many that were under way at once count once.
    await ask(bench, 20);
    waits.push(bench.upstream.quietMs());
    bench.nowMs += bench.upstream.quietMs();
  }
  expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
  bench.answer = absent;
  await ask(bench, 1);
  bench.answer = answer;
  await ask(bench, 1);
  expect(bench.upstream.quietMs()).toBe(1_000);
});
