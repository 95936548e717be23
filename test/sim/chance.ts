// Takes over what node:crypto draws and checks in this process, and its waits for a disk. Every random byte comes from the run's seed; a signature is
// real, and one that was made here for the same key and the same bytes is not computed a second time to be believed.
import crypto, { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

interface Signed {
  text: Buffer;
  publicKey: KeyObject;
}

/** What `generateKeyPairSync` is given by RFC 8410 §7: an Ed25519 private key is these bytes and 32 more. */
const pkcs8Head = Buffer.from('302e020100300506032b657004220420', 'hex');

const { sign, verify } = crypto;
const publicKeys = new WeakMap<KeyObject, KeyObject>();
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

function signAndRemember(text: Buffer, key: KeyObject): Buffer {
  const signature = sign(null, text, key);
  signedHere.set(signature.toString('latin1'), {
    text,
    publicKey: publicOf(key),
  });
  return signature;
}

function isSigned(text: Buffer, key: KeyObject, signature: Buffer): boolean {
  const known = signedHere.get(signature.toString('latin1'));
  if (known?.text.equals(text) === true && known.publicKey.equals(key)) return true;
  return verify(null, text, key, signature);
}

Object.assign(crypto, {
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
