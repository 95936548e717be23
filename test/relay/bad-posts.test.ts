// How often a kiosk may post what this relay never signed, on a virtual clock.
import { expect, test } from 'vitest';
import { createBadPosts, maxBadPosts, type BadPosts } from '../../src/relay/bad-posts.ts';

const hourMs = 3_600_000;

function noted(posts: BadPosts, kioskId: string, times: number): number {
  for (let i = 0; i < times; i++) posts.note(kioskId);
  return posts.leftMs(kioskId);
}

test('twenty within an hour, then none until that hour is over; the others are not kept waiting', () => {
  let nowMs = 5_000;
  const posts = createBadPosts({ monotonicMs: () => nowMs });
  expect(noted(posts, 'ksk01', maxBadPosts - 1)).toBe(0);
  nowMs += hourMs - 1;
  expect(noted(posts, 'ksk01', 1)).toBe(1);
  expect(posts.leftMs('ksk02')).toBe(0);
  nowMs += 1;
  expect(posts.leftMs('ksk01')).toBe(0);
  expect(noted(posts, 'ksk01', maxBadPosts)).toBe(hourMs);
});

test('remembers a thousand kiosks and no more', () => {
  const posts = createBadPosts({ monotonicMs: () => 0 });
  expect(noted(posts, 'first', maxBadPosts)).toBe(hourMs);
  for (let i = 0; i < 999; i++) posts.note(`ksk${i}`);
  expect(posts.leftMs('first')).toBe(hourMs);
  posts.note('last');
  expect(posts.leftMs('first')).toBe(0);
});
