// Whom root believes: the relay's keys that it has pinned itself and what was signed with them since (PROTOCOL.md §1). The
// kiosk's identity is looked at once, for the first keys, at the first start that finds one; a kiosk that is broken into
// later changes nothing here.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { join } from 'node:path';
import { z } from 'zod';
import { chainKey, enrolAnswer, type ChainKey } from '../protocol/api.ts';
import { KiosError } from '../protocol/errors.ts';
import { openJws } from '../protocol/jws.ts';
import { followLinks, maxLinks, publicKeyOf } from '../protocol/key-chain.ts';
import type { ProofKind } from '../protocol/proof.ts';
import type { SignedRequest } from '../protocol/root-request.ts';
import { openSheet, siteName, type Sheet } from '../protocol/sheet.ts';
import { writeDurably } from '../lib/durable.ts';
import { readGuarded, readGuardedJson } from './read-guarded.ts';
import type { RootPlaces } from './root-places.ts';

/** 64 keys and what enrolment gives beside them. */
const maxIdentityBytes = 256 * 1024;

const pinned = z.object({ keys: z.array(chainKey).min(1).max(maxLinks) });
const identity = z.object({
  enrolment: enrolAnswer.pick({ kioskId: true, keys: true }),
  site: siteName.optional(),
});

/** The shim looks for it. */
const pinnedPath = (places: RootPlaces): string => join(places.kept, 'relay-keys.json');

/** The name that the kiosk goes by; undefined: it was never enrolled. A label: only signatures are believed. */
export function kioskIdOf(places: RootPlaces): string | undefined {
  return readIdentity(places)?.enrolment.kioskId;
}

/** The site that it belongs to. A label as well. */
export function siteOf(places: RootPlaces): string | undefined {
  return readIdentity(places)?.site;
}

/** At each start of the kiosk: nobody who breaks into it afterwards says whom root believes. */
export function pinFirstKeys(places: RootPlaces): void {
  const keys = readIdentity(places)?.enrolment.keys;
  if (keys !== undefined && readPinned(places) === undefined) writePinned(places, keys);
}

/**
 * Pins the keys of the identity that stands, in place of those pinned before: after an enrolment at another relay.
 * @throws KiosError `not-enrolled`
 */
export function pinKeys(places: RootPlaces): readonly ChainKey[] {
  const keys = readIdentity(places)?.enrolment.keys;
  if (keys === undefined) throw new KiosError('not-enrolled', `there is no ${places.identity}`);
  writePinned(places, keys);
  return keys;
}

/**
 * What a signed request says, as `kind`, in this shape. Undefined: by nobody whom root believes, of another kind or shape.
 * @param alsoOperator the key that provisioning brought serves, too: a kiosk without Wi-Fi cannot be enrolled yet.
 */
export async function openSigned<T>(
  places: RootPlaces,
  { token, links = [] }: SignedRequest,
  kind: ProofKind | 'kios-net',
  shape: z.ZodType<T>,
  alsoOperator = false,
): Promise<T | undefined> {
  const trusted = await trustedWith(places, links);
  const operator = alsoOperator ? readKey(places.operatorKey) : undefined;
  const opened = openJws(token, ({ kid, typ }) =>
    typ === kind ? (trusted.get(kid ?? '') ?? operator) : undefined,
  );
  return shape.safeParse(opened?.claims).data;
}

/** The same for a sheet that a scanner has read: by the relay, or the key that provisioning brought. */
export async function openSignedSheet(
  places: RootPlaces,
  { token, links = [] }: SignedRequest,
): Promise<Sheet | undefined> {
  const trusted = [...(await trustedWith(places, links)).values()];
  const operator = readKey(places.operatorKey);
  return openSheet(token, operator === undefined ? trusted : [...trusted, operator]);
}

/** A PEM file of root's; undefined when there is none. @throws Error when it holds no public key */
export function readKey(path: string): KeyObject | undefined {
  const pem = readGuarded(path, maxIdentityBytes);
  return pem === undefined ? undefined : createPublicKey(pem);
}

async function trustedWith(
  places: RootPlaces,
  links: readonly ChainKey[],
): Promise<ReadonlyMap<string, KeyObject>> {
  const stored = readPinned(places);
  const keys = stored ?? readIdentity(places)?.enrolment.keys ?? [];
  const trusted = new Map(keys.map((key) => [key.kid, publicKeyOf(key)]));
  if (keys.length === 0) return trusted;
  const fresh = await followLinks(trusted, links).catch((error: unknown) => {
    if (!(error instanceof KiosError)) throw error;
    return [];
  });
  const all = [...keys, ...fresh].slice(0, maxLinks);
  if (stored === undefined || fresh.length > 0) writePinned(places, all);
  return new Map(all.map((key) => [key.kid, publicKeyOf(key)]));
}

function readPinned(places: RootPlaces): readonly ChainKey[] | undefined {
  return pinned.safeParse(readGuardedJson(pinnedPath(places), maxIdentityBytes)).data?.keys;
}

function writePinned(places: RootPlaces, keys: readonly ChainKey[]): void {
  writeDurably(pinnedPath(places), `${JSON.stringify({ keys })}\n`);
}

function readIdentity(places: RootPlaces): z.infer<typeof identity> | undefined {
  return identity.safeParse(readGuardedJson(places.identity, maxIdentityBytes)).data;
}
