// For tests of the kiosk's lines: a relay's key, an enrolled identity that trusts it, and sales signed by it.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { publicJwk } from '../../src/protocol/api.ts';
import { qrHash, signProof, type ProofKind } from '../../src/protocol/proof.ts';
import type { Sale } from '../../src/protocol/sale.ts';
import type { Identity } from '../../src/kiosk/identity.ts';
import { ledgerId, saleA } from './machine.ts';

export const relayKey = generateKeyPairSync('ed25519');
export const kioskKey = generateKeyPairSync('ed25519');

export function identityFor(relayUrl: string, brokerUrl = 'mqtt://127.0.0.1:1'): Identity {
  return {
    relayUrl,
    privateKeyPem: kioskKey.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    enrolment: {
      kioskId: 'ksk01',
      environment: 'sandbox',
      ledgerId,
      keys: [
        {
          kid: 'k1',
          publicKey: publicJwk.parse(
            createPublicKey(relayKey.privateKey).export({ format: 'jwk' }),
          ),
        },
      ],
      brokerUrl,
      merchant: { name: 'KIOS CONTOH', nmid: 'ID1099000000001', pan: '9360091400000000017' },
      claimSecret: Buffer.alloc(32, 7).toString('base64url'),
      cursor: '0.00000000',
      limits: { minIdr: 1, maxIdr: 10_000_000 },
    },
  };
}

export async function sign(
  kind: ProofKind,
  claims: Record<string, unknown>,
  key = relayKey.privateKey,
): Promise<string> {
  return signProof(kind, claims, { kid: 'k1', privateKey: key });
}

/** A sale document as the relay would send it in answer to `nonce`; `key` forges it. */
export async function signedSale(
  change: Partial<Sale> & { nonce?: unknown } = {},
  key = relayKey.privateKey,
): Promise<Sale> {
  const { nonce, ...said } = change;
  const document = {
    saleId: saleA,
    kioskId: 'ksk01',
    amountIdr: 15_000,
    verdict: 'paid' as const,
    seq: 1,
    prev: 0,
    ledgerId,
    ...said,
  };
  const { saleId, kioskId, amountIdr, verdict, seq, qrString, fulfilment } = document;
  const { expiresInMs, settledAgoMs } = document;
  const proof = await sign(
    'kios-verdict',
    {
      env: 'sandbox',
      saleId,
      kioskId,
      amountIdr,
      verdict,
      seq,
      iat: 1,
      ...(qrString === undefined ? {} : { qr: qrHash(qrString) }),
      ...(fulfilment === undefined ? {} : { fulfilment }),
      ...(expiresInMs === undefined ? {} : { expiresInMs }),
      ...(settledAgoMs === undefined ? {} : { settledAgoMs }),
      ...(nonce === undefined ? {} : { nonce }),
    },
    key,
  );
  return { ...document, proof };
}
