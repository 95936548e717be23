// The relay's key chain (PROTOCOL.md §1): each key signed by its predecessor. Makes a link and follows links. No I/O.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { publicJwk, type ChainKey, type PublicJwk } from './api.ts';
import { KiosError } from './errors.ts';
import { openProof, signProof, type TrustedKeys } from './proof.ts';

/** Links of one chain, as the enrolment answer may carry them; a chain that is full is begun anew. */
export const maxLinks = 64;

/** `kios-key`: what the predecessor signs. */
const linkClaims = z.object({ kid: z.string().max(64), publicKey: publicJwk });

/** The next link, signed by the key before it. */
export async function signLink(
  next: { kid: string; publicKey: PublicJwk },
  predecessor: { kid: string; privateKey: KeyObject },
): Promise<ChainKey> {
  const { kid, publicKey } = next;
  return { kid, publicKey, signed: await signProof('kios-key', { kid, publicKey }, predecessor) };
}

/** A public key of the chain, ready to verify with. */
export function publicKeyOf({ publicKey }: Pick<ChainKey, 'publicKey'>): KeyObject {
  return createPublicKey({ key: { ...publicKey }, format: 'jwk' });
}

/**
 * Follows links from the keys that are trusted already; each must be signed by one of those, or by a link before it.
 * Links that are known are passed over. All of them or none.
 * @throws KiosError `bad-proof` when a link is unsigned, signed by a stranger, says another key than its signature, or
 *   gives a known name to another key.
 */
export async function followLinks(
  known: TrustedKeys,
  links: readonly ChainKey[],
): Promise<ChainKey[]> {
  const trusted = new Map(known);
  const fresh: ChainKey[] = [];
  for (const link of links) {
    const key = publicKeyOf(link);
    const standing = trusted.get(link.kid);
    if (standing !== undefined) {
      if (standing.equals(key)) continue;
      throw new KiosError('bad-proof', 'a known key has changed');
    }
    const claims = await openProof(link.signed ?? '', 'kios-key', linkClaims, trusted);
    if (claims.kid !== link.kid || claims.publicKey.x !== link.publicKey.x) {
      throw new KiosError('bad-proof', 'the link says another key than its signature');
    }
    trusted.set(link.kid, key);
    fresh.push(link);
  }
  return fresh;
}
