// The simulation as a specification: nothing breaks over many seeds, a seed says everything about its run, and every bug
// that is planted in the wiring is found.
import { describe, expect, test } from 'vitest';
import { bugs, type Bug } from './bugs.ts';
import { run } from './run.ts';

const seeds = 1500;
const seedsTwice = 20;

/** Within so many seeds, from 1 on, each planted bug must be found. */
const foundWithin: Record<Bug, number> = {
  'pulse-for-every-paid': 5,
  'fresh-id-on-retry': 40,
  'pulse-again-after-restart': 20,
  'dead-on-first-404': 20,
  'mqtt-as-fetched': 60,
  'effect-before-journal': 5,
  'error-ends-sale': 20,
  'late-money-vends': 400,
  'report-once': 40,
  'open-attempt-forgotten': 60,
};

test(`no rule breaks in ${seeds} seeds`, { timeout: 120_000 }, async () => {
  for (let seed = 1; seed <= seeds; seed++) {
    const { broken } = await run(seed);
    expect(broken, repeat(seed)).toBeUndefined();
  }
});

test(`${seedsTwice} seeds give the same log twice`, { timeout: 60_000 }, async () => {
  for (let seed = 1; seed <= seedsTwice; seed++) {
    const { lines } = await run(seed);
    expect((await run(seed)).lines.join('\n'), repeat(seed)).toBe(lines.join('\n'));
    expect(lines.length).toBeGreaterThan(20);
  }
});

describe('a planted bug is found', () => {
  test.each(Object.entries(bugs))('%s: %s', { timeout: 60_000 }, async (name) => {
    const bug = name as Bug;
    expect(await firstSeedThatFinds(bug, foundWithin[bug])).toBeDefined();
  });
});

async function firstSeedThatFinds(bug: Bug, limit: number): Promise<number | undefined> {
  for (let seed = 1; seed <= limit; seed++) {
    if ((await run(seed, bug)).broken !== undefined) return seed;
  }
  return undefined;
}

function repeat(seed: number): string {
  return `repeat: node test/sim/sim.ts --seed ${seed} --log`;
}
