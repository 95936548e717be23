// From the start of the process to a kiosk that sells, and what it holds in memory then: out of a checkout, as it is released,
// and as it is released with V8's code cache, beside a bare node that prints a line.
import assert from 'node:assert';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { World } from '../e2e/world.ts';
import { against, median, ratio, type Outcome } from './figures.ts';
import { bundleKiosk, warmCode } from './kiosk-bundle.ts';
import { ranMs, residentKb } from './machine.ts';

const defaults = { rounds: 7 };
const startBound = 3.5;
const memoryBound = 1.85;
/** What is loaded after the first picture is loaded then. */
const settleMs = 1500;
const bareLine = 'up';

interface Started {
  /** Until it takes keys. */
  keysMs: number;
  /** Until it sells. */
  ms: number;
  /** Of all threads, until then: says the same on a busy machine. */
  cpuMs: number;
  kb: number;
}

type Way = 'bare' | 'plain' | 'cached' | 'unbundled';

interface Start {
  way: Way;
  args: readonly string[];
  env?: NodeJS.ProcessEnv;
  ready: (line: string) => boolean;
}

export async function kioskStart(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const bundle = await bundleKiosk(folder);
  const world = undo.adopt(await World.start(), async (one) => one.end());
  await world.kiosk.stop();
  const kiosk = ['kiosk', '--config', join(world.folder, 'kiosk.yaml')];
  if (bundle !== undefined) await warmCode(bundle, kiosk);
  const checkout = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
  const ways: Start[] = [
    {
      way: 'bare',
      args: ['-e', `console.log('${bareLine}');process.stdin.resume()`],
      ready: isBare,
    },
    { way: 'unbundled', args: [checkout, ...kiosk], ready: sells },
  ];
  if (bundle !== undefined) {
    const args = [bundle.entry, ...kiosk];
    ways.push({ way: 'plain', args, env: bundle.plain, ready: sells });
    ways.push({ way: 'cached', args, env: bundle.cached, ready: sells });
  }
  const measured = new Map<Way, Started[]>(ways.map(({ way }) => [way, []]));
  for (let round = -1; round < sizes.rounds; round++) {
    for (const one of ways) {
      const started = await start(one);
      if (round >= 0) measured.get(one.way)?.push(started);
    }
  }
  return table(measured, sizes.rounds);
}

function isBare(line: string): boolean {
  return line === bareLine;
}

function sells(line: string): boolean {
  return line.includes('"kiosk.selling"') && line.includes('"selling":true');
}

async function start({ args, env, ready }: Start): Promise<Started> {
  const sinceMs = systemClock.monotonicMs();
  const child = spawn(process.execPath, [...args], {
    stdio: ['pipe', 'pipe', 'ignore'],
    env: { ...process.env, ...env, NODE_EXTRA_CA_CERTS: undefined },
  });
  const ended = once(child, 'exit');
  let keysMs: number | undefined;
  const isReady = new Promise<number>((resolve, reject) => {
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (line.includes('"kiosk.ready"')) keysMs = systemClock.monotonicMs() - sinceMs;
      if (ready(line)) resolve(systemClock.monotonicMs());
    });
    void ended.then(() => {
      reject(new Error(`${args.join(' ')} ended before it was ready`));
    });
  });
  const ms = (await isReady) - sinceMs;
  const cpuMs = ranMs(child.pid ?? 0);
  await wait(systemClock, settleMs);
  const kb = residentKb(child.pid ?? 0);
  child.kill('SIGTERM');
  await ended;
  return { keysMs: keysMs ?? ms, ms, cpuMs, kb };
}

function table(measured: ReadonlyMap<Way, readonly Started[]>, rounds: number): Outcome {
  const of = (way: Way, figure: keyof Started): number[] =>
    (measured.get(way) ?? []).map((started) => started[figure]);
  const row = (way: Way, what: string, bounds = false): string[] => {
    const [keys, start, cpu, memory] = (['keysMs', 'ms', 'cpuMs', 'kb'] as const).map((figure) =>
      ratio(of(way, figure), of('bare', figure)),
    );
    assert(keys && start && cpu && memory);
    const kept = bounds
      ? `${against(`start ≤ ${startBound}x`, start.median <= startBound)}; ${against(`memory ≤ ${memoryBound}x`, memory.median <= memoryBound)}`
      : '';
    const ms = `${median(of(way, 'ms')).toFixed(0)} ms`;
    const mb = `${(median(of(way, 'kb')) / 1024).toFixed(0)} MB`;
    return [what, keys.text, ms, start.text, cpu.text, mb, memory.text, kept];
  };
  return {
    title: 'Start of the kiosk to the first sale that it would take, and its memory then',
    how: `${rounds} rounds, all ways in turn, medians of ratios of the same round to a bare node that prints one line; from spawn to the line that says it sells (devices, broker, relay and ledger asked over loopback), resident memory ${settleMs} ms later; it takes keys earlier`,
    head: ['way', 'takes keys', 'sells', 'to bare', 'core time', 'memory', 'to bare', 'bound'],
    rows: [
      row('bare', 'bare node'),
      ...(measured.has('cached')
        ? [row('cached', 'as released, V8 code cache', true), row('plain', 'as released')]
        : []),
      row(
        'unbundled',
        measured.has('cached') ? 'out of a checkout' : 'out of a checkout (no esbuild here)',
      ),
    ],
  };
}
