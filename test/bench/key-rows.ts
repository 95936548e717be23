// A key to the rows that show it: the screen of a typed amount, what changed of it painted as the panel has it, copied, and
// written into a file. Beside each a copy of a whole frame, which no other way of showing anything can do without.
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { PanelFrame } from '../../drivers/device.ts';
import { wholeOf } from '../../drivers/display/blit.ts';
import { changeSince } from '../../drivers/display/frame-change.ts';
import { copyBox, type Panel } from '../../drivers/display/framebuffer-pixels.ts';
import { createPanelRenderer } from '../../drivers/display/render.ts';
import type { RowRun } from '../../drivers/display/rows.ts';
import { turnedSize, type Rotation } from '../../drivers/display/turn.ts';
import { sceneOf } from '../../src/kiosk/screens.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { context, stateAt } from '../kiosk/screen-states.ts';
import { against, median, ratio, type Report } from './figures.ts';

const defaults = { rounds: 5, keys: 40 };
const bound = 1.5;
const sizes = [
  [480, 320],
  [800, 480],
  [1024, 600],
  [1280, 800],
] as const;
const depths = [16, 32] as const;
const rotations: readonly Rotation[] = [0, 90, 180, 270];

/** An amount typed digit by digit, and taken back. */
const typed = ['1', '15', '150', '1500', '15000', '150000', '15000', '1500', '150', '15'];

export async function keyRows({ rounds, keys } = defaults): Promise<Report> {
  const folder = mkdtempSync(join(tmpdir(), 'kios-keys-'));
  const file = openSync(join(folder, 'fb0'), 'w+');
  const rows: string[][] = [];
  try {
    for (const [width, height] of sizes) {
      for (const bitsPerPixel of depths) {
        const panel: Panel = { width, height, bitsPerPixel, stride: (width * bitsPerPixel) / 8 };
        ftruncateSync(file, panel.stride * height);
        for (const rotation of rotations) {
          rows.push(...rowsOf(panel, rotation, measured(panel, rotation, file, { rounds, keys })));
          // Other benches' timers get their turn.
          await new Promise((resolve) => setImmediate(resolve));
        }
      }
    }
  } finally {
    closeSync(file);
    rmSync(folder, { recursive: true });
  }
  return {
    title: 'A key to the rows that show it',
    how: `an amount typed digit by digit, each key followed by the copies; medians of ${rounds} rounds of ${keys} keys`,
    head: [
      'panel',
      'copy',
      'key',
      'to the copy',
      'bound',
      'whole write',
      'with its rows',
      'to it',
      '',
    ],
    rows,
  };
}

type Figures = Record<'copy' | 'key' | 'whole' | 'written', number[]>;

function rowsOf(
  { width, height, bitsPerPixel }: Panel,
  rotation: Rotation,
  of: Figures,
): string[][] {
  const ms = (of: readonly number[]): string => `${median(of).toFixed(3)} ms`;
  const [inMemory, onPanel] = [ratio(of.key, of.copy), ratio(of.written, of.whole)];
  const says = (median: number): string => against(`≤ ${bound}x`, median <= bound);
  return [
    [
      `${width}×${height}, ${bitsPerPixel} bits, ${rotation}°`,
      ...[ms(of.copy), ms(of.key), inMemory.text, says(inMemory.median)],
      ...[ms(of.whole), ms(of.written), onPanel.text, says(onPanel.median)],
    ],
  ];
}

/** Key and copies in turn, so that neither finds its memory warmer than the other. */
function measured(
  panel: Panel,
  rotation: Rotation,
  file: number,
  { rounds, keys }: typeof defaults,
): Figures {
  const figures: Figures = { copy: [], key: [], whole: [], written: [] };
  const frame = Buffer.alloc(panel.stride * panel.height);
  const panelBytes = Buffer.alloc(frame.length);
  const press = typist(panel, rotation);
  for (let round = -1; round < rounds; round++) {
    const took: Figures = { copy: [], key: [], whole: [], written: [] };
    for (let key = 0; key < keys; key++) {
      const start = systemClock.monotonicMs();
      const { bytes, rows } = press();
      const packed = systemClock.monotonicMs();
      const from = rows.first * panel.stride;
      writeSync(file, bytes, from, rows.count * panel.stride, from);
      const written = systemClock.monotonicMs();
      frame.copy(panelBytes);
      const copied = systemClock.monotonicMs();
      writeSync(file, panelBytes, 0, panelBytes.length, 0);
      took.key.push(packed - start);
      took.written.push(written - start);
      took.copy.push(copied - written);
      took.whole.push(systemClock.monotonicMs() - copied);
    }
    if (round < 0) continue;
    figures.copy.push(median(took.copy));
    figures.key.push(median(took.key));
    figures.whole.push(median(took.whole));
    figures.written.push(median(took.written));
  }
  return figures;
}

/** As screen.ts and framebuffer.ts do it, but for the write itself. */
function typist(panel: Panel, rotation: Rotation): () => { bytes: Buffer; rows: RowRun } {
  const form = { bitsPerPixel: panel.bitsPerPixel, turn: rotation };
  const renderer = createPanelRenderer(form, { geometry: turnedSize(panel, rotation) });
  const bytes = Buffer.alloc(panel.stride * panel.height);
  let before: PanelFrame | undefined;
  let key = 0;
  return () => {
    const digits = typed[key++ % typed.length] ?? '';
    const state = stateAt({ at: 'entering', digits, untilMs: 0 }, 'id');
    const frame = renderer.render(sceneOf(state, context));
    const box = changeSince(before, frame) ?? wholeOf(panel);
    copyBox(frame, panel, bytes, box);
    before = frame;
    return { bytes, rows: { first: box.y, count: box.height } };
  };
}
