// Every screen of every state, in both languages, on every panel that kiosks have: nothing cut off, hidden or hard to read,
// and each pixel as it was when a person looked at it.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame, Geometry } from '../../drivers/device.ts';
import { framePng, frameRgba } from '../../drivers/display/png.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import type { Scene, Tone } from '../../drivers/display/scene.ts';
import { digitEms } from '../../drivers/display/layout.ts';
import { faultsOf, layoutOf, textsOf } from './display-layouts.ts';
import { languages, outcomes, screens, states, type Language } from './display-screens.ts';
import { bitsOf, drawOne, drawSheet, readSheet, type Bits } from './display-sheets.ts';
import { phases } from '../kiosk/screen-states.ts';

/** 3.5", 5", 7" and 10", each lying and upright. */
const lying: readonly Required<Geometry>[] = [
  { width: 480, height: 320, widthMm: 73 },
  { width: 800, height: 480, widthMm: 108 },
  { width: 1024, height: 600, widthMm: 154 },
  { width: 1280, height: 800, widthMm: 217 },
];
const panels = lying.flatMap((panel) => [
  panel,
  {
    width: panel.height,
    height: panel.width,
    widthMm: Math.round((panel.widthMm * panel.height) / panel.width),
  },
]);
const label = ({ width, height }: Geometry): string => `${width}x${height}`;
const kinds = panels.flatMap((panel) =>
  languages.map((language) => [label(panel), language, panel] as const),
);

const updates = process.env['UPDATE_GOLDEN'] === '1';
const folder = new URL('golden/display/', import.meta.url);
const listFile = new URL('pixels.txt', folder);
/** Pictures of screens that are not as they were, each beside what it was; what an earlier run left is none of this one's. */
const otherwise = new URL('otherwise/', folder);
rmSync(otherwise, { recursive: true, force: true });

/** `screen, panel, language` → the first half of SHA-256 over size and pixels. */
const known = new Map(
  readFileSync(listFile, 'utf8')
    .trim()
    .split('\n')
    .map((line): [string, string] => {
      const [name = '', hash = ''] = line.split('\t');
      return [name, hash];
    }),
);
const fresh = new Map<string, string>();

function hashOf({ width, height, pixels }: Frame): string {
  const bytes = Buffer.alloc(2 * pixels.length);
  pixels.forEach((pixel, i) => bytes.writeUInt16LE(pixel, 2 * i));
  return createHash('sha256')
    .update(`${width}x${height}\n`)
    .update(bytes)
    .digest('hex')
    .slice(0, 32);
}

const fileName = (name: string): string => name.replace(/\W+/g, '-');

/** Writes what was drawn beside what it was, and says which screen it is and where to look. */
function looksOtherwise(name: string, frame: Frame, was: Buffer | undefined): string {
  mkdirSync(otherwise, { recursive: true });
  const file = new URL(`${fileName(name)}.png`, otherwise);
  writeFileSync(file, framePng(frame));
  if (was !== undefined) writeFileSync(new URL(`${fileName(name)}-was.png`, otherwise), was);
  return `${name} looks otherwise: ${fileURLToPath(file)}`;
}

/** The sheet that holds a screen; the panel and language below have files of their own instead. */
const keptWhole = '800x480 id';
const sheetName = (size: string, language: Language, tone: Tone): string =>
  `${size}-${language}-${tone}.png`;
const sheetFile = (sheet: string): string => fileURLToPath(new URL(`sheets/${sheet}`, folder));

const sceneOn = (name: string, language: Language): Scene => {
  const make = screens[name];
  if (make === undefined) throw new Error(`no screen ${name}`);
  return make(language);
};
/** Those that know one language are drawn once. */
const namesIn = (language: Language): string[] =>
  Object.keys(screens).filter((name) => language === 'id' || !name.startsWith('fixed '));
const tones = ['neutral', 'good', 'warn', 'bad'] as const;
const namesOf = (language: Language, tone: Tone): string[] =>
  namesIn(language).filter((name) => sceneOn(name, language).tone === tone);

/** In the order of the list; those of one panel, language and tone stand so on their sheet, row by row. */
const everyName = (): string[] =>
  kinds.flatMap(([size, language]) =>
    namesIn(language).map((name) => `${name}, ${size}, ${language}`),
  );

describe.each(kinds)('%s %s', (size, language, panel) => {
  test('no screen has words cut off, covered, left out or hard to tell from their ground', () => {
    const faults = namesIn(language).flatMap((name) =>
      faultsOf(sceneOn(name, language), panel).map((fault) => `${name}: ${fault}`),
    );
    expect(faults).toEqual([]);
  });

  test('every pixel is as it was when a person looked at it', async () => {
    const renderer = createRenderer({ geometry: panel });
    const faults: string[] = [];
    for (const tone of tones) {
      const names = namesOf(language, tone);
      const onSheets = `${size} ${language}` !== keptWhole;
      const file = sheetFile(sheetName(size, language, tone));
      const kept = onSheets && !updates ? await readSheet(file, panel, tone, names.length) : [];
      const drawn: Bits[] = [];
      for (const [index, screen] of names.entries()) {
        const frame = renderer.render(sceneOn(screen, language));
        const name = `${screen}, ${size}, ${language}`;
        const bits = bitsOf(frame, tone);
        drawn.push(bits);
        fresh.set(name, hashOf(frame));
        if (updates) continue;
        const was = kept[index];
        const same = !onSheets || (was !== undefined && Buffer.compare(was, bits) === 0);
        if (same && known.get(name) === fresh.get(name)) continue;
        const before = was === undefined ? undefined : await drawOne(panel, tone, was);
        faults.push(looksOtherwise(name, frame, before));
      }
      if (updates && onSheets) writeFileSync(file, await drawSheet(panel, tone, drawn));
    }
    expect(faults).toEqual([]);
  });
});

/** Minutes of arc at two metres: a good eye reads 5, and one of half its sharpness 10 (ISO 8596). */
const minutesMm = (minutes: number): number => 2000 * Math.tan((minutes / 60) * (Math.PI / 180));

describe.each(kinds)('%s %s', (_size, language, panel) => {
  test('the amount is readable from two metres', () => {
    const heights = namesIn(language).flatMap((name) => {
      const scene = sceneOn(name, language);
      const amount = scene.amount?.replaceAll(' ', '');
      const item = textsOf(layoutOf(scene, panel)).find(
        ({ text, bold }) => bold && text.replace(/\s/g, '') === amount,
      );
      if (item === undefined) return [];
      const mm = (item.sizePx * digitEms * panel.widthMm) / panel.width;
      return [{ name, mm, amount, hasQr: scene.qr !== undefined }];
    });
    expect(heights.length).toBeGreaterThan(10);
    const inches = Math.hypot(panel.widthMm, (panel.widthMm * panel.height) / panel.width) / 25.4;
    for (const { name, mm, amount, hasQr } of heights) {
      // Ten millions beside a QR of 40 mm: on 3.5" a hand's breadth less than two metres must do.
      const long = (amount?.length ?? 0) > 9;
      const least = inches > 6 ? 9.3 : inches > 4.5 ? 6.4 : hasQr && long ? 3.6 : 5;
      expect(mm, name).toBeGreaterThanOrEqual(minutesMm(least));
    }
  });
});

afterAll(() => {
  if (!updates) return;
  const lines = everyName().map((name) => `${name}\t${fresh.get(name) ?? ''}\n`);
  writeFileSync(listFile, lines.join(''));
});

describe('the pictures that are kept', () => {
  const panel = lying[1];
  if (panel === undefined) throw new Error('no panel');
  const renderer = createRenderer({ geometry: panel });

  test.each(namesIn('id'))('%s', async (name) => {
    const frame = renderer.render(sceneOn(name, 'id'));
    const file = new URL(`${fileName(name)}.png`, folder);
    if (updates) writeFileSync(file, framePng(frame));
    const bytes = readFileSync(file);
    const picture = sharp(bytes).ensureAlpha();
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
    const same = info.width === frame.width && Buffer.compare(data, frameRgba(frame)) === 0;
    expect(same ? [] : [looksOtherwise(`${name}, ${keptWhole}`, frame, bytes)]).toEqual([]);
  });
});

/** Every one of them comes into the repository again when a layout changes. */
const maxSheetBytes = 4_000_000;

test('there is a small sheet for every panel, language and tone, and no other', () => {
  const wanted = kinds
    .filter(([size, language]) => `${size} ${language}` !== keptWhole)
    .flatMap(([size, language]) => tones.map((tone) => sheetName(size, language, tone)));
  const sheets = readdirSync(new URL('sheets/', folder)).sort();
  expect(sheets).toEqual(wanted.sort());
  const bytes = sheets.reduce((sum, sheet) => sum + statSync(sheetFile(sheet)).size, 0);
  expect(bytes).toBeLessThan(maxSheetBytes);
});

test('the list of pixels holds every screen that there is, and no other', () => {
  if (!updates) expect([...known.keys()].sort()).toEqual(everyName().sort());
});

test('every state and every outcome has its screen', () => {
  const shown = Object.values(phases);
  const ats = new Set(shown.map(({ at }) => at));
  const ends = new Set(shown.flatMap((phase) => (phase.at === 'result' ? [phase.outcome] : [])));
  expect([...ats].sort()).toEqual(Object.keys(states).sort());
  expect([...ends].sort()).toEqual(Object.keys(outcomes).sort());
});

test('a picture of more colours than a palette holds keeps every pixel too', async () => {
  const pixels = Uint16Array.from({ length: 40 * 30 }, (_, i) => (i * 53) & 0xffff);
  const frame = { width: 40, height: 30, pixels };
  const picture = await sharp(framePng(frame)).ensureAlpha().raw().toBuffer();
  expect(Buffer.compare(picture, frameRgba(frame))).toBe(0);
});
