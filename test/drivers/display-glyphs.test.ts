// Letters as pixels: areas are exact, every glyph of the fonts can be drawn, and they look as another library draws them.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import type { Frame } from '../../drivers/device.ts';
import { blendMask } from '../../drivers/display/blit.ts';
import { baselineIn, lineHeight } from '../../drivers/display/blocks.ts';
import { coverage } from '../../drivers/display/coverage.ts';
import { readFont } from '../../drivers/display/font-file.ts';
import type { Contour } from '../../drivers/display/glyph-outline.ts';
import { createPen, drawable, measureText } from '../../drivers/display/text.ts';

const fontFile = (name: string): Uint8Array =>
  readFileSync(new URL(`../../drivers/display/font/${name}`, import.meta.url));
const fonts = {
  'DejaVu Sans': readFont(fontFile('DejaVuSans.ttf')),
  'DejaVu Sans Bold': readFont(fontFile('DejaVuSans-Bold.ttf')),
};

const polygon = (...points: [x: number, y: number][]): Contour =>
  points.map(([x, y]) => ({ x, y, on: true }));

describe('coverage', () => {
  test('a square at half pixels covers its inside whole, its edges half, its corners a quarter', () => {
    const square = polygon([0.5, 0.5], [2.5, 0.5], [2.5, 2.5], [0.5, 2.5]);
    const mask = coverage([square], 1, 0);
    expect({ ...mask, alpha: [...mask.alpha] }).toEqual({
      ...{ left: 0, top: -3, width: 3, height: 3 },
      alpha: [64, 128, 64, 128, 255, 128, 64, 128, 64],
    });
  });

  test('a contour the other way round is a hole', () => {
    const outer = polygon([0, 0], [4, 0], [4, 4], [0, 4]);
    const inner = polygon([1, 1], [1, 3], [3, 3], [3, 1]);
    const { alpha } = coverage([outer, inner], 1, 0);
    expect(alpha[5]).toBe(0);
    expect(alpha.reduce((sum, one) => sum + one, 0)).toBe(12 * 255);
  });

  test('the pixels of any triangle add up to its area', () => {
    const place = fc.tuple(
      fc.double({ min: -9, max: 9, noNaN: true }),
      fc.double({ min: -9, max: 9, noNaN: true }),
    );
    fc.assert(
      fc.property(place, place, place, (a, b, c) => {
        const { alpha } = coverage([polygon(a, b, c)], 1, 0);
        const sum = alpha.reduce((total, one) => total + one, 0) / 255;
        const area = Math.abs((b[0] - a[0]) * (c[1] - a[1]) - (c[0] - a[0]) * (b[1] - a[1])) / 2;
        expect(Math.abs(sum - area)).toBeLessThan(0.5 + area / 100);
      }),
      // A line that climbs by next to nothing once never ended.
      {
        examples: [
          [
            [0, 0],
            [9, 5e-324],
            [9, 9],
          ],
        ],
      },
    );
  });

  test('a circle of control points alone is a round one', () => {
    // Eight control points on a regular octagon: the curve goes through the middles between them.
    const radius = 20;
    const circle = Array.from({ length: 8 }, (_, i) => ({
      x: radius * Math.cos((i * Math.PI) / 4),
      y: radius * Math.sin((i * Math.PI) / 4),
      on: false,
    }));
    const { alpha, width, height } = coverage([circle], 1, 0.25);
    expect([width, height]).toEqual([41, 40]);
    const area = alpha.reduce((sum, one) => sum + one, 0) / 255;
    // Between the octagon's inner circle and itself.
    const apothem = radius * Math.cos(Math.PI / 8);
    expect(area).toBeGreaterThan(Math.PI * apothem ** 2);
    expect(area).toBeLessThan(2 * Math.SQRT2 * radius ** 2);
  });

  test('nothing covers nothing', () => {
    expect(coverage([], 1, 0)).toMatchObject({ width: 0, height: 0 });
  });
});

describe.each(Object.entries(fonts))('%s', (name, font) => {
  test('has a shape for every character that it claims, of the size of a character', () => {
    let [inked, farthest] = [0, 0];
    for (let code = 0; code <= 0xffff; code++) {
      const glyph = font.glyphOf(code);
      if (glyph === 0) continue;
      const contours = font.contours(glyph);
      if (contours.length > 0) inked++;
      for (const { x, y } of contours.flat())
        farthest = Math.max(farthest, Math.abs(x), Math.abs(y));
    }
    expect(farthest).toBeLessThan(3 * font.unitsPerEm);
    expect(inked).toBeGreaterThan(5000);
  });

  test('knows what it lacks', () => {
    for (const code of [0, 0x1f, 0x65e5, 0xd800, 0xffff, 0x1f600])
      expect(font.glyphOf(code)).toBe(0);
  });

  test('is as wide as its maker says, and closes up pairs', () => {
    const width = (char: string): number =>
      Math.round(font.advance(font.glyphOf(char.codePointAt(0) ?? 0)) * font.unitsPerEm);
    const kern = (pair: string): number =>
      font.kern(font.glyphOf(pair.charCodeAt(0)), font.glyphOf(pair.charCodeAt(1)));
    // The widths of DejaVu 2.37's own tables (hmtx): a digit, and a wide letter.
    const bold = name.endsWith('Bold');
    expect([width('0'), width('W')]).toEqual(bold ? [1425, 2259] : [1303, 2025]);
    expect(kern('To')).toBeLessThan(-0.05);
    expect(kern('HH')).toBe(0);
  });
});

/** A line drawn in white on black, as one number a pixel, 0 to 255. */
function drawn(text: string, sizePx: number, bold: boolean): { frame: Frame; grey: number[] } {
  const [width, height] = [Math.ceil(measureText(text, sizePx, bold)) + 2 * sizePx, 2 * sizePx];
  const frame = { width, height, pixels: new Uint16Array(width * height) };
  const line = { text, x: sizePx, baseline: Math.round(1.4 * sizePx), sizePx, bold };
  for (const { mask, x, y } of createPen().place(line)) blendMask(frame, mask, x, y, 0xffffff);
  return { frame, grey: [...frame.pixels].map((pixel) => (((pixel >> 5) & 0x3f) * 255) / 63) };
}

describe('beside the picture library, with its own font engine', () => {
  beforeAll(() => {
    // It looks once, when it is loaded.
    process.env['FONTCONFIG_FILE'] = fileURLToPath(new URL('fonts.conf', import.meta.url));
  });

  test.each([
    ['Rp 10.000.000', 100, true],
    ['Pindai untuk membayar', 40, true],
    ['AVATAR To. We, Yo', 60, false],
    ['ÅÉÎÕÜ gjpqy ⌫ ← × – …', 48, false],
  ])('%s looks the same at %i px', async (text, sizePx, bold) => {
    const { default: sharp } = await import('sharp');
    const { frame, grey } = drawn(text, sizePx, bold);
    const { width, height } = frame;
    const svg =
      `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}">` +
      `<text x="${sizePx}" y="${Math.round(1.4 * sizePx)}" font-family="DejaVu Sans" ` +
      `font-size="${sizePx}px" font-weight="${bold ? 'bold' : 'normal'}">${text}</text></svg>`;
    const theirs = await sharp(Buffer.from(svg)).extractChannel('alpha').raw().toBuffer();
    let [difference, ink] = [0, 0];
    theirs.forEach((alpha, i) => {
      difference += Math.abs(alpha - (grey[i] ?? 0));
      ink += alpha;
    });
    // Where the pen stands may differ by half a pixel; a wrong shape, width or place by far more.
    expect(difference / ink).toBeLessThan(0.12);
  });
});

test('no stroke leaves the room that a line has, and none goes past its width', () => {
  for (const text of ['Rp 10.000.000', 'ÅÉÎÕÜ gjpqy', 'AVATAR To. We, Yo', 'WWWW', '✔', '⚠', '?']) {
    for (const bold of [false, true]) {
      const sizePx = 40;
      const { frame, grey } = drawn(text, sizePx, bold);
      const width = measureText(text, sizePx, bold);
      const inked = grey.flatMap((value, i) => (value > 0 ? [i] : []));
      const columns = inked.map((i) => i % frame.width);
      const rows = inked.map((i) => Math.floor(i / frame.width));
      expect(Math.min(...columns)).toBeGreaterThanOrEqual(sizePx - 1);
      expect(Math.max(...columns)).toBeLessThanOrEqual(sizePx + width + 1);
      const top = Math.round(1.4 * sizePx) - baselineIn(sizePx);
      expect(Math.min(...rows)).toBeGreaterThanOrEqual(top);
      expect(Math.max(...rows)).toBeLessThan(top + lineHeight(sizePx));
    }
  }
});

test('what the font cannot draw, and what is no character at all, becomes a question mark', () => {
  expect(drawable('Kopi 日本 \ud800\u0000<b>&\n\tSusu')).toBe('Kopi ?? ??<b>&  Susu');
});

test('a line is as wide as its pieces, at any size', () => {
  const [half, whole] = [20, 40].map((sizePx) => measureText('Rp 15.000', sizePx, true));
  expect((half ?? 0) * 2).toBeCloseTo(whole ?? 0);
  expect(measureText('', 40, false)).toBe(0);
});
