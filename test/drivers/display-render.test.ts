// The renderer: what is large, how large a QR is, what a small display leaves out, and a QR that reads back or is not shown.
import { describe, expect, test } from 'vitest';
import { decodeQR } from 'qr/decode.js';
import type { Geometry, PixelForm } from '../../drivers/device.ts';
import { contrast, palettes } from '../../drivers/display/palette.ts';
import { frameRgba } from '../../drivers/display/png.ts';
import {
  assertQrReadable,
  everyModuleWhole,
  qrMatrix,
  turnedMatrix,
} from '../../drivers/display/qr.ts';
import { createPanelRenderer, createRenderer } from '../../drivers/display/render.ts';
import { type Scene } from '../../drivers/display/scene.ts';
import { turnedBox } from '../../drivers/display/turn.ts';
import { parseQris } from '../../src/protocol/qris.ts';
import { layoutOf, letters, seenContrast, textsOf } from './display-layouts.ts';
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
const names = Object.keys(scenes) as (keyof typeof scenes)[];
const label = ({ width, height }: Geometry): string => `${width}x${height}`;

describe.each(panels.map((panel) => [label(panel), panel] as const))('layout at %s', (_, panel) => {
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

  test('QRIS texts of 230 to 280 characters read back out of the pixels', () => {
    const renderer = createRenderer({ geometry: panel });
    for (const length of [230, 242, 255, 268, 280]) {
      const text = qrisText(10_000_000, length);
      expect(text).toHaveLength(length);
      expect(parseQris(text).ok).toBe(true);
      const scene = { ...scenes['scan-to-pay'], qr: { text, lines: ['NMID ID1020021234567'] } };
      const frame = renderer.render(scene);
      const { width, height } = frame;
      const seen = decodeQR({ width, height, data: frameRgba(frame) }, { timeLimit: 5000 });
      expect(seen).toBe(text);
    }
  });
});

function failure(draw: () => unknown): unknown {
  try {
    return draw();
  } catch (error) {
    return error;
  }
}

const forms: readonly PixelForm[] = [
  { bitsPerPixel: 16, turn: 0 },
  { bitsPerPixel: 32, turn: 90 },
];

describe('the QR', () => {
  const geometry = { width: 480, height: 320 };
  const scene: Scene = scenes['scan-to-pay'];
  const text = scenes['scan-to-pay'].qr.text;

  test('is black on white with four light modules around it, whatever the tone', () => {
    const bad: Scene = { ...scene, tone: 'bad' };
    const frame = createRenderer({ geometry }).render(bad);
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

  test('a frame with a single flipped module is found out', () => {
    const frame = createRenderer({ geometry }).render(scene);
    const { qr } = layoutOf(scene, geometry);
    if (qr === undefined) throw new Error('no QR');
    const matrix = turnedMatrix(qrMatrix(text), 0);
    const check = (): void => {
      assertQrReadable(frame, matrix, qr.box, qr.modulePx, text);
    };
    expect(check).not.toThrow();
    const at = (qr.box.y + 20 * qr.modulePx) * frame.width + qr.box.x + 20 * qr.modulePx;
    frame.pixels[at] = (frame.pixels[at] ?? 0) ^ 0xffff;
    expect(check).toThrow(/broken module/);
  });

  test.each(forms)(
    'any single wrong pixel of it is found out: $bitsPerPixel bits, $turn°',
    (form) => {
      const frame = createPanelRenderer(form, { geometry }).render(scene);
      const { qr } = layoutOf(scene, geometry);
      if (qr === undefined) throw new Error('no QR');
      const matrix = turnedMatrix(qrMatrix(text), form.turn);
      const box = turnedBox(qr.box, geometry, form.turn);
      const whole = (): boolean => everyModuleWhole(frame, matrix, box, qr.modulePx);
      expect(whole()).toBe(true);
      for (let place = 0; place < box.width * box.height; place += 53) {
        const [x, y] = [place % box.width, Math.floor(place / box.width)];
        const at = (box.y + y) * frame.width + box.x + x;
        const right = frame.pixels[at] ?? 0;
        frame.pixels[at] = right ^ 1;
        if (whole()) expect.fail(`the pixel at ${x},${y} is wrong`);
        frame.pixels[at] = right;
      }
    },
  );

  test('another text in the matrix, or a matrix that no one can read, is never shown', () => {
    const other = createRenderer({ geometry, makeMatrix: () => qrMatrix(qrisText(99_000)) });
    const fault = { kind: 'protocol', reason: 'qr-unreadable' };
    expect(failure(() => other.render(scene))).toMatchObject(fault);
    const blank = { size: 49, dark: new Uint8Array(49 * 49) };
    const unreadable = createRenderer({ geometry, makeMatrix: () => blank });
    expect(failure(() => unreadable.render(scene))).toMatchObject(fault);
  });

  test('a refused QR is refused again, and the error names no content', () => {
    const renderer = createRenderer({ geometry, makeMatrix: () => qrMatrix(qrisText(99_000)) });
    for (let turn = 0; turn < 2; turn++) {
      const error = failure(() => renderer.render(scene));
      expect(String(error)).toContain('says something else');
      expect(String(error)).not.toContain(text.slice(0, 12));
    }
  });

  test('that is too long for a payment, or empty, is refused', () => {
    const renderer = createRenderer({ geometry });
    for (const bad of ['', 'x'.repeat(513)]) {
      const qr = { text: bad, lines: [] };
      const error = failure(() => renderer.render({ ...scene, qr }));
      expect(error).toMatchObject({ kind: 'protocol' });
    }
  });

  test('that is larger than the display is refused', () => {
    const renderer = createRenderer({ geometry: { width: 60, height: 40 } });
    expect(failure(() => renderer.render(scene))).toMatchObject({ kind: 'protocol' });
  });
});

test('the mark moves and nothing else does', () => {
  const renderer = createRenderer({ geometry: { width: 480, height: 320 } });
  const one = { pixels: renderer.render({ ...scenes['scan-to-pay'], mark: 1 }).pixels.slice() };
  const two = renderer.render({ ...scenes['scan-to-pay'], mark: 2 });
  const rows = new Set<number>();
  one.pixels.forEach((pixel, i) => {
    if (pixel !== two.pixels[i]) rows.add(Math.floor(i / 480));
  });
  expect(rows.size).toBeGreaterThan(2);
  expect(rows.size).toBeLessThan(20);
});

test('text keeps a contrast of 7:1 in the colours that a panel really gets', () => {
  for (const palette of Object.values(palettes)) {
    const { ground, text, quiet, keyCap, keyText, banner, bannerText } = palette;
    for (const [ink, paper] of [
      [text, ground],
      [quiet, ground],
      [keyText, keyCap],
      [bannerText, banner],
    ] as const) {
      expect(seenContrast(ink, paper)).toBeGreaterThanOrEqual(7);
    }
  }
  expect(contrast(0x000000, 0xffffff)).toBeCloseTo(21);
});

test('no word of a scene is taken for markup', () => {
  const renderer = createRenderer({ geometry: { width: 480, height: 320 } });
  const scene = { ...scenes.paid, lines: ['<svg>&amp;\u0000\ud800 ]]>'] };
  expect(renderer.render(scene)).toMatchObject({ width: 480 });
});

test('a display too small for all of a screen leaves the least needed parts out', () => {
  const scene: Scene = scenes['longest-scan'];
  const layout = layoutOf(scene, { width: 124, height: 72 });
  expect(layout.complete).toBe(false);
  const drawn = letters(textsOf(layout).map((item) => item.text));
  expect(drawn).toContain(letters(['Rp 10.000.000']));
  expect(drawn).toContain(letters(['TEST – JANGAN DIBAYAR']));
});
