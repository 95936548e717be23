// The simulation as a specification: nothing breaks over many seeds, a seed says everything about its run, and every bug
// that is planted in the wiring is found. The runs are made by processes of their own, on all cores.
import { describe, expect, test } from 'vitest';
import { bugNames, bugs, type Bug } from './bugs.ts';
import { findBugs, hashTwice, runSeeds } from './pool.ts';
import { repeatCommand, storyOf } from './story.ts';

/** Some three minutes on two cores; more where there is time: `KIOS_SIM_SEEDS=20000 npm run test:sim`. */
const seeds = Number(process.env['KIOS_SIM_SEEDS'] ?? 7_500);
const seedsTwice = 30;
/** A process that hangs ends the test, not a slow machine. */
const timeout = 15 * 60_000;

/** Within so many seeds, from 1 on, each planted bug must be found. */
const foundWithin: Readonly<Record<Bug, number>> = {
  'pulse-for-every-paid': 20,
  'fresh-id-on-retry': 60,
  'pulse-again-after-restart': 150,
  'dead-on-first-404': 150,
  'mqtt-as-fetched': 150,
  'effect-before-journal': 20,
  'error-ends-sale': 150,
  'late-money-vends': 300,
  'report-once': 150,
  'open-attempt-forgotten': 150,
  'message-unproved': 150,
  'grant-unproved': 150,
  'reports-forgotten': 150,
  'sale-forgotten': 150,
  'notice-believed': 150,
  'unknown-is-done': 150,
  'unknown-is-failed': 150,
  'deadlines-forgotten': 150,
  'claim-not-kept': 150,
  'honoured-again': 700,
  'key-unlearnt': 150,
  'ledger-unchecked': 150,
  'served-for-ever': 60,
  'same-boot-after-power-cut': 150,
  'wall-clock-for-deadlines': 400,
  'price-of-the-day': 150,
  'nothing-given-back': 150,
};

test(`no rule breaks in ${seeds} seeds`, { timeout }, async () => {
  const { broken, sums } = await runSeeds(1, seeds + 1);
  expect(broken?.rule, repeatCommand(broken?.seed ?? 0)).toBeUndefined();
  expect(sums.runs).toBe(seeds);
  // A net with nothing in it proves nothing.
  expect(sums.pulses).toBeGreaterThan(seeds);
});

test(`${seedsTwice} seeds give the same log twice, in two processes`, { timeout }, async () => {
  const [once, again] = await hashTwice(1, seedsTwice + 1);
  expect(once).toHaveLength(seedsTwice);
  expect(new Set(once).size).toBe(seedsTwice);
  expect(again).toEqual(once);
});

test('every planted bug is found within its number of seeds', { timeout }, async () => {
  expect(bugNames.length).toBeGreaterThanOrEqual(20);
  const limits = new Map(bugNames.map((bug) => [bug, foundWithin[bug]]));
  const found = await findBugs(limits);
  const missed = bugNames.filter((bug) => !found.has(bug));
  expect(missed.map((bug) => `${bug}: ${bugs[bug]}`)).toEqual([]);
});

describe('the story of a broken rule', () => {
  const mine = 'ksk01-01JD0000000000000000000000';
  const other = 'ksk01-01JD0000000000000000000001';
  const log = [
    '0 faults http slow',
    '0 relay started',
    `5 ksk01 charging ${other}`,
    '6 ksk02 idle ',
    `9 ksk01 charging ${mine}`,
    '11 ksk01 ended',
    `12 BROKEN ${mine} was dispensed 2 times`,
    `13 ksk01 result ${mine}`,
  ];

  test('is what concerns its sale and its kiosk, up to the breach', () => {
    expect(storyOf(log, `${mine} was dispensed 2 times`)).toEqual([
      '0 faults http slow',
      '0 relay started',
      `9 ksk01 charging ${mine}`,
      '11 ksk01 ended',
      `12 BROKEN ${mine} was dispensed 2 times`,
    ]);
  });

  test('comes with one command that repeats it', () => {
    expect(repeatCommand(7, 'mqtt-as-fetched')).toBe(
      'npm run sim -- --seed 7 --log --bug mqtt-as-fetched',
    );
  });
});
