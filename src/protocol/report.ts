// The kiosk's own signature over what it did (PROTOCOL.md §6, §7): whoever carries its token must not be able to say for it
// that goods did not come out. Compact JWS, EdDSA. Computes, does no I/O.
import { type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { KiosError } from './errors.ts';
import { saleId } from './ids.ts';
import { openJws, signJws } from './jws.ts';

/** Longest signed report; ours have about 300 characters. */
export const maxReportLength = 1_024;

/** In the JWS header, so that a report is never taken for a token, nor a token for a report. */
const kind = 'kios-report';

const reportClaims = z.object({
  saleId,
  result: z.enum(['done', 'failed', 'unknown', 'abandoned']),
  /** The granted dispense that this is about; without it the sale's own. */
  dispenseId: z.string().max(64).optional(),
  /** A label: reports do not expire, because a kiosk may be off for days before it is heard. */
  iat: z.int(),
});

/** What a kiosk says of one dispense. */
export type SaleReport = Omit<z.infer<typeof reportClaims>, 'iat'>;

/** @param nowMs the wall clock. */
export function signReport(report: SaleReport, privateKey: KeyObject, nowMs: number): string {
  const iat = Math.floor(nowMs / 1000);
  return signJws({ typ: kind }, { ...report, iat }, privateKey);
}

/**
 * Checks that the kiosk has signed exactly this.
 * @throws KiosError `unauthorised`.
 */
export async function verifyReport(
  token: string,
  expected: SaleReport,
  publicKey: KeyObject,
): Promise<void> {
  const claims = await Promise.resolve(open(token, publicKey));
  const agrees =
    claims.saleId === expected.saleId &&
    claims.result === expected.result &&
    claims.dispenseId === expected.dispenseId;
  if (!agrees) throw new KiosError('unauthorised', 'the signature is over another report');
}

function open(token: string, publicKey: KeyObject): SaleReport {
  const opened = openJws(token, () => publicKey);
  if (opened === undefined) {
    throw new KiosError('unauthorised', 'the report was not signed by this kiosk');
  }
  if (opened.header.typ !== kind) {
    throw new KiosError('unauthorised', 'it was not signed as a report');
  }
  const parsed = reportClaims.safeParse(opened.claims);
  if (!parsed.success) throw new KiosError('unauthorised', 'the signed report has another shape');
  return parsed.data;
}
