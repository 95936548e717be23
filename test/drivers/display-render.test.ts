// The renderer: golden pictures, nothing cut off or overlapping, contrast, and a QR that reads back or is not shown.
import { readFile, writeFile } from 'node:fs/promises';
import sharp from 'sharp';
import { describe, expect, test } from 'vitest';
import { decodeQR } from 'qr/decode.js';
import type { Geometry } from '../../drivers/device.ts';
import { type Box, rgb565, rgb888 } from '../../drivers/display/blit.ts';
import { type Item } from '../../drivers/display/blocks.ts';
import { layoutScene, type Layout } from '../../drivers/display/layout.ts';
import { contrast, palettes } from '../../drivers/display/palette.ts';
import { framePng, frameRgba } from '../../drivers/display/png.ts';
import { assertQrReadable, qrMatrix } from '../../drivers/display/qr.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { type Scene } from '../../drivers/display/scene.ts';
import { createTextRuns, drawable, measureText } from '../../drivers/display/text.ts';
import { parseQris } from '../../src/protocol/qris.ts';
import { qrisText, scenes } from './display-scenes.ts';

/** Panels that kiosks have: 3.5", 5", 7", 10", and two of them upright. */
const panels: readonly Geometry[] = [
  { width: 480, height: 320, widthMm: 73 },
  { width: 800, height: 480, widthMm: 108 },
  { width: 1024, height: 600, widthMm: 154 },
  { width: 1280, height: 800, widthMm: 217 },
  { width: 480, height: 800, widthMm: 65 },
  { width: 320, height: 480, widthMm: 49 },
];
const goldenPanels = [panels[0], panels[1], panels[4]].filter((panel) => panel !== undefined);
const names = Object.keys(scenes) as (keyof typeof scenes)[];
const label = ({ width, height }: Geometry): string => `${width}x${height}`;

describe.each(goldenPanels.map((panel) => [label(panel), panel] as const))('%s', (size, panel) => {
  const renderer = createRenderer({ geometry: panel });

  test.each(names)('%s looks as it did when a person looked at it', async (name) => {
    const frame = await renderer.render(scenes[name]);
    const golden = new URL(`golden/display/${name}-${size}.png`, import.meta.url);
    if (process.env['UPDATE_GOLDEN'] === '1') await writeFile(golden, await framePng(frame));
    const picture = sharp(await readFile(golden)).ensureAlpha();
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([frame.width, frame.height]);
    expect(Buffer.compare(data, frameRgba(frame))).toBe(0);
  });
});

function layoutOf(scene: Scene, panel: Geometry): Layout {
  const modules = scene.qr === undefined ? 0 : qrMatrix(scene.qr.text).size;
  const layout = layoutScene(scene, panel, modules, measureText);
  if (layout === undefined) throw new Error('does not fit');
  return layout;
}

type TextItem = Extract<Item, { kind: 'text' }>;
const textsOf = (layout: Layout): TextItem[] =>
  layout.items.filter((item): item is TextItem => item.kind === 'text');

function overlap(a: Box, b: Box): boolean {
  const apart =
    a.x + a.width <= b.x || b.x + b.width <= a.x || a.y + a.height <= b.y || b.y + b.height <= a.y;
  return !apart;
}

describe.each(panels.map((panel) => [label(panel), panel] as const))('layout at %s', (_, panel) => {
  test.each(names)('%s: every word is there, inside of the frame, and covers nothing', (name) => {
    const scene: Scene = scenes[name];
    const layout = layoutOf(scene, panel);
    expect(layout.complete).toBe(true);
    const boxes = textsOf(layout).map((item) => item.box);
    if (layout.qr !== undefined) boxes.push(layout.qr.box);
    for (const box of boxes) {
      expect(box.x).toBeGreaterThanOrEqual(0);
      expect(box.y).toBeGreaterThanOrEqual(0);
      expect(box.x + box.width).toBeLessThanOrEqual(panel.width);
      expect(box.y + box.height).toBeLessThanOrEqual(panel.height);
    }
    boxes.forEach((box, i) => {
      for (const other of boxes.slice(i + 1)) expect(overlap(box, other)).toBe(false);
    });
    const drawn = letters(textsOf(layout).map((item) => item.text));
    for (const text of everyText(scene)) expect(drawn).toContain(letters([text]));
  });

  test.each(names)('%s: the amount is the largest text', (name) => {
    const texts = textsOf(layoutOf(scenes[name], panel));
    const amount = texts.find((item) => item.text.startsWith('Rp'));
    const words = texts.filter((item) => /\w/.test(item.text));
    if (amount !== undefined) {
      expect(amount.sizePx).toBe(Math.max(...words.map((item) => item.sizePx)));
    }
  });

  test('usual screens need no text smaller than a fortieth of the short side', () => {
    for (const name of ['enter-amount', 'scan-to-pay', 'paid', 'waiting'] as const) {
      const least = Math.min(...textsOf(layoutOf(scenes[name], panel)).map((item) => item.sizePx));
      expect(least).toBeGreaterThanOrEqual(Math.min(panel.width, panel.height) / 40);
    }
  });

  test('the QR is 40 mm wide or as large as the panel allows', () => {
    for (const name of ['scan-to-pay', 'scan-to-pay-test', 'longest-scan'] as const) {
      const { size } = qrMatrix(scenes[name].qr.text);
      const modulePx = layoutOf(scenes[name], panel).qr?.modulePx ?? 0;
      const mm = (size * modulePx * (panel.widthMm ?? 0)) / panel.width;
      const landscape = panel.width > panel.height;
      const most = landscape ? Math.min(panel.height, panel.width * 0.64) : panel.width;
      const larger = (modulePx + 1) * (size + 8);
      expect(mm >= 40 || larger > most, `${name}: ${mm.toFixed(1)} mm`).toBe(true);
    }
  });

  test('QRIS texts of 230 to 280 characters read back out of the pixels', async () => {
    const renderer = createRenderer({ geometry: panel });
    for (const length of [230, 242, 255, 268, 280]) {
      const text = qrisText(10_000_000, length);
      expect(text).toHaveLength(length);
      expect(parseQris(text).ok).toBe(true);
      const scene = { ...scenes['scan-to-pay'], qr: { text, lines: ['NMID ID1020021234567'] } };
      const frame = await renderer.render(scene);
      const { width, height } = frame;
      const seen = decodeQR({ width, height, data: frameRgba(frame) }, { timeLimit: 5000 });
      expect(seen).toBe(text);
    }
  });
});

const letters = (texts: readonly string[]): string => texts.join('').replace(/[\s·]/g, '');

function everyText(scene: Scene): string[] {
  return [
    scene.merchant,
    scene.heading,
    ...scene.lines,
    ...scene.hints.flatMap((hint) => [hint.key, hint.text]),
    ...(scene.amount === undefined ? [] : [scene.amount]),
    ...(scene.qr?.lines ?? []),
    ...(scene.timeLeft === undefined ? [] : [scene.timeLeft.words]),
    ...(scene.banner === undefined ? [] : [scene.banner]),
  ];
}

describe('the QR', () => {
  const geometry = { width: 480, height: 320 };
  const scene: Scene = scenes['scan-to-pay'];
  const text = scenes['scan-to-pay'].qr.text;

  test('is black on white with four light modules around it, whatever the tone', async () => {
    const bad: Scene = { ...scene, tone: 'bad' };
    const frame = await createRenderer({ geometry }).render(bad);
    const { qr } = layoutOf(bad, geometry);
    if (qr === undefined) throw new Error('no QR');
    const colours = new Set<number>();
    for (let y = 0; y < qr.box.height; y++) {
      for (let x = 0; x < qr.box.width; x++) {
        const pixel = frame.pixels[(qr.box.y + y) * frame.width + qr.box.x + x] ?? 0;
        colours.add(pixel);
        const edge = Math.min(x, y, qr.box.width - 1 - x, qr.box.height - 1 - y);
        if (edge < 4 * qr.modulePx) expect(pixel).toBe(0xffff);
      }
    }
    expect([...colours].sort((a, b) => a - b)).toEqual([0x0000, 0xffff]);
  });

  test('a frame with a single flipped module is found out', async () => {
    const frame = await createRenderer({ geometry }).render(scene);
    const { qr } = layoutOf(scene, geometry);
    if (qr === undefined) throw new Error('no QR');
    const matrix = qrMatrix(text);
    const check = (): void => {
      assertQrReadable(frame, matrix, qr.box, qr.modulePx, text);
    };
    expect(check).not.toThrow();
    const at = (qr.box.y + 20 * qr.modulePx) * frame.width + qr.box.x + 20 * qr.modulePx;
    frame.pixels[at] = (frame.pixels[at] ?? 0) ^ 0xffff;
    expect(check).toThrow(/broken module/);
  });

  test('another text in the matrix, or a matrix that no one can read, is never shown', async () => {
    const other = createRenderer({ geometry, makeMatrix: () => qrMatrix(qrisText(99_000)) });
    const fault = { kind: 'protocol', reason: 'qr-unreadable' };
    await expect(other.render(scene)).rejects.toMatchObject(fault);
    const blank = { size: 49, dark: new Uint8Array(49 * 49) };
    const unreadable = createRenderer({ geometry, makeMatrix: () => blank });
    await expect(unreadable.render(scene)).rejects.toMatchObject(fault);
  });

  test('a refused QR is refused again, and the error names no content', async () => {
    const renderer = createRenderer({ geometry, makeMatrix: () => qrMatrix(qrisText(99_000)) });
    for (let turn = 0; turn < 2; turn++) {
      const error: unknown = await renderer.render(scene).catch((reason: unknown) => reason);
      expect(String(error)).toContain('says something else');
      expect(String(error)).not.toContain(text.slice(0, 12));
    }
  });

  test('that is too long for a payment, or empty, is refused', async () => {
    const renderer = createRenderer({ geometry });
    for (const bad of ['', 'x'.repeat(513)]) {
      const qr = { text: bad, lines: [] };
      await expect(renderer.render({ ...scene, qr })).rejects.toMatchObject({ kind: 'protocol' });
    }
  });

  test('that is larger than the display is refused', async () => {
    const renderer = createRenderer({ geometry: { width: 60, height: 40 } });
    await expect(renderer.render(scene)).rejects.toMatchObject({ kind: 'protocol' });
  });
});

test('the mark moves and nothing else does', async () => {
  const renderer = createRenderer({ geometry: { width: 480, height: 320 } });
  const one = await renderer.render({ ...scenes['scan-to-pay'], mark: 1 });
  const two = await renderer.render({ ...scenes['scan-to-pay'], mark: 2 });
  const rows = new Set<number>();
  one.pixels.forEach((pixel, i) => {
    if (pixel !== two.pixels[i]) rows.add(Math.floor(i / 480));
  });
  expect(rows.size).toBeGreaterThan(2);
  expect(rows.size).toBeLessThan(20);
});

test('text keeps a contrast of 7:1 in the colours that a panel really gets', () => {
  const seen = (colour: number): number => rgb888(rgb565(colour));
  for (const palette of Object.values(palettes)) {
    const { ground, text, quiet, keyCap, keyText, banner, bannerText } = palette;
    for (const [ink, paper] of [
      [text, ground],
      [quiet, ground],
      [keyText, keyCap],
      [bannerText, banner],
    ] as const) {
      expect(contrast(seen(ink), seen(paper))).toBeGreaterThanOrEqual(7);
    }
  }
  expect(contrast(0x000000, 0xffffff)).toBeCloseTo(21);
});

test('no stroke leaves the room that a line has', async () => {
  const runs = createTextRuns();
  for (const text of ['Rp 10.000.000', 'ÅÉÎÕÜ gjpqy', 'AVATAR To. We, Yo', 'WWWW', '✔', '⚠', '?']) {
    for (const bold of [false, true]) {
      const sizePx = 40;
      const { width, height, left, alpha } = await runs.mask(text, sizePx, bold);
      const inked = (x: number, y: number): boolean => (alpha[y * width + x] ?? 0) > 0;
      let last = 0;
      for (let y = 0; y < height; y++) {
        for (let x = 0; x < width; x++) if (inked(x, y)) last = Math.max(last, x);
        expect(inked(0, y) || inked(width - 1, y)).toBe(false);
      }
      for (let x = 0; x < width; x++) expect(inked(x, 0) || inked(x, height - 1)).toBe(false);
      expect(last - left).toBeLessThanOrEqual(measureText(text, sizePx, bold) + 1);
    }
  }
});

test('what the font cannot draw, and what is no character at all, becomes a question mark', async () => {
  expect(drawable('Kopi 日本 \ud800\u0000<b>&\n\tSusu')).toBe('Kopi ?? ??<b>&  Susu');
  const renderer = createRenderer({ geometry: { width: 480, height: 320 } });
  const scene = { ...scenes.paid, lines: ['<svg>&amp;\u0000\ud800 ]]>'] };
  await expect(renderer.render(scene)).resolves.toMatchObject({ width: 480 });
});

test('a display too small for all of a screen leaves the least needed parts out', () => {
  const scene: Scene = scenes['longest-scan'];
  const layout = layoutOf(scene, { width: 124, height: 72 });
  expect(layout.complete).toBe(false);
  const drawn = letters(textsOf(layout).map((item) => item.text));
  expect(drawn).toContain(letters(['Rp 10.000.000']));
  expect(drawn).toContain(letters(['TEST – JANGAN DIBAYAR']));
});
