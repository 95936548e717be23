// What a kiosk posts after a restore, and what is made of it, in few words, for their tables.
import { type VerdictClaims } from '../../src/protocol/proof.ts';
import { type Verdict } from '../../src/protocol/verdict.ts';
import { type ProvenSale, type Recovery } from '../../src/relay/ledger-recover.ts';
import { type Decision } from '../../src/relay/ledger-rules.ts';
import { at, saleId } from './ledger-rows.ts';

export const hourMs = 3_600_000;
export const later = at + hourMs;

export function proven(
  verdict: Verdict,
  more: Partial<ProvenSale> = {},
  signed: Partial<VerdictClaims> = {},
): ProvenSale {
  const claims: VerdictClaims = {
    ...{ env: 'sandbox', saleId, kioskId: 'ksk01', amountIdr: 15_000, verdict, seq: 7 },
    iat: at / 1000,
    ...signed,
  };
  return { claims, fulfilment: undefined, formerLife: false, saleLifeMs: 180_000, ...more };
}

export function decisionOf(recovery: Recovery): Decision {
  if (recovery.decision === undefined) throw new Error('nothing to store');
  return recovery.decision;
}

/** `<how> <verdict> <fulfilment>` and the claim that opens, `!` where it is the operator's alone. */
export function summary(recovery: Recovery): string {
  const { decision, how } = recovery;
  if (decision === undefined) return how;
  const { row, claim } = decision;
  const words = [how, row.verdict, row.fulfilment ?? '-'];
  if (claim?.do === 'open') words.push(`+${claim.kind}${claim.operatorOnly ? '!' : ''}`);
  if (claim?.do === 'close') words.push(`-${claim.as}`);
  if (claim?.do === 'dispute' || claim?.do === 'redeemed') words.push(claim.do);
  return words.join(' ');
}
