// The relays' signing keys: the same ones in each run and each process, as files, because that is how relays read them.
import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { publicJwk, type ChainKey } from '../../src/protocol/api.ts';
import { signLink } from '../../src/protocol/key-chain.ts';
import { fileNameOf } from '../../src/relay/signing-key.ts';
import type { KeyRow } from '../../src/relay/store/schema.ts';
import { keyOf, publicOf } from './chance.ts';

/** The first and those of two rotations. */
const names = ['relay-1', 'relay-2', 'relay-3'] as const;
export const maxRotations = names.length - 1;

interface RelayKey {
  kid: string;
  privateKey: ReturnType<typeof keyOf>;
  publicKey: ChainKey['publicKey'];
}

const keys: readonly RelayKey[] = names.map((name) => {
  const privateKey = keyOf(name);
  const publicKey = publicJwk.parse(publicOf(privateKey).export({ format: 'jwk' }));
  // RFC 7638 §3, as src/relay/signing-key.ts names its keys.
  const { crv, kty, x } = publicKey;
  const kid = createHash('sha256').update(JSON.stringify({ crv, kty, x })).digest('base64url');
  return { kid, privateKey, publicKey };
});

let folder: string | undefined;

/** Removed with the process. */
export function relayKeyFolder(): string {
  if (folder !== undefined) return folder;
  const made = mkdtempSync(join(tmpdir(), 'kios-sim-'));
  process.on('exit', () => {
    rmSync(made, { recursive: true, force: true });
  });
  keys.forEach(({ kid, privateKey }, place) => {
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' });
    writeFileSync(join(made, place === 0 ? 'relay-key.pem' : fileNameOf(kid)), pem);
  });
  folder = made;
  return made;
}

/** What kiosks are given at enrolment, before any rotation. */
export function firstLink(): ChainKey {
  const [{ kid, publicKey }] = keys as [RelayKey];
  return { kid, publicKey };
}

/** The next link of a chain that has so many, as `kios relay rotate-key` adds it; undefined: there are no more. */
export async function nextRow(
  links: number,
  nowMs: number,
  activeInMs: number,
): Promise<KeyRow | undefined> {
  const before = keys[links - 1];
  const next = keys[links];
  if (before === undefined || next === undefined) return undefined;
  const { signed } = await signLink(next, before);
  return {
    ...{
      kid: next.kid,
      place: links + 1,
      publicKey: next.publicKey.x,
      signed: signed ?? null,
    },
    ...{ createdAtMs: nowMs, activeAtMs: nowMs + activeInMs },
  };
}
