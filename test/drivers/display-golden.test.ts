// Every screen of every state, in both languages, on every panel that kiosks have: nothing cut off, hidden or hard to read,
// and each pixel as it was when a person looked at it.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { afterAll, describe, expect, test } from 'vitest';
import type { Frame, Geometry } from '../../drivers/device.ts';
import { framePng, frameRgba } from '../../drivers/display/png.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import type { Scene } from '../../drivers/display/scene.ts';
import { digitEms } from '../../drivers/display/layout.ts';
import { faultsOf, layoutOf, textsOf } from './display-layouts.ts';
import { languages, outcomes, screens, states, type Language } from './display-screens.ts';
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
/** Where a picture that is not as it was can be looked at. */
const seenFolder = join(tmpdir(), 'kios-screens');

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

/** The picture's file, if it is not as it was. */
function changed(name: string, frame: Frame): string | undefined {
  const hash = hashOf(frame);
  fresh.set(name, hash);
  if (updates || known.get(name) === hash) return undefined;
  mkdirSync(seenFolder, { recursive: true });
  const file = join(seenFolder, `${name.replace(/\W+/g, '-')}.png`);
  writeFileSync(file, framePng(frame));
  return `${name} looks otherwise: ${file}`;
}

const sceneOn = (name: string, language: Language): Scene => {
  const make = screens[name];
  if (make === undefined) throw new Error(`no screen ${name}`);
  return make(language);
};
/** Those that know one language are drawn once. */
const namesIn = (language: Language): string[] =>
  Object.keys(screens).filter((name) => language === 'id' || !name.startsWith('fixed '));

describe.each(kinds)('%s %s', (size, language, panel) => {
  test('no screen has words cut off, covered, left out or hard to tell from their ground', () => {
    const faults = namesIn(language).flatMap((name) =>
      faultsOf(sceneOn(name, language), panel).map((fault) => `${name}: ${fault}`),
    );
    expect(faults).toEqual([]);
  });

  test('every pixel is as it was when a person looked at it', () => {
    const renderer = createRenderer({ geometry: panel });
    const faults = namesIn(language).flatMap((name) => {
      const fault = changed(
        `${name}, ${size}, ${language}`,
        renderer.render(sceneOn(name, language)),
      );
      return fault === undefined ? [] : [fault];
    });
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
  const lines = [...fresh].map(([name, hash]) => `${name}\t${hash}\n`);
  writeFileSync(listFile, lines.join(''));
});

describe('the pictures that are kept', () => {
  const panel = lying[1];
  if (panel === undefined) throw new Error('no panel');
  const renderer = createRenderer({ geometry: panel });

  test.each(namesIn('id'))('%s', async (name) => {
    const frame = renderer.render(sceneOn(name, 'id'));
    const file = new URL(`${name.replace(/\W+/g, '-')}.png`, folder);
    if (updates) writeFileSync(file, framePng(frame));
    const picture = sharp(readFileSync(file)).ensureAlpha();
    const { data, info } = await picture.raw().toBuffer({ resolveWithObject: true });
    expect([info.width, info.height]).toEqual([frame.width, frame.height]);
    expect(Buffer.compare(data, frameRgba(frame))).toBe(0);
  });
});

test('the list of pixels holds every screen that there is, and no other', () => {
  const wanted = kinds.flatMap(([size, language]) =>
    namesIn(language).map((name) => `${name}, ${size}, ${language}`),
  );
  if (!updates) expect([...known.keys()].sort()).toEqual(wanted.sort());
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
