// Makes what the relay sends of a sale: the document and its proof, signed at the moment of sending (PROTOCOL.md §1).
import assert from 'node:assert';
import { type Environment } from '../protocol/api.ts';
import { qrHash, signProof } from '../protocol/proof.ts';
import { type Sale } from '../protocol/sale.ts';
import { isSettled } from '../protocol/verdict.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';
import { type SigningKey } from './signing-key.ts';

export interface Signer {
  environment: Environment;
  ledgerId: string;
  /** The key of the moment. */
  readonly key: SigningKey;
  nowMs(): number;
}

/**
 * The way a document leaves by. Durations count from the sending of a request and the nonce is the request's own, so
 * MQTT carries neither.
 */
export type Way = { by: 'mqtt' } | { by: 'http'; nonce: string | undefined };

/** The signed document of a sale. The QR is in it only while somebody may pay it. */
export async function saleDocument(signer: Signer, row: SaleRow, way: Way): Promise<Sale> {
  const nowMs = signer.nowMs();
  const payable = row.verdict === 'pending' && row.stop === null && row.qrString !== null;
  const qr = payable && row.qrString !== null ? { qrString: row.qrString } : {};
  const expiresInMs = Math.max(0, row.deadlineAtMs - nowMs);
  const { settledAgoMs, ...money } = moneyOf(row, nowMs);
  const durations =
    way.by === 'mqtt'
      ? {}
      : {
          ...(payable ? { expiresInMs } : {}),
          ...(settledAgoMs === undefined ? {} : { settledAgoMs }),
        };
  const nonce = way.by === 'mqtt' || way.nonce === undefined ? {} : { nonce: way.nonce };
  // A word without the kiosk's signature is for the operator: told to the kiosk, it would keep the goods back.
  const fulfilment = row.fulfilmentUnsigned === 1 ? null : row.fulfilment;
  const said = {
    saleId: row.saleId,
    kioskId: row.kioskId,
    amountIdr: row.amountIdr,
    verdict: row.verdict,
    ...(fulfilment === null ? {} : { fulfilment }),
    seq: row.seq,
  };
  const proof = await signProof(
    'kios-verdict',
    {
      env: signer.environment,
      ...said,
      ...(payable && row.qrString !== null ? { qr: qrHash(row.qrString) } : {}),
      ...durations,
      ...nonce,
      iat: Math.floor(nowMs / 1000),
    },
    signer.key,
  );
  return {
    ...said,
    prev: row.prev,
    ...qr,
    ...durations,
    ...money,
    ...(row.chargedAtMs === null ? {} : { chargedAt: instant(row.chargedAtMs) }),
    ...(row.reason === null ? {} : { reason: row.reason }),
    ledgerId: signer.ledgerId,
    proof,
  };
}

function moneyOf(row: SaleRow, nowMs: number): Partial<Sale> {
  if (!isSettled(row.verdict) || row.settledAtMs === null) return {};
  // Money whose age nobody knows must not look young: a kiosk would hand out goods for it in a new boot (PROTOCOL.md §6).
  const age =
    row.settledLearnt === 1
      ? {}
      : {
          settledAt: instant(row.settledAtMs),
          settledAgoMs: Math.max(0, nowMs - row.settledAtMs),
        };
  return {
    ...age,
    ...(row.issuer === null ? {} : { issuer: row.issuer }),
    ...(row.refundedIdr === 0 ? {} : { refundedIdr: row.refundedIdr }),
  };
}

/** One dispense for a claim (PROTOCOL.md §7). The same claim gives the same grant: it says when it was granted first. */
export function signGrant(signer: Signer, claim: ClaimRow): Promise<string> {
  const { saleId, kioskId, amountIdr, dispenseId, changedAtMs } = claim;
  assert(claim.state === 'redeeming' && dispenseId !== null, 'only a granted claim has a grant');
  const iat = Math.floor(changedAtMs / 1000);
  const claims = { env: signer.environment, saleId, kioskId, amountIdr, dispenseId, iat };
  return signProof('kios-grant', claims, signer.key);
}

/** That the result of a granted dispense is stored. `report.signed`: it came with the kiosk's signature. */
export function signHeard(
  signer: Signer,
  kioskId: string,
  report: { saleId: string; dispenseId: string; result: string; signed: boolean },
): Promise<string> {
  const iat = Math.floor(signer.nowMs() / 1000);
  return signProof('kios-heard', { env: signer.environment, kioskId, ...report, iat }, signer.key);
}

/** The relay's clock, bound to `nonce`. */
export function signTime(signer: Signer, nonce: string): Promise<string> {
  return signProof('kios-time', { nonce, time: instant(signer.nowMs()) }, signer.key);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
