// What one sale costs a store and a line, counted and not timed: steps, rows, log bytes, bytes on the disk and on the
// wire. The unit costs under docs/scale.md.
import { mkdirSync, statSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connectAsync, type MqttClient } from 'mqtt';
import { Client } from 'pg';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { sale as saleSchema } from '../../src/protocol/sale.ts';
import { signKioskToken } from '../../src/protocol/token.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { type RelayConfig } from '../../src/relay/config.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { findPostgres, startPostgres } from '../relay/postgres-server.ts';
import { startChild } from './child.ts';
import { type Outcome } from './figures.ts';
import { startRelay } from './relay-process.ts';
import { benchBoot, kioskName, layKiosks, openRows, saleName, sharedKey } from './rows.ts';
import { httpBytesOfASale, type Seller } from './sales-load.ts';
import { sellInStore } from './store-sale.ts';

const defaults = { sales: 2_000, kiosks: 100, wireSales: 50, postgres: true };
type Sizes = typeof defaults;

/** PostgreSQL hands its counters over once a second at most. */
const countersMs = 1_500;
/** After a checkpoint each page is logged whole once; counting begins after so many sales. */
const warmUpShare = 0.2;
const wireWaitMs = 10_000;

export async function saleCost(sizes = defaults): Promise<Outcome> {
  await using undo = new AsyncDisposableStack();
  const folder = undo.adopt(await mkdtemp(join(tmpdir(), 'kios-bench-')), (one) =>
    rm(one, { recursive: true }),
  );
  const rows = [...(await sqliteRows(folder, sizes)), ...(await wireRows(undo, folder, sizes))];
  if (sizes.postgres && findPostgres() !== undefined) rows.push(...(await postgresRows(sizes)));
  return {
    title: 'What a sale costs',
    how: `counted over ${sizes.sales} whole sales of ${sizes.kiosks} kiosks one after the other (put, charged, told, acknowledged, notice, confirmed, told, acknowledged, handed over); on the wire over ${sizes.wireSales} sales, without TLS, TCP and IP; log bytes without the first fifth, in which PostgreSQL logs whole pages`,
    head: ['where', 'what', 'a sale'],
    rows,
  };
}

async function sell(
  at: RelayConfig['store'],
  first: number,
  count: number,
  kiosks: number,
): Promise<void> {
  const database = await connectDatabase(at, systemClock);
  const store = await openStore(database, 'bench-ledger');
  if (first === 0) {
    const kioskIds = Array.from({ length: kiosks }, (_, index) => kioskName(index));
    await layKiosks(database, kioskIds, sharedKey().publicX);
  }
  for (let sold = first; sold < first + count; sold++) {
    await sellInStore(store, kioskName(sold % kiosks), sold);
  }
  await store.close();
}

async function sqliteRows(folder: string, sizes: Sizes): Promise<string[][]> {
  const file = join(folder, 'cost.db');
  const warmUp = Math.ceil(sizes.sales * warmUpShare);
  await sell({ sqlite: file }, 0, warmUp, sizes.kiosks);
  const before = statSync(file).size;
  await sell({ sqlite: file }, warmUp, sizes.sales, sizes.kiosks);
  const grown = (statSync(file).size - before) / sizes.sales;
  return [['SQLite', 'growth of the file, notice and indexes in it', `${Math.round(grown)} B`]];
}

async function postgresRows(sizes: Sizes): Promise<string[][]> {
  await using undo = new AsyncDisposableStack();
  const server = undo.adopt(await startPostgres(), (one) => one.stop());
  const url = await server.newDatabase();
  const at = { postgres: { url, maxConnections: 10 } };
  const client = undo.adopt(new Client({ connectionString: url }), (one) => one.end());
  await client.connect();
  const warmUp = Math.ceil(sizes.sales * warmUpShare);
  await sell(at, 0, warmUp, sizes.kiosks);
  const before = await counters(client);
  await sell(at, warmUp, sizes.sales, sizes.kiosks);
  const after = await counters(client);
  const each = (name: keyof Counters, digits = 0): string =>
    ((after[name] - before[name]) / sizes.sales).toFixed(digits);
  return [
    ['PostgreSQL', 'commits, of reads as well', each('commits', 1)],
    ['PostgreSQL', 'rows inserted', each('inserted', 1)],
    ['PostgreSQL', 'rows updated', each('updated', 1)],
    ['PostgreSQL', 'rows deleted', each('deleted', 1)],
    ['PostgreSQL', 'log (WAL)', `${each('walBytes')} B`],
    ['PostgreSQL', 'growth of the database, dead rows in it', `${each('bytes')} B`],
  ];
}

interface Counters {
  commits: number;
  inserted: number;
  updated: number;
  deleted: number;
  walBytes: number;
  bytes: number;
}

async function counters(client: Client): Promise<Counters> {
  await wait(systemClock, countersMs);
  const { rows } = await client.query<Record<keyof Counters, string>>(`
    select xact_commit as commits, tup_inserted as inserted, tup_updated as updated, tup_deleted as deleted,
      pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0') as "walBytes", pg_database_size(datname) as bytes
    from pg_stat_database where datname = current_database()`);
  const [row] = rows;
  if (row === undefined) throw new Error('PostgreSQL counts nothing');
  return {
    commits: Number(row.commits),
    inserted: Number(row.inserted),
    updated: Number(row.updated),
    deleted: Number(row.deleted),
    walBytes: Number(row.walBytes),
    bytes: Number(row.bytes),
  };
}

/** Between a real relay and a kiosk, and what the kiosk's MQTT line carries. */
async function wireRows(
  undo: AsyncDisposableStack,
  folder: string,
  sizes: Sizes,
): Promise<string[][]> {
  const midtrans = undo.adopt(
    await startChild<string>(import.meta.url, './midtrans/quick.child.ts'),
    (one) => one.end(),
  );
  const relayFolder = join(folder, 'relay');
  mkdirSync(relayFolder);
  const relay = undo.adopt(
    await startRelay({ folder: relayFolder, midtransUrl: midtrans.ready }),
    (one) => one.stop(),
  );
  const rows = undo.adopt(await openRows(relay.store), (one) => one.close());
  const { privateKey, publicX } = sharedKey();
  const kioskId = kioskName(0);
  await layKiosks(rows, [kioskId], publicX);
  const who = { kioskId, bootId: benchBoot };
  const nowMs = systemClock.nowMs();
  const token = await signKioskToken(who, privateKey, nowMs);
  const password = await signKioskToken(who, privateKey, nowMs, 'kios-broker');
  const client = undo.adopt(
    await connectAsync(relay.mqttUrl, {
      ...{ protocolVersion: 4, clean: false, clientId: kioskId, username: kioskId, password },
      reconnectPeriod: 0,
    }),
    (one) => one.endAsync(true),
  );
  const seller = { kioskId, token, privateKey };
  const { sent, received, mqtt } = await carried(client, relay.url, seller, sizes);
  const each = (all: number): string => `${Math.round(all / sizes.wireSales)} B`;
  return [
    ['HTTP', 'requests to the relay, the notice among them', each(sent)],
    ['HTTP', 'answers of the relay', each(received)],
    ['MQTT', 'both ways', each(mqtt)],
  ];
}

/** Sells, one sale after the other, and counts what went over both lines. */
async function carried(
  client: MqttClient,
  relayUrl: string,
  { kioskId, ...seller }: Seller & { kioskId: string },
  sizes: Sizes,
): Promise<{ sent: number; received: number; mqtt: number }> {
  const topics = kioskTopics(kioskId);
  let acknowledged = 0;
  client.on('message', (_topic, payload) => {
    const { ledgerId, seq, verdict } = saleSchema.parse(JSON.parse(payload.toString()));
    client.publish(topics.ack, JSON.stringify({ ledgerId, upTo: seq }), { qos: 1 }, () => {
      if (verdict === 'paid') acknowledged++;
    });
  });
  await client.subscribeAsync(topics.sale, { qos: 1 });
  const status = { online: true, bootId: benchBoot, connection: 1, version: '0.1.0' };
  await client.publishAsync(topics.status, JSON.stringify(status), { qos: 1, retain: true });
  const { stream } = client;
  const bytes = (): number =>
    'bytesRead' in stream && 'bytesWritten' in stream
      ? Number(stream.bytesRead) + Number(stream.bytesWritten)
      : NaN;
  const before = bytes();
  const http = { sent: 0, received: 0 };
  for (let sold = 1; sold <= sizes.wireSales; sold++) {
    const one = await httpBytesOfASale(relayUrl, saleName(kioskId, sold), seller);
    http.sent += one.sent;
    http.received += one.received;
    const untilMs = systemClock.monotonicMs() + wireWaitMs;
    while (acknowledged < sold && systemClock.monotonicMs() < untilMs) await wait(systemClock, 5);
  }
  return { ...http, mqtt: bytes() - before };
}
