// The ways from a notification to a kiosk's disk that are compared: floors, and kios itself. Each is alive as long as the
// bench, in processes of its own: one that hears notices, one that is the kiosks.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Identity } from '../../src/kiosk/identity.ts';
import { keysAnswer } from '../../src/protocol/api.ts';
import { startChild, type Child } from './child.ts';
import { type FloorStore } from './floors/store.ts';
import { startBareMosquitto } from './mosquitto.ts';
import { noticePath } from './notices.ts';
import { payee } from './payee.ts';
import { startRelay, type RelayProcess } from './relay-process.ts';
import { type Stored } from './reporter.ts';
import { kioskName, layKiosks, layPendingSales, openRows, saleName, sharedKey } from './rows.ts';
import { type Database } from '../../src/relay/store/database.ts';

export interface ChainWay {
  /** Where its notices go. */
  url: string;
  path: string;
  /** Sales that a notice may now be sent for, each once. */
  sales(count: number): Promise<string[]>;
  /** The process that has the kiosks in it. */
  kiosks: Child<unknown>;
  /** Processes by name, for their time on the cores. */
  pids(): Record<string, number>;
}

type Undo = AsyncDisposableStack;

export interface FloorOptions {
  folder: string;
  name: string;
  store: FloorStore;
  /** False: a TCP connection a kiosk. */
  broker: boolean;
  kiosks: number;
  /** With a relay's obligations: this Midtrans is asked, verdicts are signed and verified, acknowledgements are kept. */
  obligedBy?: Child<string>;
}

/** A floor: the least that keeps its promise. */
export async function floorWay(undo: Undo, options: FloorOptions): Promise<ChainWay> {
  const { folder, name, store } = options;
  const broker = options.broker
    ? undo.adopt(await startBareMosquitto({ folder: join(folder, `${name}-mosquitto`) }), (one) =>
        one.stop(),
      )
    : undefined;
  const file = (side: string): string => join(folder, `${name}-${side}`);
  const { obligedBy } = options;
  const keys = obligedBy === undefined ? undefined : pemKeys();
  const asks = [obligedBy?.ready ?? '', keys?.privateKey ?? ''];
  const relayArgs = [store, file('relay'), broker?.url ?? '', ...asks];
  const relay = undo.adopt(
    await startChild<{ url: string; linePort: number }>(
      import.meta.url,
      './floors/relay.child.ts',
      relayArgs,
    ),
    (one) => one.end(),
  );
  const kioskIds = Array.from({ length: options.kiosks }, (_, at) => kioskName(at));
  const where = broker?.url ?? String(relay.ready.linePort);
  const kiosks = undo.adopt(
    await startChild(import.meta.url, './floors/kiosk.child.ts', [
      ...[store, file('kiosk'), where, keys?.publicKey ?? ''],
      ...kioskIds,
    ]),
    (one) => one.end(),
  );
  let sold = 0;
  return {
    url: relay.ready.url,
    path: '/',
    sales: (count) =>
      Promise.resolve(
        Array.from({ length: count }, () =>
          saleName(kioskIds[++sold % kioskIds.length] ?? '', sold),
        ),
      ),
    kiosks,
    pids: () => ({
      relay: relay.pid,
      kiosks: kiosks.pid,
      ...(broker === undefined ? {} : { broker: broker.pid() }),
    }),
  };
}

function pemKeys(): { privateKey: string; publicKey: string } {
  return generateKeyPairSync('ed25519', {
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
}

/** The relay and the kiosks' own code, with get-status asked at a Midtrans that answers at once. */
export async function kiosWay(
  undo: Undo,
  options: { folder: string; kiosks: number; midtrans: Child<string> },
): Promise<ChainWay> {
  const folder = join(options.folder, 'kios');
  mkdirSync(folder);
  const { midtrans } = options;
  const relay = undo.adopt(await startRelay({ folder, midtransUrl: midtrans.ready }), (one) =>
    one.stop(),
  );
  const rows: Database = undo.adopt(await openRows(relay.store), (one) => one.close());
  const kioskIds = Array.from({ length: options.kiosks }, (_, at) => kioskName(at));
  const { privateKey, publicX } = sharedKey();
  await layKiosks(rows, kioskIds, publicX);
  const file = join(folder, 'identities.json');
  const identities = await identitiesOf(relay, kioskIds, privateKey);
  writeFileSync(file, JSON.stringify(identities));
  const kiosks = undo.adopt(
    await startChild(import.meta.url, './kiosk.child.ts', [file, join(folder, 'journal.db')]),
    (one) => one.end(),
  );
  return {
    url: relay.url,
    path: noticePath,
    sales: (count) => layPendingSales(rows, kioskIds, count),
    kiosks,
    pids: () => ({ relay: relay.pid(), kiosks: kiosks.pid, midtrans: midtrans.pid }),
  };
}

async function identitiesOf(
  relay: RelayProcess,
  kioskIds: readonly string[],
  privateKey: KeyObject,
): Promise<Identity[]> {
  const answer = await fetch(`${relay.url}/v1/keys`);
  const { keys } = keysAnswer.parse(await answer.json());
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  return kioskIds.map((kioskId) => ({
    relayUrl: relay.url,
    privateKeyPem,
    enrolment: {
      ...{ kioskId, keys, environment: 'sandbox', ledgerId: 'any', brokerUrl: relay.mqttUrl },
      merchant: payee,
      claimSecret: 'A'.repeat(43),
      cursor: '0.00000000',
      limits: { minIdr: 1000, maxIdr: 10_000_000 },
    },
  }));
}

/** Resolves with the moment when each of these sales is on a kiosk's disk. */
export function storedAt(way: ChainWay, saleIds: readonly string[]): Promise<Map<string, number>> {
  const missing = new Set(saleIds);
  const at = new Map<string, number>();
  return new Promise((resolve, reject) => {
    const take = (stored: Stored[]): void => {
      for (const [saleId, atMs] of stored) if (missing.delete(saleId)) at.set(saleId, atMs);
      if (missing.size > 0) return;
      clearTimeout(limit);
      way.kiosks.process.off('message', take);
      resolve(at);
    };
    const limit = setTimeout(() => {
      way.kiosks.process.off('message', take);
      const [first] = missing;
      reject(
        new Error(`${missing.size} of ${saleIds.length} never came, ${first ?? ''} among them`),
      );
    }, storedMs);
    way.kiosks.process.on('message', take);
  });
}

const storedMs = 60_000;
