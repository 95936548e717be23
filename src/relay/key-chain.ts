// The key chain of a running relay (PROTOCOL.md §1): which key signs now, which keys kiosks are told, and rotation.
// It takes up a rotation without a restart, and never stops signing because a newer key has not arrived here.
import assert from 'node:assert';
import { type KeyObject } from 'node:crypto';
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { type ChainKey } from '../protocol/api.ts';
import { maxLinks, publicKeyOf, signLink } from '../protocol/key-chain.ts';
import { type TrustedKeys } from '../protocol/proof.ts';
import { type Metrics } from './metrics.ts';
import {
  fileNameOf,
  firstKey,
  KeyFault,
  makeKey,
  readKeys,
  type SigningKey,
} from './signing-key.ts';
import { type KeyStore } from './store/keys.ts';
import { type KeyRow } from './store/schema.ts';

/** How late a rotation on another relay is seen at most; the new key waits longer than this before it signs. */
const pollMs = 60_000;
/** Questions of strangers make the relay look again no oftener than this. */
const lookAgainMs = 1_000;
/** Files that a relay without any is told of. */
const shownKeys = 2;

export interface KeyChainParts {
  stateDir: string;
  store: KeyStore & { nowMs(): number };
  clock: Clock;
  log: Log;
  metrics: Metrics;
}

/** Where a chain lies: its public half in the store, the private one in the folder. */
export type ChainPlace = Pick<KeyChainParts, 'stateDir' | 'store'>;

export interface KeyChain {
  /** The newest active key whose private half is here. */
  current(): SigningKey;
  /** All links, oldest first, those that are not active yet too. */
  links(): readonly ChainKey[];
  /** The links after this one; all of them when there is no such link. */
  after(kid: string | undefined): Promise<readonly ChainKey[]>;
  /** Every key by which this relay, or another one on its database, may ever have signed. */
  trusted(): TrustedKeys;
  stop(): void;
}

/** What this relay knows of the chain, and which of its keys are here. */
interface Known {
  rows: KeyRow[];
  held: ReadonlyMap<string, SigningKey>;
  signing: SigningKey;
}

/** @throws KeyFault when no key of this relay is in the chain of its database. */
export async function openKeyChain(parts: KeyChainParts): Promise<KeyChain> {
  const { stateDir, store, clock, log, metrics } = parts;
  const known = await loadChain(parts);
  const watch = watchMissing(parts);
  let readAtMs = clock.monotonicMs();
  let cancel: (() => void) | undefined;
  let stopped = false;

  function current(): SigningKey {
    const newest = newestActive(known, store.nowMs()) ?? known.signing;
    if (newest.kid !== known.signing.kid) log.info({ kid: newest.kid }, 'signing-key.active');
    known.signing = newest;
    return newest;
  }

  async function refresh(): Promise<void> {
    readAtMs = clock.monotonicMs();
    known.rows = await store.keys();
    const { rows, held } = known;
    if (rows.some(({ kid }) => !held.has(kid))) known.held = byKid(readKeys(stateDir));
    watch(known.rows.slice(placeOf(rows, current().kid)), known.held);
  }

  async function tick(): Promise<void> {
    try {
      await refresh();
    } catch (error) {
      metrics.faults.inc({ place: 'signing-key' });
      log.error({ error: String(error) }, 'signing-key.unread');
    }
    schedule();
  }

  function schedule(): void {
    if (!stopped) cancel = clock.after(pollMs, () => void tick());
  }

  await refresh();
  schedule();
  return {
    current,
    links: () => known.rows.map(linkOf),
    async after(kid) {
      // A kiosk that already has all that we know has heard of a rotation before us.
      const behind = placeOf(known.rows, kid) === known.rows.length;
      if (behind && clock.monotonicMs() - readAtMs >= lookAgainMs) await refresh();
      return known.rows.slice(placeOf(known.rows, kid)).map(linkOf);
    },
    trusted: () => trustedOf(known),
    stop() {
      stopped = true;
      cancel?.();
    },
  };
}

type Watch = (newer: readonly KeyRow[], held: ReadonlyMap<string, SigningKey>) => void;

/** Says which private halves must still be brought here; one that is overdue is a fault at every look. */
function watchMissing({ store, log, metrics }: KeyChainParts): Watch {
  const told = new Set<string>();
  return (newer, held) => {
    for (const { kid, activeAtMs } of newer) {
      if (held.has(kid)) continue;
      const overdue = activeAtMs <= store.nowMs();
      if (overdue) metrics.faults.inc({ place: 'signing-key' });
      const word = overdue ? 'signing-key.missing' : 'signing-key.awaited';
      if (told.has(word + kid)) continue;
      told.add(word + kid);
      const fields = { kid, file: fileNameOf(kid), activeAt: new Date(activeAtMs).toISOString() };
      if (overdue) log.error(fields, word);
      else log.warn(fields, word);
    }
  };
}

function trustedOf({ rows, held }: Known): TrustedKeys {
  return new Map<string, KeyObject>([
    // A rotation that a restored database has forgotten: its private half still lies here.
    ...[...held].map(([kid, key]) => [kid, publicKeyOf({ publicKey: key.publicJwk })] as const),
    ...rows.map((row) => [row.kid, publicKeyOf(linkOf(row))] as const),
  ]);
}

/** The key by which the relay of this folder signs now. @throws KeyFault also where no relay has ever started */
export async function signingKeyNow(place: ChainPlace): Promise<SigningKey> {
  const rows = await place.store.keys();
  if (rows.length === 0) throw new KeyFault('no relay has started here yet: start it once');
  return (await loadChain(place)).signing;
}

/** What `rotateKey` did, or why not. */
export type Rotation =
  | { kind: 'made'; key: SigningKey; activeAtMs: number }
  | { kind: 'pending'; kid: string; activeAtMs: number }
  | { kind: 'full' };

/**
 * Makes the next key here and adds its public half, signed by the newest one, to the chain of all relays.
 * @param activeInMs from when on it signs, by the store's clock.
 * @throws KeyFault when the newest key's private half is not here.
 */
export async function rotateKey(
  { stateDir, store }: ChainPlace,
  activeInMs: number,
): Promise<Rotation> {
  const { rows, held } = await readChain({ stateDir, store });
  const nowMs = store.nowMs();
  const newest = rows.at(-1);
  assert(newest !== undefined, 'a chain that was read has a first link');
  if (newest.activeAtMs > nowMs) {
    return { kind: 'pending', kid: newest.kid, activeAtMs: newest.activeAtMs };
  }
  const predecessor = held.get(newest.kid);
  if (predecessor === undefined) throw lostKey(stateDir, [newest]);
  if (rows.length >= maxLinks) return { kind: 'full' };
  const key = makeKey(stateDir);
  const link = await signLink({ kid: key.kid, publicKey: key.publicJwk }, predecessor);
  const activeAtMs = nowMs + activeInMs;
  const row = rowOf(key, newest.place + 1, nowMs, activeAtMs, link.signed ?? null);
  if (await store.addKey(row)) return { kind: 'made', key, activeAtMs };
  // Somebody else was quicker; the file that was made here is in no chain and signs nothing.
  const winner = (await store.keys()).at(-1);
  return { kind: 'pending', kid: winner?.kid ?? '', activeAtMs: winner?.activeAtMs ?? nowMs };
}

/** After a leak or a loss: a new key, and nothing before it. Every kiosk must be enrolled again (PROTOCOL.md §1). */
export async function beginChain({ stateDir, store }: ChainPlace): Promise<SigningKey> {
  const key = makeKey(stateDir);
  await store.beginKeys(rowOf(key, 1, store.nowMs(), store.nowMs(), null));
  return key;
}

/** The first relay's first start begins the chain; nobody else ever does. @throws KeyFault */
async function loadChain(parts: ChainPlace): Promise<Known> {
  const { rows, held } = await readChain(parts);
  const signing = newestActive({ rows, held }, parts.store.nowMs());
  if (signing === undefined) throw lostKey(parts.stateDir, rows.slice(-shownKeys));
  return { rows, held, signing };
}

async function readChain({ stateDir, store }: ChainPlace): Promise<Omit<Known, 'signing'>> {
  const rows = await store.keys();
  if (rows.length > 0) return { rows, held: byKid(readKeys(stateDir)) };
  const nowMs = store.nowMs();
  await store.addKey(rowOf(firstKey(stateDir), 1, nowMs, nowMs, null));
  return { rows: await store.keys(), held: byKid(readKeys(stateDir)) };
}

function rowOf(
  { kid, publicJwk }: SigningKey,
  place: number,
  createdAtMs: number,
  activeAtMs: number,
  signed: string | null,
): KeyRow {
  return { kid, place, publicKey: publicJwk.x, signed, createdAtMs, activeAtMs };
}

function linkOf({ kid, publicKey, signed }: KeyRow): ChainKey {
  return {
    kid,
    publicKey: { kty: 'OKP', crv: 'Ed25519', x: publicKey },
    ...(signed === null ? {} : { signed }),
  };
}

function byKid(keys: readonly SigningKey[]): ReadonlyMap<string, SigningKey> {
  return new Map(keys.map((key) => [key.kid, key]));
}

/** How many links there are up to this one and with it; 0 when it is none of them. */
function placeOf(rows: readonly KeyRow[], kid: string | undefined): number {
  return rows.findIndex((row) => row.kid === kid) + 1;
}

function newestActive(
  { rows, held }: Pick<Known, 'rows' | 'held'>,
  nowMs: number,
): SigningKey | undefined {
  const row = rows.findLast(({ kid, activeAtMs }) => activeAtMs <= nowMs && held.has(kid));
  return row === undefined ? undefined : held.get(row.kid);
}

function lostKey(stateDir: string, rows: readonly KeyRow[]): KeyFault {
  const wanted = rows.map(({ kid }) => fileNameOf(kid)).join(' or ');
  return new KeyFault(
    `no private key of this database's chain is in ${stateDir}. Copy it from another relay of yours, or from the backup: ` +
      `relay-key.pem or ${wanted} (chmod 600, owned by the relay's user). If it is lost for good: ` +
      'kios relay rotate-key --new-chain, after which every kiosk must be enrolled again',
  );
}
