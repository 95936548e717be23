// The relay's own signing key: made on the first start, kept in the state directory, readable by its owner alone.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { closeSync, fsyncSync, mkdirSync, openSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { calculateJwkThumbprint } from 'jose';
import { publicJwk, type ChainKey, type PublicJwk } from '../protocol/api.ts';

export interface SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  kid: string;
  privateKey: KeyObject;
  publicJwk: PublicJwk;
}

const fileName = 'relay-key.pem';

/** Reads the key, or makes it. Two relays on one directory end with the same one. */
export async function loadSigningKey(stateDir: string): Promise<SigningKey> {
  mkdirSync(stateDir, { recursive: true, mode: 0o700 });
  const file = join(stateDir, fileName);
  const privateKey = createPrivateKey(readOrMake(file));
  const jwk = publicJwk.parse(createPublicKey(privateKey).export({ format: 'jwk' }));
  return { kid: await calculateJwkThumbprint(jwk), privateKey, publicJwk: jwk };
}

function readOrMake(file: string): string {
  try {
    const { privateKey } = generateKeyPairSync('ed25519');
    const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
    // `wx`: whoever comes first makes it.
    const handle = openSync(file, 'wx', 0o600);
    writeSync(handle, pem);
    fsyncSync(handle);
    closeSync(handle);
    return pem;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EEXIST') {
      return readFileSync(file, 'utf8');
    }
    throw error;
  }
}

/** The chain of public keys that kiosks are told. It has one link until keys are rotated. */
export function keyChain(key: SigningKey): ChainKey[] {
  return [{ kid: key.kid, publicKey: key.publicJwk }];
}
