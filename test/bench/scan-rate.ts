// A program: `node test/bench/scan-rate.ts [trials]`. How often a phone reads our QR, level by level at the same side: a sweep of
// blur, noise, turn, contrast and JPEG around the usual hand, then lamps, thumbs and creases, and what follows for the level on
// the screen and on paper. Markdown tables for the READMEs. It takes eight minutes, and fails only when it cannot judge.
import assert from 'node:assert';
import { makeQr, type QrLevel } from '../../drivers/qr-matrix.ts';
import { qrisText } from '../drivers/display-scenes.ts';
import { quietModules, type Shot } from './scan-camera.ts';
import { judgeMissing, readings } from './scan-judge.ts';

const levels: readonly QrLevel[] = ['L', 'M', 'Q'];
const sidesPx = [240, 200, 180, 150, 130];
const text = qrisText(15_000);
/** As good as always. */
const wanted = 0.9;
/** From so many camera pixels a module on, nothing may be missed. */
const surePx = 3;

/** A hand, a cheap camera, a messenger's JPEG. */
const usual: Shot = { turned: 15, blurPx: 0.7, noise: 10, contrast: 0.65, jpegQuality: 70 };
/** One thing at a time, from none of it to more than a phone has. */
const sweep: Readonly<Record<string, Shot>> = {
  usual,
  'blur none': { ...usual, blurPx: 0 },
  'blur 1.0 px': { ...usual, blurPx: 1 },
  'blur 1.2 px': { ...usual, blurPx: 1.2 },
  'noise none': { ...usual, noise: 0 },
  'noise 13': { ...usual, noise: 13 },
  'noise 16': { ...usual, noise: 16 },
  'turned 0°': { ...usual, turned: 0 },
  'turned 30°': { ...usual, turned: 30 },
  'turned 45°': { ...usual, turned: 45 },
  'contrast 100 %': { ...usual, contrast: 1 },
  'contrast 45 %': { ...usual, contrast: 0.45 },
  'contrast 30 %': { ...usual, contrast: 0.3 },
  'JPEG 90': { ...usual, jpegQuality: 90 },
  'JPEG 50': { ...usual, jpegQuality: 50 },
  'JPEG 30': { ...usual, jpegQuality: 30 },
};
const thumbs: Readonly<Record<string, Shot>> = {
  'thumb, 0.05 of the side': { ...usual, cover: 0.05 },
  'thumb, 0.08': { ...usual, cover: 0.08 },
  'thumb, 0.11': { ...usual, cover: 0.11 },
};
const lamps: Readonly<Record<string, Shot>> = {
  'lamp, 0.06 of the side': { ...usual, glare: 0.06 },
  'lamp, 0.10': { ...usual, glare: 0.1 },
  'lamp, 0.14': { ...usual, glare: 0.14 },
};
const creases: Readonly<Record<string, Shot>> = {
  '2 creases, 0.01 of the side': { ...usual, scratches: { number: 2, width: 0.01 } },
  '4 creases, 0.01': { ...usual, scratches: { number: 4, width: 0.01 } },
  '2 creases, 0.02': { ...usual, scratches: { number: 2, width: 0.02 } },
};

/** Share of the trials that were read, by level. */
type Cell = ReadonlyMap<QrLevel, number>;

async function cellOf(sidePx: number, shot: Shot, trials: number): Promise<Cell> {
  const cell = new Map<QrLevel, number>();
  for (const level of levels) {
    const read = await readings({ matrix: makeQr(text, level), text, sidePx, shot, trials });
    cell.set(level, read / trials);
  }
  return cell;
}

function pxAModule(level: QrLevel, sidePx: number): number {
  return sidePx / (makeQr(text, level).size + 2 * quietModules);
}

interface Seen {
  name: string;
  sidePx: number;
  cell: Cell;
}

/** Reads every cell and prints them as a table. */
async function table(shots: Readonly<Record<string, Shot>>, trials: number): Promise<Seen[]> {
  const seen: Seen[] = [];
  const head = sidesPx.map((sidePx) => `${sidePx} px`);
  say(`| ${levels.join(' / ')} | ${head.join(' | ')} |\n|---|${'---|'.repeat(head.length)}`);
  for (const [name, shot] of Object.entries(shots)) {
    const cells: string[] = [];
    for (const sidePx of sidesPx) {
      const cell = await cellOf(sidePx, shot, trials);
      seen.push({ name, sidePx, cell });
      cells.push(levels.map((level) => Math.round(100 * rateOf(cell, level))).join(' / '));
    }
    say(`| ${name} | ${cells.join(' | ')} |`);
  }
  say('');
  return seen;
}

function rateOf(cell: Cell, level: QrLevel): number {
  const rate = cell.get(level);
  assert(rate !== undefined);
  return rate;
}

const places = (seen: readonly Seen[]): string =>
  seen.map(({ name, sidePx }) => `${name} at ${sidePx} px`).join(', ') || 'none';

/** Where L at the same side is as good as always and this level is not. */
function behindL(level: QrLevel, seen: readonly Seen[]): Seen[] {
  return seen.filter(({ cell }) => rateOf(cell, 'L') >= wanted && rateOf(cell, level) < wanted);
}

/** The two words of the sweep, for each level. */
function judge(swept: readonly Seen[]): void {
  for (const level of levels) {
    const sure = swept.filter(({ sidePx }) => pxAModule(level, sidePx) >= surePx);
    const short = sure.filter(({ cell }) => rateOf(cell, level) < 1);
    say(`${level}: below 90 % where L is not: ${places(behindL(level, swept))}`);
    say(
      `${level}: all read in ${sure.length - short.length} of ${sure.length} cells of ${surePx} px a module and more; not: ${places(short)}\n`,
    );
  }
}

/** Of the levels that are nowhere behind L in the sweep, the one that is read most often where this lies on it. */
function choose(where: string, swept: readonly Seen[], spoilt: readonly Seen[]): void {
  const means = levels.map((level) => {
    const rates = spoilt.map(({ cell }) => rateOf(cell, level));
    return { level, mean: rates.reduce((sum, rate) => sum + rate, 0) / rates.length };
  });
  const allowed = means.filter(({ level }) => behindL(level, swept).length === 0);
  const best = allowed.reduce((a, b) => (b.mean > a.mean ? b : a));
  const all = means.map(({ level, mean }) => `${level} ${(100 * mean).toFixed(0)} %`).join(', ');
  say(`${where}: level ${best.level} (read on average: ${all})`);
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}

const trials = Number(process.argv[2] ?? 50);
assert(Number.isInteger(trials) && trials > 0, 'how many trials a cell?');
const missing = await judgeMissing();
if (missing !== undefined) {
  say(`SKIPPED: ${missing}`);
} else {
  const sizes = levels.map((level) => `${level} ${makeQr(text, level).size}`);
  say(`QRIS of ${text.length} characters; modules ${sizes.join(', ')}; % of ${trials} read\n`);
  const swept = await table(sweep, trials);
  judge(swept);
  const [thumb, lamp, crease] = [
    await table(thumbs, trials),
    await table(lamps, trials),
    await table(creases, trials),
  ];
  choose('on the screen', swept, [...thumb, ...lamp]);
  choose('on paper', swept, [...thumb, ...crease]);
}
