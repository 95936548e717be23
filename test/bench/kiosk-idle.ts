// What a kiosk does while nobody is there: time on the core, and how often it wakes.
import { readFileSync } from 'node:fs';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { World } from '../e2e/world.ts';
import { against, type Outcome } from './figures.ts';
import { ranMs } from './machine.ts';

const defaults = { settleMs: 5_000, forMs: 60_000 };
const cpuBoundPercent = 0.25;
const wakeBound = 1;

interface Idle {
  cpuMs: number;
  wakes: number;
}

export async function kioskIdle(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const world = undo.adopt(await World.start(), async (one) => one.end());
  await wait(systemClock, sizes.settleMs);
  const { pid } = world.kiosk;
  const [before, sinceMs] = [look(pid), systemClock.monotonicMs()];
  await wait(systemClock, sizes.forMs);
  const [after, seconds] = [look(pid), (systemClock.monotonicMs() - sinceMs) / 1000];
  const percent = (after.cpuMs - before.cpuMs) / (seconds * 10);
  const wakes = (after.wakes - before.wakes) / seconds;
  return {
    title: 'A kiosk that nobody uses',
    how: `real kiosk with relay, broker and simulated devices, ${seconds.toFixed(0)} s after ${sizes.settleMs / 1000} s of rest; time of all threads by schedstat, voluntary context switches of the main thread`,
    head: ['what', 'figure', 'bound'],
    rows: [
      [
        'of a core',
        `${percent.toFixed(3)} %`,
        against(`≤ ${cpuBoundPercent} %`, percent <= cpuBoundPercent),
      ],
      ['wake-ups', `${wakes.toFixed(2)}/s`, against(`≤ ${wakeBound}/s`, wakes <= wakeBound)],
    ],
  };
}

function look(pid: number): Idle {
  const status = readFileSync(`/proc/${pid}/task/${pid}/status`, 'utf8');
  const wakes = /^voluntary_ctxt_switches:\s+(\d+)/m.exec(status)?.[1];
  return { cpuMs: ranMs(pid), wakes: Number(wakes ?? NaN) };
}
