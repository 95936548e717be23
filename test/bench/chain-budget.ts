// What the chain's bounds leave out: the obligations of a relay that the floors A and K do not have, each by itself, and a
// floor that has them all and nothing else. So one sees what kios costs above what it must.
import { generateKeyPairSync } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Pool } from 'undici';
import { systemClock } from '../../src/lib/clock.ts';
import { openProof, signProof, verdictClaims } from '../../src/protocol/proof.ts';
import { signKioskToken, verifyKioskToken } from '../../src/protocol/token.ts';
import { oneByOne } from './chain-latency.ts';
import { perSecond, type Costs } from './chain-throughput.ts';
import { floorWay, kiosWay } from './chain-ways.ts';
import { startChild, type Child } from './child.ts';
import { median, ratio, type Outcome } from './figures.ts';
import { openFloorStore } from './floors/store.ts';
import { cpuMs } from './machine.ts';
import { whyNoMosquitto } from './mosquitto.ts';
import { amountIdr, chargeOf, settledNotice } from './notices.ts';
import { benchBoot, kioskName, saleName } from './rows.ts';

const defaults = { rounds: 3, events: 3_000, alone: 100, pauseMs: 3, inFlight: 64, kiosks: 16 };
type Sizes = typeof defaults;

const ways = ['floor', 'obliged', 'kios'] as const;
type Way = (typeof ways)[number];
type Figures = Record<Way, { p50Ms: number[]; perSecond: number[] }>;

export async function chainBudget(sizes = defaults): Promise<Outcome> {
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
  const floor = { folder, kiosks: sizes.kiosks };
  const costs: Costs = new Map();
  const all = {
    floor: await floorWay(undo, { ...floor, name: 'k', store: 'log-turn', broker: false }),
    obliged: await floorWay(undo, {
      ...{ ...floor, name: 'o', store: 'sqlite-turn', broker: true },
      obligedBy: midtrans,
    }),
    kios: await kiosWay(undo, { ...floor, midtrans }),
  };
  const figures: Figures = {
    floor: { p50Ms: [], perSecond: [] },
    obliged: { p50Ms: [], perSecond: [] },
    kios: { p50Ms: [], perSecond: [] },
  };
  for (let round = -1; round < sizes.rounds; round++) {
    for (const name of ways) {
      const many = await perSecond(name, all[name], sizes, costs)();
      const { p50 } = await oneByOne(all[name], sizes.alone, sizes.pauseMs);
      if (round < 0) continue;
      figures[name].perSecond.push(many);
      figures[name].p50Ms.push(p50);
    }
  }
  return table(figures, costs, await unitCosts(midtrans, folder, sizes.events), sizes);
}

/** Time on the cores of one call, in µs, by what is done. One after the other, warm. */
async function unitCosts(
  midtrans: Child<string>,
  folder: string,
  calls: number,
): Promise<[string, number][]> {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const kioskId = kioskName(0);
  const saleId = saleName(kioskId, 1);
  const said = { saleId, kioskId, amountIdr, verdict: 'paid', seq: 1, iat: 1 };
  const claims = { env: 'sandbox', ...said };
  const sign = (): Promise<string> =>
    signProof('kios-verdict', claims, { kid: 'bench', privateKey });
  const proof = await sign();
  const keys = new Map([['bench', publicKey]]);
  const nowMs = systemClock.nowMs();
  const token = await signKioskToken({ kioskId, bootId: benchBoot }, privateKey, nowMs);
  const pool = new Pool(midtrans.ready, { connections: 1 });
  const path = `/v2/${chargeOf(saleId)}/status`;
  const ask = async (): Promise<void> => {
    const { body } = await pool.request({ method: 'GET', path });
    JSON.parse(await body.text());
  };
  const keep = openFloorStore('sqlite-each', join(folder, 'unit'));
  const text = settledNotice(saleId);
  let row = 0;
  const store = (): void => {
    keep(`row ${++row}`, text, () => undefined);
  };
  const verify = (): unknown => openProof(proof, 'kios-verdict', verdictClaims, keys);
  const admit = (): unknown => verifyKioskToken(token, publicKey, nowMs);
  try {
    const answering = { ofPid: midtrans.pid };
    return [
      ['get-status asked, undici over one connection', await costUs(ask, calls)],
      ['get-status answered, node:http', await costUs(ask, calls, answering)],
      ['verdict signed', await costUs(sign, calls)],
      ['proof verified by the kiosk', await costUs(verify, calls)],
      ["a kiosk's new token verified", await costUs(admit, calls)],
      ['a row of 700 bytes committed alone, SQLite FULL', await costUs(store, calls)],
    ];
  } finally {
    await pool.destroy();
  }
}

async function costUs(
  call: () => unknown,
  calls: number,
  { ofPid = process.pid } = {},
): Promise<number> {
  for (let at = 0; at < calls / 4; at++) await call();
  const beforeMs = cpuMs(ofPid);
  for (let at = 0; at < calls; at++) await call();
  return ((cpuMs(ofPid) - beforeMs) * 1000) / calls;
}

function table(
  figures: Figures,
  costs: Costs,
  units: readonly [string, number][],
  sizes: Sizes,
): Outcome {
  const row = (what: string, name: Way): string[] => {
    const { p50Ms, perSecond: rates } = figures[name];
    const shares = Object.entries(costs.get(name) ?? {});
    const sum = shares.reduce((total, [, us]) => total + us, 0);
    return [
      what,
      `${median(p50Ms).toFixed(2)} ms`,
      ratio(p50Ms, figures.obliged.p50Ms).text,
      Math.round(median(rates)).toString(),
      ratio(rates, figures.obliged.perSecond).text,
      `${Math.round(sum)}: ${shares.map(([part, us]) => `${part} ${Math.round(us)}`).join(', ')}`,
    ];
  };
  return {
    title: 'The chain beside a floor with the same obligations',
    how: `${sizes.rounds} rounds interleaved with all alive, median; one at a time: ${sizes.alone} a round; many: ${sizes.events} a round, ${sizes.inFlight} in flight, ${sizes.kiosks} kiosks; K: append log, a sync a turn, TCP; obliged: node:http, SQLite FULL with a sync a turn, Mosquitto QoS 1, and what Midtrans said is asked and kept, the verdict signed and verified, the acknowledgement kept, without ledger, outbox, roles, limits or metrics; below: one call of each obligation, by itself`,
    head: ['what', 'p50 alone', 'to obliged', 'many a second', 'to obliged', 'CPU µs'],
    rows: [
      row('floor K', 'floor'),
      row('obliged floor', 'obliged'),
      row('kios', 'kios'),
      ...units.map(([what, us]) => [what, '', '', '', '', us.toFixed(0)]),
    ],
  };
}
