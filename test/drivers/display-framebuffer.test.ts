// The framebuffer's bytes: both pixel formats, strides, rotations, changed rows alone, and shapes that change or make no sense.
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Display, Frame } from '../../drivers/device.ts';
import { createDisplay } from '../../drivers/display/display.ts';
import { copyRows, panelFrame, type Panel } from '../../drivers/display/framebuffer-pixels.ts';
import { createPanelRenderer, createRenderer } from '../../drivers/display/render.ts';
import { changedRows, changedSpan } from '../../drivers/display/rows.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { plugFramebuffer, readFramebuffer, tellShape, untouched } from './display-fake-fb.ts';
import { hastyClock } from './display-frames.ts';
import { scenes } from './display-scenes.ts';
import { stripes } from './display.contract.ts';

const never = new AbortController().signal;
let folder: string;
let opened: Display[] = [];

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kios-fb-'));
});
afterEach(async () => {
  await Promise.all(opened.map(async (display) => display.close()));
  opened = [];
  await rm(folder, { recursive: true });
});

async function openPanel(
  panel: Panel,
  rotation: 0 | 90 | 180 | 270 = 0,
  clock?: Clock,
): Promise<Display> {
  await plugFramebuffer(folder, panel);
  const display = makeDisplay(rotation, clock);
  await display.open(never);
  return display;
}

function makeDisplay(rotation: 0 | 90 | 180 | 270 = 0, clock: Clock = hastyClock): Display {
  const at = `fb:${join(folder, 'fb0')}`;
  const sysfsRoot = join(folder, 'sys');
  const display = createDisplay({ at, rotation, sysfsRoot, clock });
  opened.push(display);
  return display;
}

const memory = async (): Promise<Buffer> => readFile(join(folder, 'fb0'));

describe.each([16, 32] as const)('%i bits a pixel', (bitsPerPixel) => {
  test.each([0, 12])(
    'with %i bytes between the rows, which stay as they were drawn once',
    async (gap) => {
      const stride = (20 * bitsPerPixel) / 8 + gap;
      const panel: Panel = { width: 20, height: 12, stride, bitsPerPixel };
      const display = await openPanel(panel);
      const frame = stripes(display.geometry, 3);
      await display.show(frame);
      expect(readFramebuffer(await memory(), panel)).toEqual(frame);
      expect((await memory()).length).toBe(stride * 12);
    },
  );

  test('golden bytes: red, green, blue, white', () => {
    const frame: Frame = {
      width: 4,
      height: 1,
      pixels: Uint16Array.of(0xf800, 0x07e0, 0x001f, 0xffff),
    };
    const panel: Panel = { width: 4, height: 1, stride: (4 * bitsPerPixel) / 8, bitsPerPixel };
    const bytes = Buffer.alloc(panel.stride);
    copyRows(panelFrame(frame, { bitsPerPixel, turn: 0 }), panel, bytes, { first: 0, count: 1 });
    // fb/api: RGB565 and XRGB8888 little endian.
    expect(bytes.toString('hex')).toBe(
      bitsPerPixel === 16 ? '00f8e0071f00ffff' : '0000ff0000ff0000ff000000ffffff00',
    );
  });
});

// A frame of 3 × 2 pixels, 1 2 3 / 4 5 6, as it lies on the panel.
test.each([
  [0, 3, 2, [1, 2, 3, 4, 5, 6]],
  [90, 2, 3, [4, 1, 5, 2, 6, 3]],
  [180, 3, 2, [6, 5, 4, 3, 2, 1]],
  [270, 2, 3, [3, 6, 2, 5, 1, 4]],
] as const)('rotated by %i degrees', async (rotation, width, height, expected) => {
  const panel: Panel = { width, height, stride: width * 2, bitsPerPixel: 16 };
  const display = await openPanel(panel, rotation);
  expect(display.geometry).toEqual({ width: 3, height: 2 });
  await display.show({ width: 3, height: 2, pixels: Uint16Array.of(1, 2, 3, 4, 5, 6) });
  expect([...readFramebuffer(await memory(), panel).pixels]).toEqual(expected);
});

test.each([
  [16, 0, 0],
  [16, 90, 12],
  [32, 180, 0],
  [32, 270, 12],
] as const)(
  'frames in the panel’s own form come into its memory: %i bits, %i°, %i bytes between rows',
  async (bitsPerPixel, turn, gap) => {
    const stride = (320 * bitsPerPixel) / 8 + gap;
    const panel: Panel = { width: 320, height: 480, stride, bitsPerPixel };
    const display = await openPanel(panel, turn);
    const { geometry, panel: own } = display;
    if (own === undefined) throw new Error('no panel');
    const renderer = createPanelRenderer(own.form, { geometry });
    const { 'enter-amount': typing, 'scan-to-pay': paying } = scenes;
    for (const scene of [{ ...typing, amount: 'Rp 1' }, { ...typing, amount: 'Rp 15' }, paying]) {
      await own.show(renderer.render(scene));
      const alone = createRenderer({ geometry }).render(scene);
      const { width, height, pixels } = panelFrame(alone, { bitsPerPixel: 16, turn });
      expect(readFramebuffer(await memory(), panel)).toEqual({ width, height, pixels });
    }
  },
);

test('what a console draws over it in the first seconds is painted over, also where nothing changes', async () => {
  const panel: Panel = { width: 8, height: 10, stride: 16, bitsPerPixel: 16 };
  const clock = new VirtualClock();
  const display = await openPanel(panel, 0, clock);
  const frame = stripes(display.geometry, 1);
  await display.show(frame);
  for (let time = 0; time < 2; time++) {
    await writeFile(join(folder, 'fb0'), Buffer.alloc(6, untouched), { flag: 'r+' });
    await expect
      .poll(async () => {
        await clock.advance(1000);
        return readFramebuffer(await memory(), panel);
      })
      .toEqual(frame);
  }
});

test('only changed rows are written', async () => {
  const panel: Panel = { width: 8, height: 10, stride: 16, bitsPerPixel: 16 };
  const display = await openPanel(panel, 0, new VirtualClock());
  const first = stripes(display.geometry, 1);
  await display.show(first);
  await writeFile(join(folder, 'fb0'), Buffer.alloc(160, untouched), { flag: 'r+' });
  const second = { ...first, pixels: first.pixels.slice() };
  second.pixels[4 * 8] = 0;
  second.pixels[7 * 8 + 7] = 0;
  await display.show(second);
  const bytes = await memory();
  const written = Array.from({ length: 10 }, (_, row) =>
    bytes.subarray(16 * row, 16 * row + 16).some((byte) => byte !== untouched),
  );
  expect(written.map(Number).join('')).toBe('0000100100');
});

test.each([
  ['another size', { width: 9, height: 10, stride: 18, bitsPerPixel: 16 }],
  ['another stride', { width: 8, height: 10, stride: 32, bitsPerPixel: 16 }],
  ['other pixels', { width: 8, height: 10, stride: 32, bitsPerPixel: 32 }],
] as const)('%s closes the display', async (_, shape) => {
  const display = await openPanel({ width: 8, height: 10, stride: 16, bitsPerPixel: 16 });
  await tellShape(folder, shape);
  expect(await display.closed).toMatchObject({ kind: 'disconnected' });
});

test('another driver that takes the node over closes the display, whatever its size', async () => {
  const display = await openPanel({ width: 8, height: 10, stride: 16, bitsPerPixel: 16 });
  await writeFile(join(folder, 'sys', 'fb0', 'name'), 'simpledrmfb\n');
  expect(await display.closed).toMatchObject({ kind: 'disconnected' });
});

test.each([
  ['24 bits a pixel', 'bits_per_pixel', '24'],
  ['a size of nothing', 'virtual_size', '0,0'],
  ['a size that is no size', 'virtual_size', 'wide'],
  ['rows shorter than their pixels', 'stride', '15'],
])('%s is refused', async (_, file, text) => {
  await plugFramebuffer(folder, { width: 8, height: 10, stride: 16, bitsPerPixel: 16 });
  await writeFile(join(folder, 'sys', 'fb0', file), text);
  await expect(makeDisplay().open(never)).rejects.toMatchObject({ kind: 'protocol' });
});

test('closing leaves the picture on the panel', async () => {
  const panel: Panel = { width: 8, height: 10, stride: 16, bitsPerPixel: 16 };
  const display = await openPanel(panel);
  const frame = stripes(display.geometry, 1);
  await display.show(frame);
  await display.close();
  expect(readFramebuffer(await memory(), panel)).toEqual(frame);
});

test('changed rows are told in runs, and as the one span that holds them', () => {
  const before = Uint8Array.from([0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
  const after = Uint8Array.from([0, 9, 1, 9, 2, 2, 3, 3, 9, 4]);
  const runs = [
    { first: 0, count: 2 },
    { first: 4, count: 1 },
  ];
  expect(changedRows(before, after, 2)).toEqual(runs);
  expect(changedSpan(before, after, 2)).toEqual({ first: 0, count: 5 });
  expect(changedSpan(before, before, 2)).toBeUndefined();
  expect(changedRows(undefined, after, 2)).toEqual([{ first: 0, count: 5 }]);
});
