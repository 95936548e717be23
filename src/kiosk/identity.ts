// Who this kiosk is: what enrolment gave it, and the private key that never leaves it. One file, readable by its owner.
import {
  createPrivateKey,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
} from 'node:crypto';
import {
  chmodSync,
  existsSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { makeFolder } from '../lib/folder.ts';
import { userName } from '../lib/user-name.ts';
import { enrolAnswer, publicJwk, type PublicJwk } from '../protocol/api.ts';
import { KiosError } from '../protocol/errors.ts';
import type { TrustedKeys } from '../protocol/proof.ts';
import { isSafeAddress } from '../protocol/safe-address.ts';
import { siteName } from '../protocol/sheet.ts';

const identityFile = z.object({
  relayUrl: z.url(),
  privateKeyPem: z.string(),
  serial: z.string().optional(),
  site: siteName.optional(),
  enrolment: enrolAnswer,
});

/** An enrolled kiosk. */
export type Identity = z.infer<typeof identityFile>;

const identityPath = (stateDir: string): string => join(stateDir, 'identity.json');
const pendingKeyPath = (stateDir: string): string => join(stateDir, 'identity.key.pending');

/**
 * @param read for tests
 * @throws KiosError `not-enrolled`, `permission-denied` with what to do
 */
export function readIdentity(stateDir: string, read = readText): Identity {
  const path = identityPath(stateDir);
  let text: string;
  try {
    text = read(path);
  } catch (error) {
    throw unreadable(error, path, stateDir);
  }
  const parsed = identityFile.safeParse(parseJson(text));
  if (!parsed.success) {
    throw new KiosError('not-enrolled', `${path} is damaged; enrol again`, parsed.error);
  }
  const plain = plainLine(parsed.data);
  if (plain !== undefined) {
    throw new KiosError(
      'not-enrolled',
      `${plain}; mend that at the relay and enrol again, --force`,
    );
  }
  return parsed.data;
}

const readText = (path: string): string => readFileSync(path, 'utf8');

/** Only a file that is not there says that nobody has enrolled. */
function unreadable(error: unknown, path: string, stateDir: string): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') {
    const enrol = `run: kios enrol --relay URL --code CODE --state ${stateDir}`;
    return new KiosError('not-enrolled', `there is no ${path}; ${enrol}`);
  }
  if (code !== 'EACCES' && code !== 'EPERM') return error;
  const why = `the user ${userName()} may not read ${path}; use sudo`;
  return new KiosError('permission-denied', why, error);
}

/** Undefined for what is no JSON. */
function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Which line of this kiosk would be open to everybody on the way; undefined: none (DESIGN.md §5). */
export function plainLine({ relayUrl, enrolment }: Identity): string | undefined {
  if (!isSafeAddress(relayUrl, 'https:')) return `the relay's address ${relayUrl} is not https`;
  if (isSafeAddress(enrolment.brokerUrl, 'mqtts:')) return undefined;
  return `the broker's address ${enrolment.brokerUrl} is not mqtts`;
}

/**
 * @param stat for tests
 * @throws KiosError `permission-denied`: what may not be looked at is not what is not there
 */
export function hasIdentity(stateDir: string, stat = isThere): boolean {
  const path = identityPath(stateDir);
  try {
    return stat(path);
  } catch (error) {
    throw unreadable(error, path, stateDir);
  }
}

const isThere = (path: string): boolean => statSync(path, { throwIfNoEntry: false }) !== undefined;

/** Replaces the identity at once and for good (written beside it, synced, renamed). */
export function writeIdentity(stateDir: string, identity: Identity): void {
  writePrivate(identityPath(stateDir), `${JSON.stringify(identity, undefined, 2)}\n`);
}

/**
 * The key of an enrolment in progress: kept, so that the same code with the same key can be asked again when the answer
 * was lost on the way (PROTOCOL.md §8). Never the key of the identity that stands: a new life has a new one, or a copy of
 * this card would live on with the old.
 */
export function enrolmentKey(stateDir: string): { privateKeyPem: string; publicKey: PublicJwk } {
  const path = pendingKeyPath(stateDir);
  if (!existsSync(path) || isSpent(stateDir, readFileSync(path, 'utf8'))) {
    const { privateKey } = generateKeyPairSync('ed25519');
    writePrivate(path, privateKey.export({ type: 'pkcs8', format: 'pem' }).toString());
  }
  const privateKeyPem = readFileSync(path, 'utf8');
  const publicKey = createPublicKey(createPrivateKey(privateKeyPem)).export({ format: 'jwk' });
  return { privateKeyPem, publicKey: publicJwk.parse(publicKey) };
}

/** Whether the identity that stands has this key already. */
function isSpent(stateDir: string, privateKeyPem: string): boolean {
  if (!hasIdentity(stateDir)) return false;
  try {
    return readIdentity(stateDir).privateKeyPem === privateKeyPem;
  } catch (error) {
    if (!(error instanceof KiosError)) throw error;
    return false;
  }
}

/** The answer is kept: its key serves for no other enrolment. */
export function endEnrolment(stateDir: string): void {
  rmSync(pendingKeyPath(stateDir), { force: true });
}

export function privateKeyOf(identity: Identity): KeyObject {
  return createPrivateKey(identity.privateKeyPem);
}

/** The relay's keys that were pinned at enrolment. */
export function trustedKeys(identity: Identity): TrustedKeys {
  return new Map(
    identity.enrolment.keys.map(({ kid, publicKey }) => [
      kid,
      createPublicKey({ key: { ...publicKey }, format: 'jwk' }),
    ]),
  );
}

function writePrivate(path: string, text: string): void {
  makeFolder(dirname(path), 0o700);
  const beside = `${path}.new`;
  writeFileSync(beside, text, { mode: 0o600, flush: true });
  chmodSync(beside, 0o600);
  renameSync(beside, path);
}
