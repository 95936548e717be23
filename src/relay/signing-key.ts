// The relay's own signing keys: files in the state directory, one a key, readable by their owner alone. A private half
// is never anywhere else.
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from '../lib/folder.ts';
import { publicJwk, type PublicJwk } from '../protocol/api.ts';

export interface SigningKey {
  /** RFC 7638 thumbprint of the public key. */
  kid: string;
  privateKey: KeyObject;
  publicJwk: PublicJwk;
  /** Where its private half lies. */
  file: string;
}

/** The key of the first start; those of rotations carry their `kid` in the name. */
const firstFile = 'relay-key.pem';
const keyFile = /^relay-key(-[A-Za-z0-9_-]{43})?\.pem$/;

/** Every key whose private half lies here. @throws Error naming a file that holds no Ed25519 key. */
export function readKeys(stateDir: string): SigningKey[] {
  makeFolder(stateDir, 0o700);
  const names = readdirSync(stateDir).filter((name) => keyFile.test(name));
  return names.map((name) => readKey(join(stateDir, name)));
}

/** The key of the first start: read, or made. Two relays on one directory end with the same one. */
export function firstKey(stateDir: string): SigningKey {
  makeFolder(stateDir, 0o700);
  const file = join(stateDir, firstFile);
  try {
    writeKey(file, generateKeyPairSync('ed25519').privateKey);
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error;
  }
  return readKey(file);
}

/** Makes one more key; it is on the disk when this returns. */
export function makeKey(stateDir: string): SigningKey {
  const { privateKey } = generateKeyPairSync('ed25519');
  const { kid, publicJwk: jwk } = named(privateKey);
  makeFolder(stateDir, 0o700);
  const file = join(stateDir, fileNameOf(kid));
  writeKey(file, privateKey);
  return { kid, privateKey, publicJwk: jwk, file };
}

/** The name under which every relay looks for the private half of this key. */
export function fileNameOf(kid: string): string {
  return `relay-key-${kid}.pem`;
}

function readKey(file: string): SigningKey {
  const pem = readFileSync(file, 'utf8');
  try {
    const privateKey = createPrivateKey(pem);
    return { ...named(privateKey), privateKey, file };
  } catch (error) {
    throw new KeyFault(`${file} holds no Ed25519 private key; restore it from its backup`, error);
  }
}

function named(privateKey: KeyObject): Pick<SigningKey, 'kid' | 'publicJwk'> {
  const jwk = publicJwk.parse(createPublicKey(privateKey).export({ format: 'jwk' }));
  // RFC 7638 §3: the required members alone, in the order of their names.
  const members = JSON.stringify({ crv: jwk.crv, kty: jwk.kty, x: jwk.x });
  return { kid: createHash('sha256').update(members).digest('base64url'), publicJwk: jwk };
}

/** `wx`: whoever comes first makes it. */
function writeKey(file: string, privateKey: KeyObject): void {
  const handle = openSync(file, 'wx', 0o600);
  try {
    writeSync(handle, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  // A name that the power took would leave a chain without its key.
  const folder = openSync(join(file, '..'), 'r');
  try {
    fsyncSync(folder);
  } finally {
    closeSync(folder);
  }
}

/** The keys do not allow what was asked; the message says what to do. */
export class KeyFault extends Error {
  /** The setting of the configuration that it is about. */
  readonly setting = 'stateDir';

  constructor(message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'KeyFault';
  }
}
