// Ten thousand simulated kiosks on the broker inside the relay and on Mosquitto, plain and with TLS: what a kiosk costs in
// memory, how soon all are back after a restart, and how soon one of many hears its verdict. Each beside the bare broker.
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { startChild } from './child.ts';
import { startCrowd, type Crowd, type CrowdCommand } from './crowd.ts';
import { against, median, percentile, ratio, type Outcome } from './figures.ts';
import {
  bareAedes,
  bareMosquitto,
  embedded,
  mosquittoWithAccounts,
  folderOf,
  type FleetBroker,
  type FleetBrokerOptions,
} from './fleet-brokers.ts';
import { openHttpLine } from './http-line.ts';
import { cpuMs, makeCertificate, residentKb, type Certificate } from './machine.ts';
import { whyNoMosquitto } from './mosquitto.ts';
import { noticeRequest } from './notices.ts';
import { kioskName, layPendingSales } from './rows.ts';
import { startSalesLoad } from './sales-load.ts';

const defaults = {
  rounds: 3,
  kiosks: 10_000,
  /** Kiosks come back each at its own moment within so long: a kiosk's first two waits. */
  spreadMs: 1_500,
  /** Who is not back by then is counted as away. */
  limitMs: 90_000,
  settleMs: 1_500,
  samples: 60,
  salesPerSecond: 100,
  tls: [false, true],
  brokers: ['inside', 'mosquitto'] as ('inside' | 'mosquitto')[],
};
type Sizes = typeof defaults;

const bounds = { memory: 1.15, back: 1.5, latency: 1.2 };
const toldMs = 15_000;
/** After a storm a relay comes back to its broker among all the others, and hears of each of them first. */
const firstToldMs = 90_000;
const pauseMs = 5;
const warmUps = 30;

type Start = (options: FleetBrokerOptions) => Promise<FleetBroker>;

interface Pair {
  name: string;
  tls: boolean;
  bare: Start;
  ours: Start;
}

const startsOf: Record<Sizes['brokers'][number], Pick<Pair, 'bare' | 'ours'>> = {
  inside: { bare: bareAedes, ours: embedded },
  mosquitto: { bare: bareMosquitto, ours: mosquittoWithAccounts },
};

interface Measured {
  kbEach: number[];
  backMs: number[];
  cpuUs: number[];
  away: number[];
  tries: number[];
  /** From the last kiosk's return until one of them has heard its first verdict. */
  firstMs: number[];
  /** p50 of a verdict's way to one of all, and to one of a tenth; with nothing else, and with sales. */
  all: number[];
  tenth: number[];
  allBusy: number[];
  tenthBusy: number[];
  sales: number[];
}

export async function fleet(sizes = defaults): Promise<Outcome> {
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
  const certificate = makeCertificate(folder);
  const pairs = sizes.brokers.flatMap((name) =>
    sizes.tls.map((tls): Pair => ({ name, tls, ...startsOf[name] })),
  );
  const rows: string[][] = [];
  for (const pair of pairs) {
    const measured = { bare: nothing(), ours: nothing() };
    await using open = new AsyncDisposableStack();
    const sides: Side[] = [];
    for (const name of ['bare', 'ours'] as const) {
      const at = folderOf(folder, pair.name, pair.tls ? 'tls' : 'plain', name);
      const options = { folder: at, midtrans, count: sizes.kiosks };
      const broker = open.adopt(
        await pair[name]({ ...options, ...(pair.tls ? { tls: certificate } : {}) }),
        (one) => one.stop(),
      );
      const tls = pair.tls ? certificate : undefined;
      const crowd = open.adopt(await startCrowdAt(broker, tls, sizes), (one) => one.end());
      sides.push({ broker, crowd, measured: measured[name] });
    }
    for (const side of sides) await allConnect(side, sizes);
    for (let round = 0; round < sizes.rounds; round++) {
      for (const side of sides) await comeBack(side, sizes);
    }
    rows.push(...rowsOf(pair, measured, sizes));
  }
  return {
    title: `${sizes.kiosks} simulated kiosks`,
    how: `raw MQTT from 20 addresses in one process, beside the broker on the same cores; connected means CONNACK, SUBACK and the status acknowledged; back: from the restarted broker's readiness to the last kiosk, each beginning within ${sizes.spreadMs} ms and then with a kiosk's own backoff; memory: resident, all connected less none, once; latency: notice sent until the verdict is at one kiosk, p50 of ${sizes.samples}; both alive; ${sizes.rounds} rounds, bare and ours in turn, medians`,
    head: ['broker', 'what', 'bare', 'ours', 'ratio', 'bound'],
    rows,
  };
}

function nothing(): Measured {
  return {
    ...{ kbEach: [], backMs: [], cpuUs: [], away: [], tries: [], firstMs: [] },
    ...{ all: [], tenth: [], allBusy: [], tenthBusy: [], sales: [] },
  };
}

interface Side {
  broker: FleetBroker;
  crowd: Crowd;
  measured: Measured;
}

function startCrowdAt(
  broker: FleetBroker,
  tls: Certificate | undefined,
  sizes: Sizes,
): Promise<Crowd> {
  return startCrowd({
    url: broker.url(),
    ...(tls === undefined ? {} : { caFile: tls.certFile }),
    count: sizes.kiosks,
    privateKey: broker.key,
    tokens: broker.tokens,
  });
}

/** For the first time: what they cost in memory does not change from round to round. */
async function allConnect({ broker, crowd, measured }: Side, sizes: Sizes): Promise<void> {
  await wait(systemClock, sizes.settleMs);
  const beforeKb = residentKb(broker.pid());
  const first = await crowd.order(everybody(sizes));
  await wait(systemClock, sizes.settleMs);
  measured.kbEach.push((residentKb(broker.pid()) - beforeKb) / Math.max(first.up, 1));
}

async function comeBack({ broker, crowd, measured }: Side, sizes: Sizes): Promise<void> {
  await broker.restart();
  const cpuBeforeMs = cpuMs(broker.pid());
  const back = await crowd.order(everybody(sizes));
  measured.backMs.push(back.tookMs);
  measured.cpuUs.push(((cpuMs(broker.pid()) - cpuBeforeMs) * 1000) / Math.max(back.up, 1));
  measured.away.push(sizes.kiosks - back.up);
  measured.tries.push(back.tries / sizes.kiosks);
  await latencies(broker, crowd, measured, sizes);
}

function everybody(sizes: Sizes): CrowdCommand & { do: 'connect' } {
  const { limitMs, spreadMs } = sizes;
  return { do: 'connect', from: 0, to: sizes.kiosks, limitMs, spreadMs };
}

async function latencies(
  broker: FleetBroker,
  crowd: Crowd,
  measured: Measured,
  sizes: Sizes,
): Promise<void> {
  if (broker.behind === undefined) return;
  const tenth = Math.ceil(sizes.kiosks / 10);
  await crowd.order({ do: 'watch', kiosk: 0 });
  measured.firstMs.push(await verdictMs(broker.behind, crowd, 1, firstToldMs));
  await verdictMs(broker.behind, crowd, warmUps);
  measured.all.push(await verdictMs(broker.behind, crowd, sizes.samples));
  const busy = await busyMs(broker, crowd, sizes, tenth);
  measured.allBusy.push(busy.p50);
  measured.sales.push(busy.perSecond);
  await crowd.order({ do: 'drop', from: tenth, to: sizes.kiosks });
  await wait(systemClock, sizes.settleMs);
  measured.tenth.push(await verdictMs(broker.behind, crowd, sizes.samples));
  measured.tenthBusy.push((await busyMs(broker, crowd, sizes, tenth)).p50);
}

/** The same while others sell: kiosks that stay connected all the time. */
async function busyMs(
  broker: FleetBroker,
  crowd: Crowd,
  sizes: Sizes,
  tenth: number,
): Promise<{ p50: number; perSecond: number }> {
  if (broker.behind === undefined) return { p50: NaN, perSecond: NaN };
  const { relay } = broker.behind;
  const sellers = Array.from({ length: tenth - 1 }, (_, at) => kioskName(at + 1));
  const load = await startSalesLoad(relay.url, sellers, broker.key, sizes.salesPerSecond);
  const p50 = await verdictMs(broker.behind, crowd, sizes.samples);
  const { perSecond } = await load.stop();
  return { p50, perSecond };
}

async function verdictMs(
  { relay, rows }: NonNullable<FleetBroker['behind']>,
  crowd: Crowd,
  samples: number,
  limitMs = toldMs,
): Promise<number> {
  const saleIds = await layPendingSales(rows, [kioskName(0)], samples);
  const line = await openHttpLine(relay.url);
  const tookMs: number[] = [];
  for (const saleId of saleIds) {
    const told = crowd.told(saleId, 'paid', limitMs);
    const sentMs = systemClock.monotonicMs();
    const [{ atMs }] = await Promise.all([told, line.ask(noticeRequest(saleId))]);
    tookMs.push(atMs - sentMs);
    await wait(systemClock, pauseMs);
  }
  line.close();
  return percentile(tookMs, 0.5);
}

function rowsOf(
  pair: Pair,
  { bare, ours }: { bare: Measured; ours: Measured },
  sizes: Sizes,
): string[][] {
  const name = `${pair.name}, ${pair.tls ? 'TLS' : 'plain'}`;
  const row = (
    what: string,
    of: number[],
    to: number[],
    unit: string,
    bound?: number,
  ): string[] => {
    const share = ratio(of, to);
    const text = bound === undefined ? '' : against(`≤ ${bound}x`, share.median <= bound);
    const figure = (values: number[]): string => `${median(values).toFixed(1)} ${unit}`;
    return [name, what, figure(to), figure(of), share.text, text];
  };
  const tenth = Math.ceil(sizes.kiosks / 10);
  const away = (side: Measured): string => `${median(side.away)}`;
  const tries = (side: Measured): string => median(side.tries).toFixed(1);
  // Those that did come back were the quick ones: no figure for all.
  const isWhole = median(bare.away) === 0 && median(ours.away) === 0;
  const back = isWhole
    ? row('all back', ours.backMs, bare.backMs, 'ms', bounds.back)
    : [name, 'all back', '', '', '', 'not all came back: no figure'];
  return [
    row('memory a kiosk', ours.kbEach, bare.kbEach, 'KB', bounds.memory),
    back,
    row('CPU of the broker a kiosk that comes back', ours.cpuUs, bare.cpuUs, 'µs'),
    [name, 'not back in time, kiosks', away(bare), away(ours), '', ''],
    [name, 'tries a kiosk', tries(bare), tries(ours), '', ''],
    [name, 'first verdict after that', '', `${median(ours.firstMs).toFixed(0)} ms`, '', ''],
    row(
      `verdict to 1 of ${sizes.kiosks} (beside: ${tenth})`,
      ours.all,
      ours.tenth,
      'ms',
      bounds.latency,
    ),
    row(
      `the same, ${median(ours.sales).toFixed(0)} sales a second beside it`,
      ours.allBusy,
      ours.tenthBusy,
      'ms',
      bounds.latency,
    ),
  ];
}
