// A program: `node test/bench/scan-rate.ts [trials]`. How often a phone reads our QR, level by level at the same side, as
// Markdown tables for the displays' and printers' READMEs. It takes minutes, and fails only when it cannot judge.
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
const clean: Readonly<Record<string, Shot>> = {
  usual,
  'blur 1.2 px': { ...usual, blurPx: 1.2 },
  'noise 16': { ...usual, noise: 16 },
  'turned 45°': { ...usual, turned: 45 },
  'contrast 30 %': { ...usual, contrast: 0.3 },
  'JPEG 30': { ...usual, jpegQuality: 30 },
};
const spoilt: Readonly<Record<string, Shot>> = {
  'lamp, 0.06 of the side': { ...usual, glare: 0.06 },
  'lamp, 0.10': { ...usual, glare: 0.1 },
  'lamp, 0.14': { ...usual, glare: 0.14 },
  'thumb, 0.05': { ...usual, cover: 0.05 },
  'thumb, 0.08': { ...usual, cover: 0.08 },
  'thumb, 0.11': { ...usual, cover: 0.11 },
  '2 creases, 0.01': { ...usual, scratches: { number: 2, width: 0.01 } },
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

/** What the issue of scanning asks of `level`, where it is missed in this cell. */
function missed(level: QrLevel, sidePx: number, cell: Cell, isClean: boolean): string[] {
  const [rate, least] = [cell.get(level), cell.get('L')];
  assert(rate !== undefined && least !== undefined);
  const found: string[] = [];
  if (least >= wanted && rate < wanted) found.push(`${level} at ${sidePx} px below 90 %, L not`);
  if (isClean && pxAModule(level, sidePx) >= surePx && rate < 1) {
    found.push(`${level} at ${sidePx} px not all`);
  }
  return found;
}

async function table(
  shots: Readonly<Record<string, Shot>>,
  isClean: boolean,
  trials: number,
): Promise<void> {
  const faults: string[] = [];
  const head = sidesPx.map((sidePx) => `${sidePx} px`);
  say(`| ${levels.join(' / ')} | ${head.join(' | ')} |\n|---|${'---|'.repeat(head.length)}`);
  for (const [name, shot] of Object.entries(shots)) {
    const cells: string[] = [];
    for (const sidePx of sidesPx) {
      const cell = await cellOf(sidePx, shot, trials);
      cells.push(levels.map((level) => Math.round(100 * (cell.get(level) ?? 0))).join(' / '));
      for (const level of levels) {
        faults.push(...missed(level, sidePx, cell, isClean).map((fault) => `${name}: ${fault}`));
      }
    }
    say(`| ${name} | ${cells.join(' | ')} |`);
  }
  say(`\n${faults.length === 0 ? 'nothing is missed' : faults.join('\n')}\n`);
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
  await table(clean, true, trials);
  await table(spoilt, false, trials);
}
