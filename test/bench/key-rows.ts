// A key to the rows that show it: the whole screen laid out, what changed painted and packed as the panel has it. Beside it
// a copy of a whole frame, which no way of showing anything can do without.
import type { Frame, Geometry } from '../../drivers/device.ts';
import { rowsSince } from '../../drivers/display/frame-rows.ts';
import { packFrame, type Panel } from '../../drivers/display/framebuffer-pixels.ts';
import { createRenderer } from '../../drivers/display/render.ts';
import { changedRows } from '../../drivers/display/rows.ts';
import { scenes } from '../drivers/display-scenes.ts';
import { against, interleave, median, ratio, type Report } from './figures.ts';
import { timed } from './timed.ts';

const defaults = { rounds: 7, keys: 101 };
const bound = 1.5;
/** A Pi's usual small panel, and a large one. */
const panels = [
  { width: 800, height: 480, bitsPerPixel: 16 },
  { width: 1024, height: 600, bitsPerPixel: 32 },
] as const;

export async function keyRows({ rounds, keys } = defaults): Promise<Report> {
  const rows: string[][] = [];
  for (const { width, height, bitsPerPixel } of panels) {
    const panel: Panel = { width, height, bitsPerPixel, stride: (width * bitsPerPixel) / 8 };
    const measured = await interleave(
      { floor: timed(keys, copier(panel)), ours: timed(keys, typist(panel)) },
      rounds,
    );
    const over = ratio(measured.ours, measured.floor);
    const name = `${width}×${height}, ${bitsPerPixel} bits`;
    const ms = (of: readonly number[]): string => `${median(of).toFixed(3)} ms`;
    rows.push([`${name}: a copy of a frame`, ms(measured.floor), '', '']);
    rows.push([
      `${name}: key to changed rows`,
      ms(measured.ours),
      over.text,
      against(`≤ ${bound}x`, over.median <= bound),
    ]);
  }
  return {
    title: 'A key to the rows that show it',
    how: `one digit of the amount each time, interleaved with the copy, medians of ${rounds} rounds of ${keys}`,
    head: ['what', 'time', 'to the copy', 'bound'],
    rows,
  };
}

function copier({ stride, height }: Panel): () => void {
  const [from, to] = [Buffer.alloc(stride * height), Buffer.alloc(stride * height)];
  return () => from.copy(to);
}

/** As framebuffer.ts, but for the write itself. */
function typist(panel: Panel): () => void {
  const { width, height, stride } = panel;
  const geometry: Geometry = { width, height };
  const renderer = createRenderer({ geometry });
  const [shown, next] = [Buffer.alloc(stride * height), Buffer.alloc(stride * height)];
  let before: Frame | undefined;
  let digit = 0;
  return () => {
    digit = (digit + 1) % 10;
    const frame = renderer.render({ ...scenes['enter-amount'], amount: `Rp 15.00${digit}` });
    const { first, count } = rowsSince(before, frame);
    packFrame(frame, panel, 0, next, { first, count });
    const [from, to] = [first * stride, (first + count) * stride];
    changedRows(shown.subarray(from, to), next.subarray(from, to), stride);
    next.copy(shown, from, from, to);
    before = frame;
  };
}
