// The relay's key chain: begun once, kept for ever, taken up by every relay that has the private half.
import { copyFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { decodeProtectedHeader } from 'jose';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { keysAnswer, type ChainKey } from '../../src/protocol/api.ts';
import { followLinks, maxLinks, publicKeyOf } from '../../src/protocol/key-chain.ts';
import { openProof, signProof, timeClaims, verifySale } from '../../src/protocol/proof.ts';
import {
  beginChain,
  openKeyChain,
  rotateKey,
  type KeyChain,
  type Rotation,
} from '../../src/relay/key-chain.ts';
import { createMetrics, type Metrics } from '../../src/relay/metrics.ts';
import { KeyFault } from '../../src/relay/signing-key.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { type Store } from '../../src/relay/store/store.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { pay, startSetting, type Setting } from './setting.ts';

const dayMs = 24 * 3_600_000;
const keyCheckMs = 60_000;

let dir: string;
let clock: VirtualClock;
let store: Store;
let metrics: Metrics;
const open: KeyChain[] = [];

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-chain-'));
  clock = new VirtualClock();
  metrics = createMetrics();
  store = await openStore(await connectDatabase({ sqlite: join(dir, 'relay.db') }, clock), 'l1');
});
afterEach(async () => {
  for (const chain of open.splice(0)) chain.stop();
  await store.close();
  rmSync(dir, { recursive: true, force: true });
});

/** The state directory of one of several relays on this database. */
const stateOf = (relay: string): string => join(dir, relay);

async function relay(name = 'a'): Promise<KeyChain> {
  const stateDir = stateOf(name);
  const chain = await openKeyChain({ stateDir, store, clock, log: silentLog, metrics });
  open.push(chain);
  return chain;
}

async function made(activeInMs: number, at = 'a'): Promise<Rotation & { kind: 'made' }> {
  const rotation = await rotateKey({ stateDir: stateOf(at), store }, activeInMs);
  if (rotation.kind !== 'made') throw new Error(rotation.kind);
  return rotation;
}

/** Time goes on, and whatever it set off at the store has come to its end. */
async function later(ms: number): Promise<void> {
  await clock.advance(ms);
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
}

function copyKeys(from: string, to: string): void {
  mkdirSync(stateOf(to), { recursive: true });
  for (const name of readdirSync(stateOf(from))) {
    copyFileSync(join(stateOf(from), name), join(stateOf(to), name));
  }
}

const faults = async (): Promise<number> =>
  (await metrics.faults.get()).values.find(({ labels }) => labels.place === 'signing-key')?.value ??
  0;
const kids = (links: readonly ChainKey[]): string[] => links.map(({ kid }) => kid);

test('the first start begins the chain with a key that only its owner can read; the next start has the same', async () => {
  const chain = await relay();
  const { kid, file } = chain.current();
  expect(statSync(file).mode & 0o777).toBe(0o600);
  expect(chain.links()).toEqual([{ kid, publicKey: chain.current().publicJwk }]);
  expect((await relay()).current().kid).toBe(kid);
  expect(await store.keys()).toHaveLength(1);
});

test('a rotated key waits, then signs without a restart, at its time and not at the next look', async () => {
  const chain = await relay();
  const before = chain.current().kid;
  const { key, activeAtMs } = await made(dayMs);
  expect(statSync(key.file).mode & 0o777).toBe(0o600);
  expect(activeAtMs).toBe(clock.nowMs() + dayMs);
  await later(dayMs - 1);
  expect(kids(chain.links())).toEqual([before, key.kid]);
  expect(chain.current().kid).toBe(before);
  await later(1);
  expect(chain.current().kid).toBe(key.kid);
  expect((await relay()).current().kid).toBe(key.kid);
});

test('each key is signed by the one before it, so that a kiosk that knows any of them can follow', async () => {
  const chain = await relay();
  for (let i = 0; i < 3; i++) await made(0);
  await later(keyCheckMs);
  const links = chain.links();
  expect(links).toHaveLength(4);
  for (const [i, link] of links.entries()) {
    const known = new Map([[link.kid, publicKeyOf(link)]]);
    expect(kids(await followLinks(known, links.slice(i + 1)))).toEqual(kids(links.slice(i + 1)));
    expect(await chain.after(link.kid)).toEqual(links.slice(i + 1));
  }
  expect(await chain.after('nobody')).toEqual(links);
  expect(await chain.after(undefined)).toEqual(links);
});

test('while one key waits there is no second rotation, also for two at once', async () => {
  await relay();
  const both = await Promise.all([0, 1].map(() => rotateKey({ stateDir: stateOf('a'), store }, 1)));
  expect(both.map(({ kind }) => kind).sort()).toEqual(['made', 'pending']);
  const { key } = both.find(({ kind }) => kind === 'made') as Rotation & { kind: 'made' };
  expect(await rotateKey({ stateDir: stateOf('a'), store }, 1)).toMatchObject({
    kind: 'pending',
    kid: key.kid,
  });
  expect(await store.keys()).toHaveLength(2);
  await later(1);
  expect(await rotateKey({ stateDir: stateOf('a'), store }, 1)).toMatchObject({ kind: 'made' });
});

test('a chain ends at the length that an enrolment answer can carry', async () => {
  await relay();
  for (let i = 1; i < maxLinks; i++) await made(0);
  expect(await rotateKey({ stateDir: stateOf('a'), store }, 0)).toEqual({ kind: 'full' });
  expect(await store.keys()).toHaveLength(maxLinks);
});

describe('two relays on one database', () => {
  test('one without a key of the chain does not start, and says which file it needs', async () => {
    const { kid } = (await relay('a')).current();
    const starting = relay('b');
    await expect(starting).rejects.toThrow(KeyFault);
    await expect(starting).rejects.toThrow(`relay-key-${kid}.pem`);
    expect(readdirSync(stateOf('b'))).toEqual([]);
    copyKeys('a', 'b');
    expect((await relay('b')).current().kid).toBe(kid);
  });

  test('of two that begin at once one has the chain and the other does not start', async () => {
    const both = await Promise.allSettled([relay('a'), relay('b')]);
    expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
    expect(await store.keys()).toHaveLength(1);
  });

  test('one that lacks the new private half goes on with the key before, counts a fault, and takes the file when it comes', async () => {
    const a = await relay('a');
    copyKeys('a', 'b');
    const b = await relay('b');
    const before = b.current().kid;
    const { key } = await made(dayMs, 'a');
    await later(keyCheckMs);
    expect(await faults()).toBe(0);
    await later(dayMs);
    expect(a.current().kid).toBe(key.kid);
    expect(b.current().kid).toBe(before);
    expect((await relay('b')).current().kid).toBe(before);
    expect(await faults()).toBeGreaterThan(0);
    expect(kids(b.links())).toEqual([before, key.kid]);
    copyFileSync(key.file, join(stateOf('b'), basename(key.file)));
    await later(keyCheckMs);
    expect(b.current().kid).toBe(key.kid);
  });

  test('one that has heard of no rotation yet looks again when a kiosk asks for more', async () => {
    const a = await relay('a');
    const known = a.current().kid;
    const { key } = await made(0);
    await later(1_000);
    expect(kids(await a.after(known))).toEqual([key.kid]);
  });

  test('rotation needs the newest key here', async () => {
    await relay('a');
    copyKeys('a', 'b');
    await made(0, 'a');
    await expect(made(0, 'b')).rejects.toThrow(KeyFault);
    expect(await store.keys()).toHaveLength(2);
  });
});

test('a restored database that has forgotten a rotation: the key before signs, and its own old signatures still count', async () => {
  const { kid } = (await relay()).current();
  const { key } = await made(0);
  await store.beginKeys((await store.keys())[0] ?? expect.fail('no first key'));
  const chain = await relay();
  expect(chain.current().kid).toBe(kid);
  const claims = { nonce: 'n', time: '2026-01-01T00:00:00.000Z' };
  const proof = await signProof('kios-time', claims, key);
  expect(await openProof(proof, 'kios-time', timeClaims, chain.trusted())).toEqual(claims);
});

test('a new chain links to nothing before it', async () => {
  const old = (await relay()).current();
  const key = await beginChain({ stateDir: stateOf('a'), store });
  const chain = await relay();
  expect(chain.current().kid).toBe(key.kid);
  const known = new Map([[old.kid, publicKeyOf({ publicKey: old.publicJwk })]]);
  await expect(followLinks(known, await chain.after(old.kid))).rejects.toThrow();
});

describe('a running relay', () => {
  let setting: Setting;
  beforeEach(async () => {
    setting = await startSetting();
  });
  afterEach(async () => {
    await setting.stop();
  });

  test('takes up a rotation: new proofs by the new key, which an enrolled kiosk can follow to; old proofs stay good', async () => {
    const kiosk = await setting.kiosk('ksk01');
    expect(kiosk.enrolled.keys).toHaveLength(1);
    const saleId = kiosk.newSaleId();
    const { sale: before } = await kiosk.put(saleId, 15_000);
    await pay(setting, before.qrString ?? '');
    await kiosk.until(saleId, 'paid');

    const known = kiosk.enrolled.keys[0]?.kid ?? '';
    const side = await openStore(await connectDatabase(setting.config.store, systemClock), 'x');
    const rotation = await rotateKey({ stateDir: setting.config.stateDir, store: side }, 0);
    await side.close();
    // The relay looks again because a kiosk asks for more than it has.
    const keys = await vi.waitFor(async () => {
      const answer = await fetch(`${setting.relayUrl}/v1/keys?after=${known}`);
      const more = keysAnswer.parse(await answer.json());
      expect(more.keys).toHaveLength(1);
      return more.keys;
    }, 5_000);
    const document = await kiosk.get(saleId);
    expect(decodeProtectedHeader(document.proof).kid).toBe(keys[0]?.kid);
    await expect(kiosk.verify(document)).rejects.toThrow();
    expect(rotation).toMatchObject({ kind: 'made', key: { kid: keys[0]?.kid } });
    const trusted = new Map(kiosk.keys);
    for (const link of await followLinks(trusted, keys)) trusted.set(link.kid, publicKeyOf(link));
    const expected = { kioskId: 'ksk01', environment: 'sandbox' };
    expect(await verifySale(document, expected, trusted)).toMatchObject({ verdict: 'paid' });
    expect(await verifySale(before, expected, trusted)).toMatchObject({ verdict: 'pending' });
    expect((await setting.kiosk('ksk02')).enrolled.keys).toHaveLength(2);
  });
});
