// The brokers that a fleet is tried on: bare ones, which let everybody in, and those that a relay stands behind. Each can
// be ended and come back on its port.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type KeyObject } from 'node:crypto';
import { systemClock, wait } from '../../src/lib/clock.ts';
import { type Database } from '../../src/relay/store/database.ts';
import { startChild, type Child } from './child.ts';
import { freePorts, type Certificate } from './machine.ts';
import { startBareMosquitto, startShippedMosquitto, type Mosquitto } from './mosquitto.ts';
import { startRelay, type RelayProcess } from './relay-process.ts';
import { kioskName, layKiosks, openRows, sharedKey } from './rows.ts';

const accountMs = 20_000;

export interface FleetBroker {
  /** Where kiosks connect. */
  url(): string;
  /** The process that holds their connections. */
  pid(): number;
  /** As after an upgrade: all connections are lost, what it keeps on the disk is not. */
  restart(): Promise<void>;
  stop(): Promise<void>;
  /** Kiosks show tokens of their own there. */
  tokens: boolean;
  key: KeyObject;
  /** The relay behind it, with every kiosk enrolled. */
  behind?: { relay: RelayProcess; rows: Database };
}

export interface FleetBrokerOptions {
  /** A folder of its own. */
  folder: string;
  midtrans: Child<string>;
  count: number;
  tls?: Certificate;
}

export async function bareAedes({ tls }: FleetBrokerOptions): Promise<FleetBroker> {
  const [port = 0] = await freePorts(1);
  const args = [String(port), ...(tls === undefined ? [] : [tls.certFile, tls.keyFile])];
  const start = (): Promise<Child<number>> =>
    startChild<number>(import.meta.url, './floors/aedes.child.ts', args);
  let child = await start();
  return {
    url: () => `${tls === undefined ? 'mqtt' : 'mqtts'}://127.0.0.1:${port}`,
    pid: () => child.pid,
    tokens: true,
    key: sharedKey().privateKey,
    stop: () => child.end(),
    async restart() {
      await child.end();
      child = await start();
    },
  };
}

export async function bareMosquitto({ folder, tls }: FleetBrokerOptions): Promise<FleetBroker> {
  const broker = await startBareMosquitto({ folder, ...(tls === undefined ? {} : { tls }) });
  return {
    ...overMosquitto(broker),
    key: sharedKey().privateKey,
    stop: () => broker.stop(),
  };
}

function overMosquitto(broker: Mosquitto): Pick<FleetBroker, 'url' | 'pid' | 'tokens' | 'restart'> {
  return {
    url: () => broker.url,
    pid: () => broker.pid(),
    tokens: false,
    async restart() {
      await broker.stop();
      await broker.start();
    },
  };
}

/** The relay with its broker inside. */
export async function embedded(options: FleetBrokerOptions): Promise<FleetBroker> {
  const { folder, midtrans, tls, count } = options;
  mkdirSync(folder, { recursive: true });
  const relay = await startRelay({
    folder,
    midtransUrl: midtrans.ready,
    ...(tls === undefined ? {} : { tls }),
  });
  const enrolled = await enrolFleet(relay, count);
  return {
    url: () => relay.mqttUrl,
    pid: () => relay.pid(),
    tokens: true,
    key: enrolled.privateKey,
    behind: { relay, rows: enrolled.rows },
    async stop() {
      await enrolled.rows.close();
      await relay.stop();
    },
    async restart() {
      await relay.stop();
      await relay.start();
    },
  };
}

/** Mosquitto with an account a kiosk. The relay makes the first one; the others are copies of it, as enrolment would make. */
export async function mosquittoWithAccounts(options: FleetBrokerOptions): Promise<FleetBroker> {
  const { folder, midtrans, tls, count } = options;
  const broker = await startShippedMosquitto({
    folder: join(folder, 'broker'),
    ...(tls === undefined ? {} : { tls }),
  });
  const { url, username, passwordFile } = broker;
  mkdirSync(folder, { recursive: true });
  const relay = await startRelay({
    folder,
    midtransUrl: midtrans.ready,
    broker: {
      ...{ kind: 'mosquitto', url, publicUrl: url, username, passwordFile },
      ...(tls === undefined ? {} : { caFile: tls.certFile }),
    },
  });
  const { rows, privateKey } = await enrolFleet(relay, count, 1);
  await accountMade(broker.accountsFile);
  await broker.stop();
  copyAccounts(broker.accountsFile, count);
  await broker.start();
  await relay.isReady();
  return {
    ...overMosquitto(broker),
    key: privateKey,
    behind: { relay, rows },
    async stop() {
      await rows.close();
      await relay.stop();
      await broker.stop();
    },
  };
}

async function accountMade(accountsFile: string): Promise<void> {
  const untilMs = systemClock.monotonicMs() + accountMs;
  while (!readFileSync(accountsFile, 'utf8').includes(kioskName(0))) {
    if (systemClock.monotonicMs() > untilMs) throw new Error('the relay made no account');
    await wait(systemClock, 50);
  }
}

/** Whatever the plugin's file says of the first kiosk, it says of all. */
function copyAccounts(accountsFile: string, count: number): void {
  const accounts = JSON.parse(readFileSync(accountsFile, 'utf8')) as Record<string, unknown>;
  const first = kioskName(0);
  for (const [name, list] of Object.entries(accounts)) {
    if (!Array.isArray(list)) continue;
    const own = list.map((one) => JSON.stringify(one)).filter((text) => text.includes(first));
    const copies = Array.from({ length: count - 1 }, (_, at) =>
      own.map((text): unknown => JSON.parse(text.replaceAll(first, kioskName(at + 1)))),
    );
    accounts[name] = [...(list as unknown[]), ...copies.flat()];
  }
  writeFileSync(accountsFile, JSON.stringify(accounts));
}

export async function enrolFleet(
  relay: RelayProcess,
  count: number,
  /** So many of them the broker is told of. */
  told = 0,
): Promise<{ rows: Database; privateKey: KeyObject }> {
  const { privateKey, publicX } = sharedKey();
  const rows = await openRows(relay.store);
  const kioskIds = Array.from({ length: count }, (_, at) => kioskName(at));
  await layKiosks(rows, kioskIds.slice(told), publicX);
  await layKiosks(rows, kioskIds.slice(0, told), publicX, 1);
  return { rows, privateKey };
}

export function folderOf(folder: string, ...parts: string[]): string {
  return join(folder, parts.join('-'));
}
