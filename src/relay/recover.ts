// The hop that takes back what a relay lost that was restored from a backup: its own signatures, from the kiosk's
// journal (PROTOCOL.md §8). It never charges; what became of the money, `reconcile` asks Midtrans.
import assert from 'node:assert';
import { type RecoverAnswer, type RecoverBody } from '../protocol/api.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { kioskOfSale } from '../protocol/ids.ts';
import {
  openProof,
  verdictClaims,
  type TrustedKeys,
  type VerdictClaims,
} from '../protocol/proof.ts';
import { cursorSeq } from '../protocol/sale.ts';
import { announce, type Hops } from './hops.ts';
import { type ProvenSale, type Recovery } from './ledger-recover.ts';
import { type Signer } from './proofs.ts';
import { type RecoveryStore } from './store/recovery.ts';
import { type KioskRow } from './store/schema.ts';

export interface RecoverParts {
  hops: Hops;
  store: RecoveryStore;
  keys: { trusted(): TrustedKeys };
  signer: Signer;
}

/** A kiosk that has a change every millisecond comes here after thirty years: a larger number is nonsense. */
const maxSeq = 1_000_000_000_000;

/** Sales in one durable step: its kiosk is locked for so long. */
const salesAStep = 50;

interface Posted {
  index: number;
  proven: ProvenSale;
}

type Refused = RecoverAnswer['refused'][number];

/** Recovers what a kiosk posts, one post of a kiosk at a time. @throws KiosError `recovering` to a second one meanwhile. */
export function createRecovery(
  parts: RecoverParts,
  saleLifeMs: number,
): (kiosk: KioskRow, body: RecoverBody) => Promise<RecoverAnswer> {
  const busy = new Set<string>();
  return async (kiosk, body) => {
    if (busy.has(kiosk.kioskId)) throw new KiosError('recovering', 'the last post is in work');
    busy.add(kiosk.kioskId);
    try {
      return await recoverAll(parts, kiosk, body, saleLifeMs);
    } finally {
      busy.delete(kiosk.kioskId);
    }
  };
}

async function recoverAll(
  parts: RecoverParts,
  kiosk: KioskRow,
  body: RecoverBody,
  saleLifeMs: number,
): Promise<RecoverAnswer> {
  const { store, hops, signer } = parts;
  const { kioskId } = kiosk;
  const { since } = body;
  if (since !== undefined && cursorSeq(since) > maxSeq) {
    throw new KiosError('bad-request', 'since: no relay has ever given such a number');
  }
  const { posted, refused } = await openAll(parts, kiosk, body, saleLifeMs);
  const seqs = posted.map(({ proven }) => proven.claims.seq);
  // Before any row moves: what moves takes a number that this kiosk has not heard of.
  await store.raiseSeq(kioskId, Math.max(0, ...seqs), since);
  let taken = 0;
  for (let from = 0; from < posted.length; from += salesAStep) {
    const step = posted.slice(from, from + salesAStep);
    const recoveries = await store.recoverSales(step.map(({ proven }) => proven));
    for (const [i, { index, proven }] of step.entries()) {
      const recovery = recoveries[i];
      assert(recovery !== undefined, 'each sale that was posted has its outcome');
      tell(hops, proven.claims.saleId, recovery);
      if (recovery.refusal !== undefined) refused.push({ index, code: recovery.refusal });
      if (recovery.refusal !== 'sale-mismatch') taken++;
    }
  }
  for (const { code } of refused) hops.metrics.recoveries.inc({ outcome: code });
  const recovering = await store.isRecovering(kioskId);
  hops.log.warn({ kioskId, taken, refused: refused.length, recovering }, 'kiosk.recovers');
  return { ledgerId: signer.ledgerId, taken, refused, recovering };
}

/** A bad proof is refused by its place; it does not take the others with it. */
async function openAll(
  parts: RecoverParts,
  kiosk: KioskRow,
  { sales }: RecoverBody,
  saleLifeMs: number,
): Promise<{ posted: Posted[]; refused: Refused[] }> {
  const keys = parts.keys.trusted();
  const posted: Posted[] = [];
  const refused: Refused[] = [];
  for (const [index, { proof, fulfilment }] of sales.entries()) {
    const opened = await open(proof, kiosk.kioskId, parts.signer.environment, keys);
    if ('refusal' in opened) {
      refused.push({ index, code: opened.refusal });
      continue;
    }
    const { claims } = opened;
    const formerLife = (claims.iat + 1) * 1000 <= kiosk.enrolledAtMs;
    // `unreported` is our own word: a kiosk that repeats it has nothing to report.
    const result = fulfilment === 'unreported' ? undefined : fulfilment;
    posted.push({ index, proven: { claims, fulfilment: result, formerLife, saleLifeMs } });
  }
  return { posted, refused };
}

/** What we have signed, if we have, for this kiosk and this kind of money. */
async function open(
  proof: string,
  kioskId: string,
  environment: string,
  keys: TrustedKeys,
): Promise<{ claims: VerdictClaims } | { refusal: ErrorCode }> {
  try {
    const claims = await openProof(proof, 'kios-verdict', verdictClaims, keys);
    if (claims.env !== environment) return { refusal: 'bad-proof' };
    const theirs = claims.kioskId === kioskId && kioskOfSale(claims.saleId) === kioskId;
    return theirs ? { claims } : { refusal: 'not-yours' };
  } catch (error) {
    if (error instanceof KiosError) return { refusal: error.code };
    throw error;
  }
}

function tell(hops: Hops, saleId: string, recovery: Recovery): void {
  hops.metrics.recoveries.inc({ outcome: recovery.how });
  const { decision, disputed } = recovery;
  if (disputed) {
    hops.metrics.faults.inc({ place: 'fulfilment-disputed' });
    hops.log.error({ saleId }, 'sale.fulfilment-disputed');
  }
  if (decision === undefined) return;
  const { verdict, fulfilment } = decision.row;
  hops.log.info({ saleId, how: recovery.how, verdict, fulfilment }, 'sale.recovered');
  announce(hops, decision);
}
