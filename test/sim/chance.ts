// Takes over what node:crypto draws, signs and reads in this process, and its waits for a disk. Every random byte comes from
// the run's seed. A signature is a hash that stands for one, and believed only when its key's holder made it in this run.
import crypto, { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

interface Signed {
  text: Buffer;
  publicKey: KeyObject;
}

/** What `generateKeyPairSync` is given by RFC 8410 §7: an Ed25519 private key is these bytes and 32 more. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

/** Of a public key, for what is hashed in place of a signature. */
const names = new WeakMap<KeyObject, string>();
const publicKeys = new WeakMap<KeyObject, KeyObject>();
/** Reading a key costs as much as signing with it, and all runs have the same few. */
const read = new Map<string, KeyObject>();
const signedHere = new Map<string, Signed>();
let unit: () => number = () => {
  throw new Error('chance is drawn outside of a run');
};

/** From here on all chance of this process is drawn from `random`. */
export function drawChanceFrom(random: () => number): void {
  unit = random;
  signedHere.clear();
}

/** The same key for the same name, in every process. */
export function keyOf(name: string): KeyObject {
  const seed = crypto.createHash('sha256').update(name).digest();
  const key = Buffer.concat([pkcs8Head, seed]);
  return createPrivateKey({ key, format: 'der', type: 'pkcs8' });
}

function drawBytes(size: number): Buffer {
  return Buffer.from(Array.from({ length: size }, () => Math.floor(unit() * 256)));
}

/** Its public half. */
export function publicOf(key: KeyObject): KeyObject {
  const known = publicKeys.get(key);
  if (known !== undefined) return known;
  const made = createPublicKey(key);
  publicKeys.set(key, made);
  return made;
}

function nameOf(publicKey: KeyObject): string {
  const known = names.get(publicKey);
  if (known !== undefined) return known;
  const made = publicKey.export({ type: 'spki', format: 'der' }).toString('base64url');
  names.set(publicKey, made);
  return made;
}

/** As long as a signature of Ed25519 (RFC 8032 §5.1.6). */
function signAndRemember(text: Buffer, key: KeyObject): Buffer {
  const publicKey = publicOf(key);
  const signature = crypto.createHash('sha512').update(nameOf(publicKey)).update(text).digest();
  signedHere.set(signature.toString('latin1'), { text, publicKey });
  return signature;
}

function isSigned(text: Buffer, key: KeyObject, signature: Buffer): boolean {
  const known = signedHere.get(signature.toString('latin1'));
  if (known?.text.equals(text) !== true) return false;
  return known.publicKey === key || known.publicKey.equals(key);
}

/** Remembers what was read from the same text, or the same words of a JWK. */
function readOnce<S>(make: (source: S) => KeyObject): (source: S) => KeyObject {
  return (source) => {
    if (source instanceof crypto.KeyObject) return make(source);
    const name = `${make.name} ${typeof source === 'string' ? source : JSON.stringify(source)}`;
    const key = read.get(name) ?? make(source);
    read.set(name, key);
    return key;
  };
}

Object.assign(crypto, {
  createPrivateKey: readOnce(createPrivateKey),
  createPublicKey: readOnce(createPublicKey),
  sign: (_algorithm: null, text: Buffer, key: KeyObject) => signAndRemember(text, key),
  verify: (_algorithm: null, text: Buffer, key: KeyObject, signature: Buffer) =>
    isSigned(text, key, signature),
  randomBytes: drawBytes,
  randomUUID: () => {
    const hex = drawBytes(16).toString('hex');
    return hex.replace(/^(.{8})(.{4})(.{4})(.{4})/, '$1-$2-$3-$4-');
  },
});
// The card's sync would end on a thread of its own, in an order that no seed decides; a run has no disk to wait for.
Object.assign(fs, {
  fdatasync: (_file: number, done: (error: null) => void) => {
    queueMicrotask(() => {
      done(null);
    });
  },
  fsyncSync: () => undefined,
});
syncBuiltinESMExports();
