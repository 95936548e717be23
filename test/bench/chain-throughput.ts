// How many notifications a second reach the kiosks' disks as verdicts, 64 in flight, beside the floors: with one sync for
// all that came in one turn of the loop, and with one for each.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/lib/clock.ts';
import { startChild } from './child.ts';
import { floorWay, kiosWay, storedAt, type ChainWay } from './chain-ways.ts';
import { against, interleave, median, ratio, type Outcome, type Variant } from './figures.ts';
import { flood, openHttpLines } from './http-line.ts';
import { cpuMs } from './machine.ts';
import { whyNoMosquitto } from './mosquitto.ts';
import { noticeRequest } from './notices.ts';

const defaults = { rounds: 3, events: 3_000, inFlight: 64, kiosks: 16 };
const floorBound = 0.65;
const eachBound = 4;

/** Microseconds of each process for one event, by process, of the last round. */
export type Costs = Map<string, Record<string, number>>;

export async function chainThroughput(sizes = defaults): Promise<Outcome> {
  const skipped = whyNoMosquitto();
  if (skipped !== undefined) return { skipped };
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const midtrans = undo.adopt(
    await startChild<string>(import.meta.url, './midtrans/quick.child.ts'),
    (one) => one.end(),
  );
  const floors = { folder, kiosks: sizes.kiosks };
  const costs: Costs = new Map();
  const on = (name: string, way: ChainWay): Variant => perSecond(name, way, sizes, costs);
  const measured = await interleave(
    {
      K: on('K', await floorWay(undo, { ...floors, name: 'k', store: 'log-turn', broker: false })),
      I: on(
        'I',
        await floorWay(undo, { ...floors, name: 'i', store: 'sqlite-turn', broker: true }),
      ),
      C: on(
        'C',
        await floorWay(undo, { ...floors, name: 'c', store: 'sqlite-each', broker: true }),
      ),
      kios: on('kios', await kiosWay(undo, { ...floors, midtrans })),
    },
    sizes.rounds,
  );
  const toK = ratio(measured.kios, measured.K);
  const toC = ratio(measured.kios, measured.C);
  const row = (what: string, name: keyof typeof measured, bound = ''): string[] => [
    what,
    Math.round(median(measured[name])).toString(),
    ratio(measured[name], measured.K).text,
    ratio(measured[name], measured.C).text,
    Object.entries(costs.get(name) ?? {})
      .map(([part, us]) => `${part} ${Math.round(us)}`)
      .join(', '),
    bound,
  ];
  return {
    title: `Chains a second, ${sizes.inFlight} notices in flight`,
    how: `${sizes.events} notices a round from ${sizes.inFlight} connections to ${sizes.kiosks} kiosks in one process, until the last one is on the disk; all on the same cores; ${sizes.rounds} rounds interleaved with all ways alive, median; only kios asks Midtrans, signs and verifies`,
    head: ['way', 'a second', 'to K', 'to C', 'CPU µs an event', 'bound'],
    rows: [
      row('K: append log, a sync a turn, TCP', 'K'),
      row('I: SQLite FULL, a sync a turn, Mosquitto', 'I'),
      row('C: SQLite FULL, a sync each, Mosquitto', 'C'),
      row(
        'kios',
        'kios',
        `${against(`≥ ${floorBound}x of K`, toK.median >= floorBound)}; ${against(`≥ ${eachBound}x of C`, toC.median >= eachBound)}`,
      ),
    ],
  };
}

export function perSecond(
  name: string,
  way: ChainWay,
  sizes: Pick<typeof defaults, 'events' | 'inFlight'>,
  costs: Costs,
): Variant {
  return async () => {
    const saleIds = await way.sales(sizes.events);
    const requests = saleIds.map((saleId) => noticeRequest(saleId, way.path));
    const { lines, close } = await openHttpLines(way.url, sizes.inFlight);
    const before = times(way);
    const stored = storedAt(way, saleIds);
    const sinceMs = systemClock.monotonicMs();
    const [at] = await Promise.all([stored, flood(lines, requests, 200)]);
    const lastMs = Math.max(...at.values());
    const after = times(way);
    close();
    costs.set(
      name,
      Object.fromEntries(
        Object.entries(after).map(([part, ms]) => [
          part,
          ((ms - (before[part] ?? 0)) * 1000) / sizes.events,
        ]),
      ),
    );
    return (1000 * sizes.events) / (lastMs - sinceMs);
  };
}

function times(way: ChainWay): Record<string, number> {
  return Object.fromEntries(Object.entries(way.pids()).map(([part, pid]) => [part, cpuMs(pid)]));
}
