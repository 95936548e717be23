// Who is calling: a kiosk's own token, checked against the key of its enrolment. One check for HTTP and for MQTT.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Clock } from '../lib/clock.ts';
import { KiosError } from '../protocol/errors.ts';
import {
  claimedKiosk,
  verifyKioskToken,
  type KioskClaims,
  type TokenAudience,
} from '../protocol/token.ts';
import { type KioskRow } from './store/schema.ts';
import { type Store } from './store/store.ts';

export interface Auth {
  /**
   * The kiosk that signed this token, for this door: the broker's owner sees its tokens, so they open no other.
   * @param known told who it is before anything is written for it; what it throws is thrown.
   * @throws KiosError `unauthorised`, `clock-skew`, `kiosk-revoked`, `kiosk-cloned`, or `rate-limited`: it boots too often.
   */
  kioskOf(
    token: string,
    audience: TokenAudience,
    known?: (kioskId: string) => Promise<void>,
  ): Promise<KioskRow & { bootId: string }>;
}

/** Longest token that is looked at; ours are about 300 characters. */
const maxTokenLength = 2048;
/** A kiosk uses a token for minutes: its signature is checked once. As many as kiosks talk to one relay at a time. */
const maxRemembered = 20_000;

export interface AuthTold {
  /** Of every call of a boot that was replaced. @param bootId the boot that lives */
  replaced(kioskId: string, bootId: string): void;
  /** Of every call of a copy, which is answered only afterwards: two machines have one card. */
  cloned(kioskId: string): Promise<void>;
  /** Of every call of a kiosk that begins anew too often. */
  reboots(kioskId: string): void;
}

export function createAuth(store: Store, clock: Clock, told: AuthTold): Auth {
  // By key, door and token: a kiosk that enrols again, with another key, is looked at anew.
  const remembered = new Map<string, KioskClaims>();

  async function verify(token: string, x: string, audience: TokenAudience): Promise<KioskClaims> {
    const name = `${x} ${audience} ${token}`;
    const known = remembered.get(name);
    if (known !== undefined && known.exp * 1000 > clock.nowMs()) return known;
    const claims = await verifyKioskToken(
      token,
      publicKeyOf({ publicKey: x }),
      clock.nowMs(),
      audience,
    );
    if (remembered.size >= maxRemembered) remembered.clear();
    remembered.set(name, claims);
    return claims;
  }

  /** Another boot than the one that lives: it is the new one, or it is not answered. */
  async function noteBoot({ kioskId, bootId }: KioskRow, claims: KioskClaims): Promise<void> {
    const signed = { bootId: claims.boot, signedAtMs: claims.iat * 1000 };
    const boot = await store.noteBoot(kioskId, signed);
    switch (boot) {
      case 'live':
        return;
      case 'replaced':
      case 'copy':
        if (bootId !== null) told.replaced(kioskId, bootId);
        if (boot === 'copy') await told.cloned(kioskId);
        throw new KiosError('kiosk-cloned', 'a newer boot of this kiosk has been here since');
      case 'late':
        // Whoever is alive and has a clock that is behind learns the time from this, and is heard.
        throw new KiosError('clock-skew', 'the token is older than the boot that lives');
      case 'too-many':
        told.reboots(kioskId);
        throw new KiosError('rate-limited', 'this kiosk has begun anew too often today');
    }
  }

  return {
    async kioskOf(token, audience, known) {
      if (token.length > maxTokenLength)
        throw new KiosError('unauthorised', 'the token is too long');
      const kioskId = claimedKiosk(token);
      const kiosk = kioskId === undefined ? undefined : await store.kiosk(kioskId);
      if (kiosk === undefined) throw new KiosError('unauthorised', 'no kiosk that is known here');
      const claims = await verify(token, kiosk.publicKey, audience);
      if (kiosk.revokedAtMs !== null)
        throw new KiosError('kiosk-revoked', 'enrol this kiosk again');
      await known?.(kiosk.kioskId);
      if (kiosk.bootId !== claims.boot) await noteBoot(kiosk, claims);
      return { ...kiosk, bootId: claims.boot };
    },
  };
}

/** The key of its enrolment. */
export function publicKeyOf({ publicKey: x }: Pick<KioskRow, 'publicKey'>): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
