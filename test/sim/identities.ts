// Who the kiosks of all runs are: their keys, what enrolment gave them, and their rows at the relay.
import type { KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { writeIdentity, type Identity } from '../../src/kiosk/identity.ts';
import { publicJwk } from '../../src/protocol/api.ts';
import { startCursor } from '../../src/protocol/sale.ts';
import { hashCode } from '../../src/relay/fleet/codes.ts';
import type { Store } from '../../src/relay/store/store.ts';
import { keyOf, publicOf } from './chance.ts';
import { merchant } from './midtrans.ts';
import { firstLink } from './relay-keys.ts';
import { firstLedgerId } from './sim-store.ts';

const claimSecret = Buffer.alloc(32, 7).toString('base64url');
const limits = { minIdr: 1_000, maxIdr: 10_000_000 };

const privateKeys = new Map<string, KeyObject>();
const identities = new Map<string, Identity>();

function privateKeyOf(kioskId: string): KeyObject {
  const known = privateKeys.get(kioskId) ?? keyOf(kioskId);
  privateKeys.set(kioskId, known);
  return known;
}

/** What `kios enrol` left on its card. */
export function identityOf(kioskId: string): Identity {
  const known = identities.get(kioskId);
  if (known !== undefined) return known;
  const made: Identity = {
    relayUrl: `https://relay.example`,
    privateKeyPem: privateKeyOf(kioskId).export({ type: 'pkcs8', format: 'pem' }).toString(),
    enrolment: {
      ...{
        kioskId,
        environment: 'sandbox',
        ledgerId: firstLedgerId,
        keys: [firstLink()],
      },
      brokerUrl: 'mqtts://relay.example',
      merchant: { name: merchant.name, nmid: merchant.nmid, pan: merchant.pan },
      ...{ claimSecret, cursor: startCursor, limits },
    },
  };
  identities.set(kioskId, made);
  return made;
}

/** Enrols it at the relay, with its one-time code. */
export async function enrol(store: Store, kioskId: string): Promise<void> {
  const code = hashCode(kioskId);
  await store.addEnrolment(code, kioskId, 600_000);
  const key = publicJwk.parse(publicOf(privateKeyOf(kioskId)).export({ format: 'jwk' }));
  await store.enrol(code, key, {
    serial: null,
    claimSecret,
    brokerPassword: null,
  });
}

let folder: string | undefined;

/** Where its identity lies as a file, which learns of the relay's new keys. Fresh for each run. */
export function identityFolder(kioskId: string): string {
  if (folder === undefined) {
    const made = mkdtempSync(join(tmpdir(), 'kios-sim-cards-'));
    process.on('exit', () => {
      rmSync(made, { recursive: true, force: true });
    });
    folder = made;
  }
  const own = join(folder, kioskId);
  writeIdentity(own, identityOf(kioskId));
  return own;
}
