// kios beside the usual way to take Midtrans' money in Node: Express with midtrans-client as its documentation shows it,
// the state in memory. The same Midtrans behind both, the same connections in front; ours is durable.
import assert from 'node:assert';
import { type KeyObject } from 'node:crypto';
import { mkdirSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { signKioskToken } from '../../src/protocol/token.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { findPostgres, startPostgres } from '../relay/postgres-server.ts';
import { startChild, type Child } from './child.ts';
import { against, interleave, median, ratio, type Outcome, type Variant } from './figures.ts';
import { flood, httpRequest, openHttpLines } from './http-line.ts';
import { amountIdr, noticeRequest } from './notices.ts';
import { startRelay, type RelayProcess } from './relay-process.ts';
import {
  benchBoot,
  kioskName,
  layKiosks,
  layPendingSales,
  openRows,
  saleName,
  sharedKey,
} from './rows.ts';

const defaults = { rounds: 3, notices: 2_000, charges: 1_000, connections: 64, postgres: true };
type Sizes = typeof defaults;

const bounds = { answered: 7, confirmed: 3, charged: 4 };
/** How often the store is asked whether all is confirmed. */
const lookEveryMs = 20;
const confirmedMs = 60_000;

export async function peers(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const midtrans = undo.adopt(
    await startChild<string>(import.meta.url, './midtrans/quick.child.ts'),
    (one) => one.end(),
  );
  const express = undo.adopt(
    await startChild<string>(import.meta.url, './midtrans/express-peer.child.ts', [midtrans.ready]),
    (one) => one.end(),
  );
  const ours = { folder, midtrans, kiosks: Math.max(sizes.charges, sizes.connections) };
  const sqlite = await ourRelay(undo, { ...ours, name: 'sqlite' });
  const postgres =
    !sizes.postgres || findPostgres() === undefined
      ? undefined
      : await ourRelay(undo, { ...ours, name: 'postgres', url: await ownDatabase(undo) });
  const notices = await noticeRounds(express, sqlite, postgres, sizes);
  const ways: Record<string, Variant> = {
    express: expressCharges(express, sizes),
    sqlite: ourCharges(sqlite, sizes),
    ...(postgres === undefined ? {} : { postgres: ourCharges(postgres, sizes) }),
  };
  const charges = await interleave(ways, sizes.rounds);
  return table(notices, charges, sizes);
}

interface OurRelay {
  relay: RelayProcess;
  rows: Database;
  kioskIds: string[];
  privateKey: KeyObject;
  tokens: Map<string, string>;
  charged: number;
}

async function ownDatabase(undo: AsyncDisposableStack): Promise<string> {
  const server = undo.adopt(await startPostgres(), (one) => one.stop());
  return server.newDatabase();
}

async function ourRelay(
  undo: AsyncDisposableStack,
  options: { folder: string; name: string; midtrans: Child<string>; kiosks: number; url?: string },
): Promise<OurRelay> {
  const folder = join(options.folder, options.name);
  mkdirSync(folder);
  const relay = undo.adopt(
    await startRelay({
      folder,
      midtransUrl: options.midtrans.ready,
      ...(options.url === undefined
        ? {}
        : { store: { postgres: { url: options.url, maxConnections: 10 } } }),
    }),
    (one) => one.stop(),
  );
  const rows = undo.adopt(await openRows(relay.store), (one) => one.close());
  const kioskIds = Array.from({ length: options.kiosks }, (_, at) => kioskName(at));
  const { privateKey, publicX } = sharedKey();
  await layKiosks(rows, kioskIds, publicX);
  return { relay, rows, kioskIds, privateKey, tokens: new Map(), charged: 1_000_000 };
}

type Notices = Record<'express' | 'answered' | 'confirmed', number[]> &
  Partial<Record<'pgAnswered' | 'pgConfirmed', number[]>>;

/** One round gives two figures of ours, so the rounds are walked here. */
async function noticeRounds(
  express: Child<string>,
  sqlite: OurRelay,
  postgres: OurRelay | undefined,
  sizes: Sizes,
): Promise<Notices> {
  const measured: Required<Notices> = {
    ...{ express: [], answered: [], confirmed: [], pgAnswered: [], pgConfirmed: [] },
  };
  for (let round = -1; round < sizes.rounds; round++) {
    const peer = await expressNotices(express, sizes, round);
    const lite = await ourNotices(sqlite, sizes);
    const pg = postgres === undefined ? undefined : await ourNotices(postgres, sizes);
    if (round < 0) continue;
    measured.express.push(peer);
    measured.answered.push(lite.answered);
    measured.confirmed.push(lite.confirmed);
    if (pg === undefined) continue;
    measured.pgAnswered.push(pg.answered);
    measured.pgConfirmed.push(pg.confirmed);
  }
  const { pgAnswered, pgConfirmed, ...lite } = measured;
  return postgres === undefined ? lite : { ...lite, pgAnswered, pgConfirmed };
}

async function expressNotices(peer: Child<string>, sizes: Sizes, round: number): Promise<number> {
  const first = (round + 2) * sizes.notices;
  const requests = Array.from({ length: sizes.notices }, (_, at) =>
    noticeRequest(saleName('peer', first + at), '/notification'),
  );
  return perSecond(peer.ready, requests, 200, sizes.connections);
}

/** Notices of sales whose QR is up: all that the relay does with them is done meanwhile, on the same cores. */
async function ourNotices(
  { relay, rows, kioskIds }: OurRelay,
  sizes: Sizes,
): Promise<{ answered: number; confirmed: number }> {
  const saleIds = await layPendingSales(rows, kioskIds.slice(0, sizes.connections), sizes.notices);
  const requests = saleIds.map((saleId) => noticeRequest(saleId));
  const paidBefore = await countPaid(rows);
  const { lines, close } = await openHttpLines(relay.url, sizes.connections);
  const sinceMs = systemClock.monotonicMs();
  const { lastAtMs } = await flood(lines, requests, 200);
  close();
  while ((await countPaid(rows)) < paidBefore + saleIds.length) {
    assert(systemClock.monotonicMs() < sinceMs + confirmedMs, 'not all were confirmed');
    await wait(systemClock, lookEveryMs);
  }
  const untilMs = systemClock.monotonicMs();
  const each = (ms: number): number => (1000 * sizes.notices) / (ms - sinceMs);
  return { answered: each(lastAtMs), confirmed: each(untilMs) };
}

async function countPaid({ db }: Database): Promise<number> {
  const { paid } = await db
    .selectFrom('sales')
    .select((eb) => eb.fn.countAll<number>().as('paid'))
    .where('verdict', '=', 'paid')
    .executeTakeFirstOrThrow();
  return paid;
}

function expressCharges(peer: Child<string>, sizes: Sizes): Variant {
  const request = httpRequest('POST', '/charge', JSON.stringify({ amount: amountIdr }));
  const requests = Array.from({ length: sizes.charges }, () => request);
  return () => perSecond(peer.ready, requests, 200, sizes.connections);
}

/** Each of another kiosk, because a kiosk has one sale open at a time. */
function ourCharges(ours: OurRelay, sizes: Sizes): Variant {
  return async () => {
    const { relay, rows, kioskIds } = ours;
    ours.charged++;
    const requests = await Promise.all(
      kioskIds.slice(0, sizes.charges).map(async (kioskId) => {
        const token = await tokenOf(ours, kioskId);
        const path = `/v1/sales/${saleName(kioskId, ours.charged)}`;
        const headers = { authorization: `Bearer ${token}` };
        return httpRequest('PUT', path, JSON.stringify({ amountIdr }), headers);
      }),
    );
    const figure = await perSecond(relay.url, requests, 201, sizes.connections);
    await endOpenSales(rows);
    return figure;
  };
}

/** A kiosk uses its token while it lives, for five minutes (DESIGN.md §4); the rounds are over before. */
async function tokenOf({ tokens, privateKey }: OurRelay, kioskId: string): Promise<string> {
  const present = tokens.get(kioskId);
  if (present !== undefined) return present;
  const who = { kioskId, bootId: benchBoot };
  const token = await signKioskToken(who, privateKey, systemClock.nowMs());
  tokens.set(kioskId, token);
  return token;
}

async function endOpenSales(rows: Database): Promise<void> {
  await rows.transact((tx) =>
    tx
      .updateTable('sales')
      .set({ verdict: 'expired', askAtMs: null })
      .where('verdict', 'in', ['creating', 'pending'])
      .execute(),
  );
}

async function perSecond(
  url: string,
  requests: readonly Buffer[],
  expected: number,
  connections: number,
): Promise<number> {
  const { lines, close } = await openHttpLines(url, connections);
  const sinceMs = systemClock.monotonicMs();
  const { lastAtMs } = await flood(lines, requests, expected);
  close();
  return (1000 * requests.length) / (lastAtMs - sinceMs);
}

function table(notices: Notices, charges: Record<string, number[]>, sizes: Sizes): Outcome {
  const row = (what: string, values: number[], to: number[], bound?: number): string[] => {
    const share = ratio(values, to);
    const text = bound === undefined ? '' : against(`≥ ${bound}x`, share.median >= bound);
    return [what, Math.round(median(values)).toString(), share.text, text];
  };
  const { express, answered, confirmed, pgAnswered, pgConfirmed } = notices;
  const { express: peer = [], sqlite: lite = [], postgres: pg } = charges;
  return {
    title: 'Beside Express with midtrans-client, a second',
    how: `${sizes.notices} notices and ${sizes.charges} charges a round over ${sizes.connections} connections, one Midtrans that answers at once, all on the same cores; ${sizes.rounds} rounds interleaved with all alive, median; Express: documented form, state in memory, each notice confirmed by its own get-status; kios: durable, notices of pending sales, confirmed means the verdict is stored`,
    head: ['what', 'a second', 'to Express', 'bound'],
    rows: [
      ['Express: notices answered and confirmed', Math.round(median(express)).toString(), '', ''],
      row('SQLite: notices answered', answered, express, bounds.answered),
      row('SQLite: notices confirmed', confirmed, express, bounds.confirmed),
      ...(pgAnswered === undefined
        ? []
        : [row('PostgreSQL: notices answered', pgAnswered, express)]),
      ...(pgConfirmed === undefined
        ? []
        : [row('PostgreSQL: notices confirmed', pgConfirmed, express)]),
      ['Express: charges', Math.round(median(peer)).toString(), '', ''],
      row('SQLite: charges', lite, peer, bounds.charged),
      ...(pg === undefined ? [] : [row('PostgreSQL: charges', pg, peer)]),
    ],
  };
}
