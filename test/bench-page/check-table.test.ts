// The table that `kios demo --check` prints.
import { expect, test } from 'vitest';
import { checkTable } from '../../src/bench/check-table.ts';

test('a stage has its time in whole milliseconds, and one without a time is ok', () => {
  const table = checkTable([
    { title: 'typed', stages: [{ name: 'Enter → QR', tookMs: 412.6 }, { name: 'not payable' }] },
  ]);
  expect(table.split('\n').map((line) => line.replace(/ +/g, ' ').trim())).toEqual([
    '1. typed',
    'Enter → QR 413 ms',
    'not payable ok',
    '',
  ]);
});

test('times stand under each other, also over several tables', () => {
  const one = checkTable([{ title: 'a', stages: [{ name: 'short', tookMs: 5 }] }]);
  const two = checkTable([{ title: 'b', stages: [{ name: 'a longer name', tookMs: 12_345 }] }], 2);
  expect(one.indexOf('ms')).toBe(two.indexOf('ms'));
  expect(two).toMatch(/^2\. b$/m);
});
