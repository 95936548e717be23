// Which cards are prepared, and how: the plan alone, and what it must refuse.
import { describe, expect, test } from 'vitest';
import { planCard, type PartitionTable } from '../../src/field/card-plan.ts';

const sectors = (bytes: number): number => bytes / 512;
/** As Raspberry Pi Imager leaves a card. */
const flashed: PartitionTable = {
  label: 'dos',
  sectorsize: 512,
  partitions: [
    { start: 8192, size: 1048576, type: 'c' },
    { start: 1056768, size: 4521984, type: '83' },
  ],
};
const withRoot = (
  root: Partial<{ start: number; size: number; type: string }>,
): PartitionTable => ({
  ...flashed,
  partitions: flashed.partitions.map((one, n) => (n === 1 ? { ...one, ...root } : one)),
});
const card = 31_914_983_424;

describe('a flashed card', () => {
  const plan = planCard(flashed, card, false);
  if (plan.kind !== 'change') throw new Error('it is refused');
  const { root, data } = plan;

  test('the root stays where it is and ends within 6 GB', () => {
    expect(root.start).toBe(1056768);
    expect(root.grows).toBe(true);
    expect((root.start + root.size) * 512).toBeLessThanOrEqual(6e9);
    expect((root.start + root.size) * 512).toBeGreaterThan(5.99e9);
  });

  test('the data begins after it and ends within the card, both on erase blocks', () => {
    expect(data.start).toBe(root.start + root.size);
    expect(data.start % 8192).toBe(0);
    expect(data.size % 8192).toBe(0);
    expect((data.start + data.size) * 512).toBeLessThanOrEqual(card);
    expect((data.start + data.size) * 512).toBeGreaterThan(card - 8192 * 512);
  });

  test('one whose root ends there already is cut off no more', () => {
    const again = planCard(withRoot({ size: root.size }), card, false);
    expect(again).toEqual({ kind: 'change', root: { ...root, grows: false }, data });
  });

  test('a prepared one is found to be so', () => {
    const third = { ...data, type: '83' };
    const prepared = { ...flashed, partitions: [...flashed.partitions, third] };
    expect(planCard(prepared, card, true)).toEqual({ kind: 'prepared' });
    expect(planCard(prepared, card, false).kind).toBe('refused');
  });
});

test.each([
  ['too small', flashed, 4e9, /needs a card of 7\.0 GB/],
  ['just too small', flashed, 7e9 - 512, /needs a card of/],
  ['a disk', flashed, 500e9, /500\.0 GB: that is a disk/],
  ['a root that has grown', withRoot({ size: sectors(20e9) }), card, /flash it again/],
  ['a table of another kind', { ...flashed, label: 'gpt' }, card, /not a freshly flashed/],
  ['other sectors', { ...flashed, sectorsize: 4096 }, card, /not a freshly flashed/],
  ['an empty card', { ...flashed, partitions: [] }, card, /not a freshly flashed/],
  ['a root that is no Linux', withRoot({ type: '7' }), card, /not a freshly flashed/],
  ['a root before the boot files', withRoot({ start: 64 }), card, /not a freshly flashed/],
  [
    'a boot partition that is no FAT',
    { ...flashed, partitions: [...flashed.partitions].reverse() },
    card,
    /not a freshly flashed/,
  ],
  [
    'a fourth partition',
    { ...flashed, partitions: [...flashed.partitions, ...flashed.partitions] },
    card,
    /not a freshly flashed/,
  ],
])('%s is refused', (_what, table, bytes, why) => {
  const plan = planCard(table, bytes, true);
  expect(plan.kind === 'refused' ? plan.why : plan.kind).toMatch(why);
});

test('the smallest card that is taken keeps 1 GB for data', () => {
  const plan = planCard(flashed, 7_012_352_000, false);
  expect(plan.kind === 'change' && plan.data.size * 512).toBeGreaterThan(1e9);
});
