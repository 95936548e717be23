// The verdict over a release on trial, out of how often it has started and for how long it has been well.
import { expect, test } from 'vitest';
import { judge } from '../../src/field/update-judge.ts';

const limits = { settleMs: 60_000, trialMs: 600_000, maxStarts: 3, freshMs: 15_000 };

test.each<[string, Parameters<typeof judge>[0], ReturnType<typeof judge>]>([
  ['waits while it is young', { starts: 1, wellMs: 0, elapsedMs: 1_000 }, 'wait'],
  [
    'is for it once it has been well for long enough',
    { starts: 1, wellMs: 60_000, elapsedMs: 90_000 },
    'confirm',
  ],
  [
    'gives what is well just now the time to stay so',
    { starts: 1, wellMs: 59_999, elapsedMs: 659_998 },
    'wait',
  ],
  [
    'is against what never got well in time',
    { starts: 1, wellMs: 0, elapsedMs: 600_001 },
    'not-healthy',
  ],
  [
    'still takes the last start that is allowed',
    { starts: 3, wellMs: 60_000, elapsedMs: 90_000 },
    'confirm',
  ],
  [
    'is against what starts again and again, however well it is',
    { starts: 4, wellMs: 60_000, elapsedMs: 90_000 },
    'crash-loop',
  ],
])('it %s', (_name, seen, verdict) => {
  expect(judge(seen, limits)).toBe(verdict);
});
