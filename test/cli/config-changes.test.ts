// What is told of a pushed configuration before it goes out: names and counts, no values.
import { expect, test } from 'vitest';
import { configChanges } from '../../src/cli/config-changes.ts';

const item = (priceIdr: number): object => ({ id: 'teh', name: 'Teh botol', priceIdr });

test('of the catalogue how many items, and of the rest which settings', () => {
  const before = { catalogue: { a: item(1), b: item(2) }, language: 'id', printer: {} };
  const after = { catalogue: { b: item(3), c: item(4) }, printer: { receipts: false } };
  expect(configChanges(before, after)).toEqual([
    'catalogue: 1 added, 1 removed, 1 changed',
    "language: the machine's own again",
    'printer.receipts: set',
  ]);
});

test('a barcode that is a word of the language counts as any other', () => {
  const goods = { constructor: item(1), toString: item(2) };
  expect(configChanges({}, { catalogue: goods })).toEqual([
    'catalogue: 2 added, 0 removed, 0 changed',
  ]);
});

test('another order of the same says nothing', () => {
  expect(configChanges({ a: 1, b: { c: 2, d: 3 } }, { b: { d: 3, c: 2 }, a: 1 })).toEqual([]);
});
