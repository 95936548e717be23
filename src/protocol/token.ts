// The kiosk's own token: a JWT signed with the key that never leaves it (DESIGN.md §4). Computes, does no I/O.
import { createHash, type KeyObject } from 'node:crypto';
import { SignJWT, decodeJwt, errors as joseErrors, jwtVerify } from 'jose';
import { z } from 'zod';
import { KiosError } from './errors.ts';
import { kioskId } from './ids.ts';
import { plainText } from './plain-text.ts';

/** Longest life of a token, and the most that a kiosk's clock may be off. */
export const tokenLifeS = 300;
/** What a token opens. Whoever owns the broker sees the broker's tokens, so they must open nothing else. */
export type TokenAudience = 'kios-relay' | 'kios-broker';

const claims = z.object({
  sub: kioskId,
  /** The kiosk's boot: two live boots with one key are two copies of one card (PROTOCOL.md §8). */
  boot: plainText(64, 1),
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
  return new SignJWT({ boot: who.bootId })
    .setProtectedHeader({ alg: 'EdDSA' })
    .setSubject(who.kioskId)
    .setAudience(audience)
    .setIssuedAt(iat)
    .setExpirationTime(iat + tokenLifeS)
    .sign(privateKey);
}

/** Who a token claims to be, unverified: only good for finding the key to verify it with. */
export function claimedKiosk(token: string): string | undefined {
  try {
    return kioskId.safeParse(decodeJwt(token).sub).data;
  } catch (error) {
    if (error instanceof joseErrors.JOSEError || error instanceof TypeError) return undefined;
    throw error;
  }
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
  try {
    const { payload } = await jwtVerify(token, publicKey, {
      algorithms: ['EdDSA'],
      audience,
      currentDate: new Date(nowMs),
      clockTolerance: 5,
    });
    const parsed = claims.safeParse(payload);
    if (!parsed.success) throw new KiosError('unauthorised', 'the token lacks a claim');
    const { iat, exp } = parsed.data;
    if (exp - iat > tokenLifeS) throw new KiosError('unauthorised', 'the token lives too long');
    if (iat * 1000 > nowMs + tokenLifeS * 1000) {
      throw new KiosError('clock-skew', 'the token comes from the future');
    }
    return parsed.data;
  } catch (error) {
    if (error instanceof KiosError) throw error;
    if (error instanceof joseErrors.JWTExpired) {
      throw new KiosError('clock-skew', 'the token has expired', error);
    }
    throw new KiosError('unauthorised', 'the token does not verify', error);
  }
}

/** The nonce of the signed time on `401 clock-skew`: SHA-256 of the token, so that an old answer fits no new call. */
export function skewNonce(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}
