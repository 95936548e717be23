// How the kiosk takes in the relay's new keys, against a real HTTP server that keeps the chain, or lies about it.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { readIdentity, trustedKeys, writeIdentity } from '../../src/kiosk/identity.ts';
import { createRelayKeys, type RelayKeys } from '../../src/kiosk/key-chain.ts';
import { createRelayClient } from '../../src/kiosk/relay-client.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { publicJwk, type ChainKey, type PublicJwk } from '../../src/protocol/api.ts';
import { signLink } from '../../src/protocol/key-chain.ts';
import { signProof } from '../../src/protocol/proof.ts';
import { VirtualClock } from '../lib/virtual-clock.ts';
import { saleA } from './machine.ts';
import { identityFor, relayKey, signedSale } from './signer.ts';

interface TestKey {
  kid: string;
  privateKey: KeyObject;
  publicKey: PublicJwk;
}

function makeKey(kid: string, pair = generateKeyPairSync('ed25519')): TestKey {
  const publicKey = publicJwk.parse(pair.publicKey.export({ format: 'jwk' }));
  return { kid, privateKey: pair.privateKey, publicKey };
}

/** What enrolment pinned, and two rotations since. */
const first = makeKey('k1', relayKey);
const second = makeKey('k2');
const third = makeKey('k3');
const fourth = makeKey('k4');

let stateDir: string;
let server: Server;
let relayUrl: string;
/** What the relay, or whoever pretends to be it, says its chain is. */
let chain: ChainKey[];
let asked: string[];
let clock: VirtualClock;

beforeEach(async () => {
  stateDir = mkdtempSync(join(tmpdir(), 'kios-keys-'));
  asked = [];
  clock = new VirtualClock();
  chain = [await signLink(second, first), await signLink(third, second)];
  server = createServer((request, response) => {
    asked.push(request.url ?? '');
    if (request.url?.startsWith('/v1/keys') === true) {
      response.end(JSON.stringify({ keys: chain }));
      return;
    }
    void saleSignedBy(third, String(request.headers['kios-nonce'])).then((document) =>
      response.end(JSON.stringify(document)),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  relayUrl = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  writeIdentity(stateDir, identityFor(relayUrl));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(stateDir, { recursive: true, force: true });
});

function keysOfThisBoot(): RelayKeys {
  const identity = readIdentity(stateDir);
  return createRelayKeys({ identity, stateDir, clock, log: silentLog, random: () => 0 });
}

async function saleSignedBy({ kid, privateKey }: TestKey, nonce: string): Promise<unknown> {
  const document = await signedSale({ nonce });
  const { saleId, kioskId, amountIdr, verdict, seq } = document;
  const claims = { env: 'sandbox', saleId, kioskId, amountIdr, verdict, seq, nonce, iat: 1 };
  return { ...document, proof: await signProof('kios-verdict', claims, { kid, privateKey }) };
}

const proofBy = (key: TestKey): Promise<string> => signProof('kios-verdict', {}, key);
const kidsOnDisk = (): string[] => readIdentity(stateDir).enrolment.keys.map(({ kid }) => kid);

test('a kiosk that was off through two rotations believes the relay again, and the next boot need not ask', async () => {
  const keys = keysOfThisBoot();
  const client = createRelayClient({
    identity: readIdentity(stateDir),
    keys: keys.trusted,
    meetKey: (proof) => keys.meet(proof),
    bootId: 'boot-1',
    clock: systemClock,
    log: silentLog,
  });
  expect(await client.look(saleA)).toMatchObject({ ok: true, value: { verdict: 'paid' } });
  expect(asked).toEqual([`/v1/sales/${saleA}`, '/v1/keys?after=k1']);
  expect(kidsOnDisk()).toEqual(['k1', 'k2', 'k3']);

  const nextBoot = keysOfThisBoot();
  await nextBoot.meet(await proofBy(third));
  expect([...nextBoot.trusted.keys()]).toEqual(['k1', 'k2', 'k3']);
  expect(asked).toHaveLength(2);
  await nextBoot.meet(await proofBy(fourth));
  expect(asked.at(-1)).toBe('/v1/keys?after=k3');
});

test('a relay that gives the whole chain, as it does when it was restored, is followed from what is known', async () => {
  chain = [{ kid: first.kid, publicKey: first.publicKey }, ...chain];
  const keys = keysOfThisBoot();
  await keys.meet(await proofBy(third));
  expect([...keys.trusted.keys()]).toEqual(['k1', 'k2', 'k3']);
});

const stranger = makeKey('k2');
test.each<[string, () => Promise<ChainKey[]>]>([
  ['a link that a stranger has signed', async () => [await signLink(third, stranger)]],
  [
    'a link whose signature is over another key',
    async () => [{ ...(await signLink(second, first)), publicKey: third.publicKey }],
  ],
  [
    'a link under another name than it was signed for',
    async () => [{ ...(await signLink(second, first)), kid: 'k3' }],
  ],
  [
    'a link without a signature',
    () => Promise.resolve([{ kid: 'k3', publicKey: third.publicKey }]),
  ],
  [
    'a link signed for something else',
    async () => {
      const claims = { kid: third.kid, publicKey: third.publicKey };
      const signed = await signProof('kios-time', claims, first);
      return [{ ...claims, signed }];
    },
  ],
  [
    'another key under a known name',
    async () => [{ ...(await signLink(third, first)), kid: 'k1' }, await signLink(second, first)],
  ],
  ['a chain whose middle is missing', async () => [await signLink(third, second)]],
  [
    'a good link before a bad one',
    async () => [await signLink(second, first), await signLink(fourth, third)],
  ],
])('%s is refused, with all that came with it', async (_what, lie) => {
  chain = await lie();
  const keys = keysOfThisBoot();
  await keys.meet(await proofBy(third));
  expect(asked).toHaveLength(1);
  expect([...keys.trusted.keys()]).toEqual(['k1']);
  expect(kidsOnDisk()).toEqual(['k1']);
});

test('a refused chain is asked for again, and the true one is taken', async () => {
  const truth = chain;
  chain = [];
  const keys = keysOfThisBoot();
  await keys.meet(await proofBy(third));
  chain = truth;
  await keys.meet(await proofBy(third));
  expect(keys.trusted.has('k3')).toBe(false);
  await clock.advance(2_000);
  await keys.meet(await proofBy(third));
  expect(keys.trusted.has('k3')).toBe(true);
});

test('whoever names unknown keys in every answer makes the kiosk ask seldom', async () => {
  chain = [];
  const keys = keysOfThisBoot();
  const minutes = 30;
  for (let second = 0; second < minutes * 60; second++) {
    await keys.meet(await proofBy(makeKey(`x${second}`)));
    await clock.advance(1_000);
  }
  expect(asked.length).toBeLessThan(minutes * 2 + 10);
});

test('a page of sales by a new key is one question', async () => {
  const keys = keysOfThisBoot();
  const proof = await proofBy(third);
  await Promise.all(Array.from({ length: 100 }, () => keys.meet(proof)));
  expect(asked).toHaveLength(1);
  expect(keys.trusted.has('k3')).toBe(true);
});

test('what is no proof asks nobody', async () => {
  const keys = keysOfThisBoot();
  for (const text of ['', 'x', 'a.b.c', await proofBy(first)]) await keys.meet(text);
  expect(asked).toEqual([]);
});

test('an enrolment beside the running kiosk keeps its own keys', async () => {
  const keys = keysOfThisBoot();
  const fresh = identityFor(relayUrl);
  const { privateKey } = generateKeyPairSync('ed25519');
  const privateKeyPem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  writeIdentity(stateDir, { ...fresh, privateKeyPem });
  await keys.meet(await proofBy(third));
  expect([...trustedKeys(readIdentity(stateDir)).keys()]).toEqual(['k1']);
});
