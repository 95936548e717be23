// What of a scanner's readings is passed on: a quick hand all of it, a held barcode once, a flood five a second.
import { expect, test } from 'vitest';
import { createScanRate } from '../../drivers/scanner/rate.ts';

/** The times at which a reading passes. */
function passed(
  readings: readonly (readonly [text: string, ms: number])[],
  rereadMs?: number,
): number[] {
  const rate = createScanRate(rereadMs);
  return readings.flatMap(([text, ms]) => (rate.admits({ text }, ms) ? [ms] : []));
}

test('the same text passes again when it was not seen for 800 ms', () => {
  const times = [0, 500, 1299, 2098, 2898, 3698];
  expect(passed(times.map((ms) => ['a', ms]))).toEqual([0, 2898, 3698]);
});

test('the time is the operator’s to set, and 0 passes every text on', () => {
  const times = [0, 100, 399, 698, 998, 1298];
  const readings = times.map((ms): [string, number] => ['a', ms]);
  expect(passed(readings, 300)).toEqual([0, 998, 1298]);
  expect(passed(readings, 0)).toEqual(times);
});

test('another text passes at once', () => {
  expect(
    passed([
      ['a', 0],
      ['b', 1],
      ['a', 2],
    ]),
  ).toEqual([0, 1, 2]);
});

test('at most five pass in any second', () => {
  const flood = Array.from({ length: 300 }, (_, i): [string, number] => [`text-${i}`, i * 10]);
  const times = passed(flood);
  expect(times).toHaveLength(15);
  for (const from of times) {
    expect(times.filter((ms) => ms >= from && ms < from + 1000).length).toBeLessThanOrEqual(5);
  }
});

test('a few left out are nothing to tell; many are, until ten seconds of quiet', () => {
  const rate = createScanRate();
  for (let i = 0; i <= 19; i++) rate.admits({ text: 'a' }, i);
  expect(rate.babble(20)).toBe(0);
  rate.admits({ text: 'a' }, 21);
  expect(rate.babble(22)).toBe(20);
  expect(rate.babble(10_021)).toBe(0);
  rate.admits({ text: 'a' }, 10_100);
  rate.admits({ text: 'a' }, 10_101);
  expect(rate.babble(10_102)).toBe(0);
});
