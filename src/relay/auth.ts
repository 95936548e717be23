// Who is calling: a kiosk's own token, checked against the key of its enrolment. One check for HTTP and for MQTT.
import { createPublicKey, type KeyObject } from 'node:crypto';
import { type Clock } from '../lib/clock.ts';
import { KiosError } from '../protocol/errors.ts';
import { claimedKiosk, verifyKioskToken, type TokenAudience } from '../protocol/token.ts';
import { type KioskRow } from './store/schema.ts';
import { type Store } from './store/store.ts';

export interface Auth {
  /**
   * The kiosk that signed this token, for this door: the broker's owner sees its tokens, so they open no other.
   * @throws KiosError `unauthorised`, `clock-skew`, `kiosk-revoked` or `kiosk-cloned`.
   */
  kioskOf(token: string, audience: TokenAudience): Promise<KioskRow>;
}

/** Longest token that is looked at; ours are about 300 characters. */
const maxTokenLength = 2048;

export function createAuth(store: Store, clock: Clock): Auth {
  return {
    async kioskOf(token, audience) {
      if (token.length > maxTokenLength)
        throw new KiosError('unauthorised', 'the token is too long');
      const kioskId = claimedKiosk(token);
      const kiosk = kioskId === undefined ? undefined : await store.kiosk(kioskId);
      if (kiosk === undefined) throw new KiosError('unauthorised', 'no kiosk that is known here');
      const key = keyOf(kiosk.publicKey);
      const claims = await verifyKioskToken(token, key, clock.nowMs(), audience);
      if (kiosk.revokedAtMs !== null)
        throw new KiosError('kiosk-revoked', 'enrol this kiosk again');
      if (kiosk.bootId !== claims.boot) {
        const boot = await store.noteBoot(kiosk.kioskId, claims.boot);
        if (boot === 'replaced') {
          throw new KiosError('kiosk-cloned', 'a newer boot of this kiosk has been here since');
        }
      }
      return kiosk;
    },
  };
}

function keyOf(x: string): KeyObject {
  return createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x }, format: 'jwk' });
}
