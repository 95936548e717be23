// How long it takes from a notification to a verdict that the kiosk has verified and has on its disk, one at a time,
// beside the floors of the same machine.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { startChild } from './child.ts';
import { floorWay, kiosWay, storedAt, type ChainWay } from './chain-ways.ts';
import { against, median, percentile, spread, type Outcome } from './figures.ts';
import { httpRequest, openHttpLine } from './http-line.ts';
import { whyNoMosquitto } from './mosquitto.ts';
import { chargeOf, noticeRequest } from './notices.ts';
import { kioskName, saleName } from './rows.ts';

const defaults = { rounds: 5, events: 200, warmUp: 40, pauseMs: 3 };
const p50Bound = 1.6;
const p99Bound = 2;

export interface Round {
  p50: number;
  p99: number;
  /** p50 until the 200. */
  answered: number;
}

type Measured = Record<'floorA' | 'floorC' | 'kios' | 'get', Round[]>;

export async function chainLatency(sizes = defaults): Promise<Outcome> {
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
  const kiosks = 1;
  const floors = { folder, kiosks };
  const ways = {
    floorA: await floorWay(undo, { ...floors, name: 'a', store: 'log-each', broker: false }),
    floorC: await floorWay(undo, { ...floors, name: 'c', store: 'sqlite-each', broker: true }),
    kios: await kiosWay(undo, { ...floors, midtrans }),
  };
  const measured: Measured = { floorA: [], floorC: [], kios: [], get: [] };
  for (let round = -1; round < sizes.rounds; round++) {
    const events = round < 0 ? sizes.warmUp : sizes.events;
    for (const name of ['floorA', 'floorC', 'kios'] as const) {
      const figures = await oneByOne(ways[name], events, sizes.pauseMs);
      if (round >= 0) measured[name].push(figures);
    }
    const get = await gets(midtrans.ready, events, sizes.pauseMs);
    if (round >= 0) measured.get.push(get);
  }
  return table(measured, sizes);
}

export async function oneByOne(way: ChainWay, events: number, pauseMs: number): Promise<Round> {
  const line = await openHttpLine(way.url);
  const [whole, answered]: number[][] = [[], []];
  for (const saleId of await way.sales(events)) {
    const request = noticeRequest(saleId, way.path);
    const stored = storedAt(way, [saleId]);
    const sentMs = systemClock.monotonicMs();
    const answer = await line.ask(request);
    if (answer.status !== 200) throw new Error(`a notice was answered ${answer.status}`);
    const at = await stored;
    whole?.push((at.get(saleId) ?? NaN) - sentMs);
    answered?.push(answer.atMs - sentMs);
    await wait(systemClock, pauseMs);
  }
  line.close();
  return roundOf(whole ?? [], answered ?? []);
}

/** What the get-status alone costs: one keep-alive GET to the same Midtrans. */
async function gets(url: string, events: number, pauseMs: number): Promise<Round> {
  const line = await openHttpLine(url);
  const request = httpRequest('GET', `/v2/${chargeOf(saleName(kioskName(0), 1))}/status`);
  const tookMs: number[] = [];
  for (let event = 0; event < events; event++) {
    const sentMs = systemClock.monotonicMs();
    tookMs.push((await line.ask(request)).atMs - sentMs);
    await wait(systemClock, pauseMs);
  }
  line.close();
  return roundOf(tookMs, tookMs);
}

function roundOf(whole: readonly number[], answered: readonly number[]): Round {
  return {
    p50: percentile(whole, 0.5),
    p99: percentile(whole, 0.99),
    answered: percentile(answered, 0.5),
  };
}

function table(measured: Measured, sizes: typeof defaults): Outcome {
  const { floorA, floorC, kios, get } = measured;
  const each = (of: (round: number) => number): number[] => kios.map((_, round) => of(round));
  const overA = (rounds: Round[]): number[] =>
    each((at) => (rounds[at]?.p50 ?? NaN) / (floorA[at]?.p50 ?? NaN));
  const bare = spread(
    each((at) => ((kios[at]?.p50 ?? NaN) - (get[at]?.p50 ?? NaN)) / (floorA[at]?.p50 ?? NaN)),
  );
  const tail = spread(each((at) => (kios[at]?.p99 ?? NaN) / (floorC[at]?.p99 ?? NaN)));
  const row = (what: string, rounds: Round[], toFloor = ''): string[] => [
    what,
    ...(['p50', 'p99', 'answered'] as const).map(
      (figure) => `${median(rounds.map((round) => round[figure])).toFixed(2)} ms`,
    ),
    toFloor,
    '',
  ];
  return {
    title: 'Notification to the verdict on the disk of the kiosk, one at a time',
    how: `${sizes.events} a round, ${sizes.pauseMs} ms between two, ${sizes.rounds} rounds interleaved with all ways alive, median of the rounds; durable on both sides; A: node:http, append log, TCP; C: node:http, SQLite FULL, Mosquitto QoS 1; neither floor asks Midtrans or signs; kios: real relay, get-status, proof verified, journal, PUBACK after the commit`,
    head: ['way', 'p50', 'p99', 'p50 until 200', 'p50 to floor A', 'bound'],
    rows: [
      row('floor A', floorA, '1.00x'),
      row('floor C', floorC, spread(overA(floorC)).text),
      row('one keep-alive GET', get, spread(overA(get)).text),
      row('kios', kios, spread(overA(kios)).text),
      [
        ...['kios without one GET, p50 to floor A', '', '', '', bare.text],
        against(`≤ ${p50Bound}x`, bare.median <= p50Bound),
      ],
      [
        ...['kios, p99 to floor C', '', '', '', tail.text],
        against(`≤ ${p99Bound}x`, tail.median <= p99Bound),
      ],
    ],
  };
}
