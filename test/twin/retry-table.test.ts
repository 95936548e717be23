// The retry table, first as numbers, then as a delivery on a clock that is wound by hand.
import { describe, expect, test } from 'vitest';
import { silentLog } from '../../src/lib/log.ts';
import { Delivery } from '../../src/twin/delivery.ts';
import { nextRepeatMs, repeatsAllowed, type Attempt } from '../../src/twin/retry-table.ts';
import { HandClock, morningMs } from './setting.ts';

const answered = (http: number): Attempt => ({ kind: 'answered', http });

test.each([
  [200, 0],
  [204, 0],
  [301, 0],
  [302, 0],
  [303, 0],
  [400, 2],
  [401, 5],
  [403, 5],
  [404, 2],
  [429, 5],
  [500, 1],
  [502, 5],
  [503, 4],
  [504, 5],
])('HTTP %i is repeated %i times', (http, repeats) => {
  expect(repeatsAllowed(answered(http))).toBe(repeats);
});

test('no answer is repeated five times, after 2, 10, 30, 90 and 210 minutes at most', () => {
  const gaps = [0, 1, 2, 3, 4, 5].map((repeats) =>
    nextRepeatMs({ kind: 'unanswered' }, repeats, 1, 1),
  );
  expect(gaps).toEqual([120_000, 600_000, 1_800_000, 5_400_000, 12_600_000, undefined]);
});

test('a gap is shifted at random and scaled', () => {
  expect(nextRepeatMs(answered(503), 0, 0, 1)).toBe(30_000);
  expect(nextRepeatMs(answered(503), 0, 0.5, 1)).toBe(75_000);
  expect(nextRepeatMs(answered(503), 0, 0.5, 0.01)).toBe(750);
});

describe('a delivery', () => {
  const notice = { orderId: 'o', status: 'settlement', urls: ['http://a.test/'], body: { n: 1 } };

  function delivery(outcomes: Attempt[]): {
    clock: HandClock;
    times: number[];
    bodies: string[];
    made: Delivery;
  } {
    const clock = new HandClock();
    const times: number[] = [];
    const bodies: string[] = [];
    const made = new Delivery({
      clock,
      random: () => 1,
      log: silentLog,
      delayMs: 0,
      timeScale: 1,
      post: (_url, body) => {
        times.push((clock.nowMs() - morningMs) / 60_000);
        bodies.push(body);
        return Promise.resolve(outcomes.shift() ?? answered(200));
      },
    });
    return { clock, times, bodies, made };
  }

  const dayMs = 86_400_000;

  test('that nobody answers is tried six times, with the same body', async () => {
    const { clock, times, bodies, made } = delivery(Array<Attempt>(9).fill({ kind: 'unanswered' }));
    made.send(notice, undefined);
    await clock.wind(dayMs);
    expect(times).toEqual([0, 2, 12, 42, 132, 342]);
    expect(new Set(bodies)).toEqual(new Set(['{"n":1}']));
    expect(clock.waiting).toBe(0);
  });

  test('ends with the first 2xx', async () => {
    const { clock, times, made } = delivery([answered(503), answered(503), answered(201)]);
    made.send(notice, undefined);
    await clock.wind(dayMs);
    expect(times).toEqual([0, 2, 12]);
  });

  test('goes by the latest answer: a 500 after a repeat ends it', async () => {
    const { clock, times, made } = delivery([{ kind: 'unanswered' }, answered(500)]);
    made.send(notice, undefined);
    await clock.wind(dayMs);
    expect(times).toEqual([0, 2]);
  });

  test('can be duplicated, slowed down, lost, and held until it is released', async () => {
    const { clock, times, made } = delivery([]);
    made.send(notice, { kind: 'duplicate', times: 2 });
    made.send(notice, { kind: 'slow', delayMs: 60_000 });
    made.send(notice, { kind: 'drop-before' });
    made.send(notice, { kind: 'hold' });
    await clock.wind(5 * 60_000);
    expect(times).toEqual([0, 0, 0, 1]);
    expect([made.release('other'), made.release('o'), made.release()]).toEqual([0, 1, 0]);
    await clock.wind(1);
    expect(times).toEqual([0, 0, 0, 1, 5]);
  });

  test('makes no attempt after the twin was closed', async () => {
    const { clock, times, made } = delivery([{ kind: 'unanswered' }]);
    made.send(notice, undefined);
    await clock.wind(0);
    made.close();
    await clock.wind(dayMs);
    expect(times).toEqual([0]);
    expect(clock.waiting).toBe(0);
  });
});
