// Proofs: what the relay signs and the kiosk believes (PROTOCOL.md §1). Compact JWS, EdDSA. Computes, does no I/O.
import { createHash, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { environment } from './api.ts';
import { KiosError } from './errors.ts';
import { kioskId, saleId } from './ids.ts';
import { openJws, signJws } from './jws.ts';
import { amountIdr } from './money.ts';
import { fulfilment, type Sale } from './sale.ts';
import { verdict } from './verdict.ts';

/** What a signature is for. It stands in the JWS header, so that one kind is never taken for another. */
export type ProofKind =
  | 'kios-verdict'
  | 'kios-command'
  | 'kios-time'
  | 'kios-grant'
  | 'kios-heard'
  | 'kios-key'
  | 'kios-enrolled'
  | 'kios-config';

/** What the relay vouches for. `iat` is a label: proofs do not expire. */
export const verdictClaims = z.object({
  env: environment,
  saleId,
  kioskId,
  amountIdr,
  verdict,
  fulfilment: fulfilment.optional(),
  /** SHA-256, lower-case hex, of `qrString` or of the image's bytes. */
  qr: z.string().length(64).optional(),
  expiresInMs: z.int().min(0).optional(),
  settledAgoMs: z.int().min(0).optional(),
  /** The `Kios-Nonce` of the request that this answers: an old answer fits no new question. Never over MQTT. */
  nonce: z.string().max(64).optional(),
  seq: z.int().min(0),
  iat: z.int(),
});
export type VerdictClaims = z.infer<typeof verdictClaims>;

/** Header of a request whose answer is a sale: 16 to 64 characters that the kiosk made up for it, echoed in the proof. */
export const nonceHeader = 'kios-nonce';
export const nonce = z
  .string()
  .regex(/^[A-Za-z0-9_-]{16,64}$/, '16 to 64 letters, digits, - and _');

/** `kios-time`: the relay's clock, bound to the question by its nonce. */
export const timeClaims = z.object({ nonce: z.string(), time: z.iso.datetime({ precision: 3 }) });
export type TimeClaims = z.infer<typeof timeClaims>;

/** `kios-grant`: one dispense for a claim (PROTOCOL.md §7). */
export const grantClaims = z.object({
  env: environment,
  saleId,
  kioskId,
  amountIdr,
  dispenseId: z.string().max(64),
  iat: z.int(),
});

/** `kios-heard`: what became of a granted dispense was heard and stored (PROTOCOL.md §7). */
export const heardClaims = z.object({
  env: environment,
  saleId,
  kioskId,
  dispenseId: z.string().max(64),
  result: z.enum(['done', 'failed', 'unknown']),
  /** It came with the kiosk's own signature: nobody has taken that off on the way. */
  signed: z.boolean(),
  iat: z.int(),
});

/** The hash by which a proof names a QR. */
export function qrHash(qr: string | Uint8Array): string {
  return createHash('sha256').update(qr).digest('hex');
}

/** Signs claims with the relay's private Ed25519 key: a compact JWS. */
export function signProof(
  kind: ProofKind,
  claims: Record<string, unknown>,
  key: { kid: string; privateKey: KeyObject },
): Promise<string> {
  // The seam is asynchronous: a key that lies elsewhere may sign one day.
  return Promise.resolve(signJws({ kid: key.kid, typ: kind }, claims, key.privateKey));
}

/** The relay's public keys that a verifier trusts, by `kid`. */
export type TrustedKeys = ReadonlyMap<string, KeyObject>;

/**
 * Checks a signature and returns what was signed.
 * @throws KiosError `bad-proof` when the signature, its kind, its key or the shape of its claims is not ours.
 */
export async function openProof<T>(
  token: string,
  kind: ProofKind,
  claims: z.ZodType<T>,
  keys: TrustedKeys,
): Promise<T> {
  // Asynchronous as signing is.
  return Promise.resolve(open(token, kind, claims, keys));
}

function open<T>(token: string, kind: ProofKind, claims: z.ZodType<T>, keys: TrustedKeys): T {
  const opened = openJws(token, ({ kid }) => keys.get(kid ?? ''));
  if (opened === undefined) {
    throw new KiosError('bad-proof', 'the signature does not verify, or not by a known key');
  }
  const { typ } = opened.header;
  if (typ !== kind) throw new KiosError('bad-proof', `signed for ${String(typ)}`);
  const parsed = claims.safeParse(opened.claims);
  if (!parsed.success) throw new KiosError('bad-proof', 'the signed claims have another shape');
  return parsed.data;
}

/**
 * Checks that a sale document says exactly what its proof says: ids, amount, verdict, fulfilment, durations, number, QR.
 * @param expected.nonce of the request that the document answers; undefined for one that was not asked for.
 * @throws KiosError `bad-proof`.
 */
export async function verifySale(
  document: Sale,
  expected: { kioskId: string; environment: string; nonce?: string },
  keys: TrustedKeys,
): Promise<VerdictClaims> {
  const claims = await openProof(document.proof, 'kios-verdict', verdictClaims, keys);
  const qr = document.qrString === undefined ? undefined : qrHash(document.qrString);
  const agrees =
    claims.env === expected.environment &&
    claims.kioskId === expected.kioskId &&
    document.kioskId === expected.kioskId &&
    claims.saleId === document.saleId &&
    claims.amountIdr === document.amountIdr &&
    claims.verdict === document.verdict &&
    claims.fulfilment === document.fulfilment &&
    claims.seq === document.seq &&
    claims.expiresInMs === document.expiresInMs &&
    claims.settledAgoMs === document.settledAgoMs &&
    (expected.nonce === undefined || claims.nonce === expected.nonce) &&
    (qr === undefined || claims.qr === qr);
  if (!agrees) throw new KiosError('bad-proof', 'the sale says something else than its proof');
  return claims;
}

/** What a grant must say to move a motor (PROTOCOL.md §7). */
export type ExpectedGrant = Omit<z.infer<typeof grantClaims>, 'iat' | 'env'> & {
  environment: string;
};

/**
 * Checks that a grant is for exactly this dispense of this sale at this kiosk.
 * @throws KiosError `bad-proof`.
 */
export async function verifyGrant(
  token: string,
  expected: ExpectedGrant,
  keys: TrustedKeys,
): Promise<void> {
  const claims = await openProof(token, 'kios-grant', grantClaims, keys);
  const agrees =
    claims.env === expected.environment &&
    claims.kioskId === expected.kioskId &&
    claims.saleId === expected.saleId &&
    claims.amountIdr === expected.amountIdr &&
    claims.dispenseId === expected.dispenseId;
  if (!agrees) throw new KiosError('bad-proof', 'the grant is for another dispense');
}

/**
 * Checks that the relay has heard exactly this result, under the kiosk's own signature.
 * @throws KiosError `bad-proof`.
 */
export async function verifyHeard(
  token: string,
  expected: Omit<z.infer<typeof heardClaims>, 'iat' | 'env' | 'signed'> & { environment: string },
  keys: TrustedKeys,
): Promise<void> {
  const claims = await openProof(token, 'kios-heard', heardClaims, keys);
  const agrees =
    claims.env === expected.environment &&
    claims.kioskId === expected.kioskId &&
    claims.saleId === expected.saleId &&
    claims.dispenseId === expected.dispenseId &&
    claims.result === expected.result &&
    claims.signed;
  if (!agrees) throw new KiosError('bad-proof', 'something else was heard');
}
