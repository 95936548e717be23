// A screen painted over the one before it has the very pixels that it would have alone, and says which rows may differ.
import assert from 'node:assert';
import { expect, test } from 'vitest';
import type { Frame } from '../../drivers/device.ts';
import { rowsSince } from '../../drivers/display/frame-rows.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { changedRows } from '../../drivers/display/rows.ts';
import { scenes } from './display-scenes.ts';
import type { Scene } from '../../drivers/display/scene.ts';

const geometry = { width: 480, height: 320 };
const bytes = ({ pixels }: Frame): Buffer => Buffer.from(pixels.buffer);
const typed = ['Rp 1', 'Rp 15', 'Rp 150', 'Rp 1.500.000', 'Rp 0'];
const sequence: readonly Scene[] = [
  ...typed.map((amount) => ({ ...scenes['enter-amount'], amount })),
  ...Object.values(scenes),
  ...Object.values(scenes).toReversed(),
  { ...scenes['scan-to-pay'], mark: 5 },
  { ...scenes['scan-to-pay'], mark: 6, timeLeft: { share: 0.2, words: 'Sisa waktu 0:20' } },
  { ...scenes['scan-to-pay'], qr: scenes['scan-to-pay-test'].qr },
  { ...scenes['enter-amount'], lines: ['Jumlah terlalu kecil'] },
  scenes['enter-amount'],
];

test('every screen after every other one is as it would be alone', () => {
  const following = createRenderer({ geometry });
  for (const scene of sequence) {
    const alone = createRenderer({ geometry }).render(scene);
    expect(Buffer.compare(bytes(following.render(scene)), bytes(alone)), scene.heading).toBe(0);
  }
});

test('no row outside of those that it names differs, and a digit leaves most of them alone', () => {
  const renderer = createRenderer({ geometry });
  let before = renderer.render(scenes['enter-amount']);
  for (const scene of sequence) {
    const frame = renderer.render(scene);
    const { first, count } = rowsSince(before, frame);
    for (const run of changedRows(bytes(before), bytes(frame), 2 * geometry.width)) {
      expect(run.first).toBeGreaterThanOrEqual(first);
      expect(run.first + run.count).toBeLessThanOrEqual(first + count);
    }
    before = frame;
  }
  const [one, other] = ['Rp 15.001', 'Rp 15.002'].map((amount) =>
    renderer.render({ ...scenes['enter-amount'], amount }),
  );
  expect(other && rowsSince(one, other).count).toBeLessThan(geometry.height / 2);
});

test('against any other frame than the one before it, all rows may differ', () => {
  const renderer = createRenderer({ geometry });
  const [first, , third] = ['Rp 1', 'Rp 12', 'Rp 123'].map((amount) =>
    renderer.render({ ...scenes['enter-amount'], amount }),
  );
  assert(third !== undefined);
  expect(rowsSince(first, third)).toEqual({ first: 0, count: geometry.height });
  expect(rowsSince(undefined, third)).toEqual({ first: 0, count: geometry.height });
});

test('a frame that was handed out stays as it is', () => {
  const renderer = createRenderer({ geometry });
  const frame = renderer.render(scenes['enter-amount']);
  const copy = Buffer.from(bytes(frame));
  renderer.render({ ...scenes['enter-amount'], amount: 'Rp 99.999' });
  expect(Buffer.compare(bytes(frame), copy)).toBe(0);
});
