// The kiosk's own token: a JWT signed with the key that never leaves it (DESIGN.md §4). Computes, does no I/O.
import { createHash, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { KiosError } from './errors.ts';
import { kioskId } from './ids.ts';
import { claimsUnverified, openJws, signJws } from './jws.ts';
import { plainText } from './plain-text.ts';

/** Longest life of a token, and the most that a kiosk's clock may be off. */
export const tokenLifeS = 300;
/** Of an expiry, for two clocks that agree. */
const toleranceS = 5;
/** RFC 7519 §5.1: what a token's header may say, if anything. */
const tokenTypes: ReadonlySet<string | undefined> = new Set([undefined, 'JWT']);
/** What a token opens. Whoever owns the broker sees the broker's tokens, so they must open nothing else. */
export type TokenAudience = 'kios-relay' | 'kios-broker';

const claims = z.object({
  sub: kioskId,
  /** The kiosk's boot: two live boots with one key are two copies of one card (PROTOCOL.md §8). */
  boot: plainText(64, 1),
  aud: z.string(),
  iat: z.int(),
  exp: z.int(),
});
export type KioskClaims = z.infer<typeof claims>;

/** Makes a token that lives five minutes from `nowMs` (the wall clock, already corrected by the relay's offset). */
export async function signKioskToken(
  who: { kioskId: string; bootId: string },
  privateKey: KeyObject,
  nowMs: number,
  audience: TokenAudience = 'kios-relay',
): Promise<string> {
  const iat = Math.floor(nowMs / 1000);
  const { kioskId: sub, bootId: boot } = who;
  const times = { iat, exp: iat + tokenLifeS };
  return Promise.resolve(signJws({}, { boot, sub, aud: audience, ...times }, privateKey));
}

const subject = z.object({ sub: kioskId });

/** Who a token claims to be, unverified: only good for finding the key to verify it with. */
export function claimedKiosk(token: string): string | undefined {
  return subject.safeParse(claimsUnverified(token)).data?.sub;
}

/**
 * Verifies a token against the kiosk's public key and the relay's clock.
 * @throws KiosError `clock-skew` when only the times are wrong, else `unauthorised`.
 */
export async function verifyKioskToken(
  token: string,
  publicKey: KeyObject,
  nowMs: number,
  audience: TokenAudience = 'kios-relay',
): Promise<KioskClaims> {
  // Asynchronous as signing is.
  return Promise.resolve(verify(token, publicKey, nowMs, audience));
}

function verify(
  token: string,
  publicKey: KeyObject,
  nowMs: number,
  audience: TokenAudience,
): KioskClaims {
  const opened = openJws(token, () => publicKey);
  // A JWS of another kind (a report) is no token.
  if (opened === undefined || !tokenTypes.has(opened.header.typ)) {
    throw new KiosError('unauthorised', 'the token does not verify');
  }
  const parsed = claims.safeParse(opened.claims);
  if (!parsed.success) throw new KiosError('unauthorised', 'the token lacks a claim');
  const { aud, iat, exp } = parsed.data;
  if (aud !== audience) throw new KiosError('unauthorised', 'the token is for another door');
  if (exp - iat > tokenLifeS) throw new KiosError('unauthorised', 'the token lives too long');
  const nowS = Math.floor(nowMs / 1000);
  if (exp <= nowS - toleranceS) throw new KiosError('clock-skew', 'the token has expired');
  if (iat * 1000 > nowMs + tokenLifeS * 1000) {
    throw new KiosError('clock-skew', 'the token comes from the future');
  }
  return parsed.data;
}

/** The nonce of the signed time on `401 clock-skew`: SHA-256 of the token, so that an old answer fits no new call. */
export function skewNonce(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
