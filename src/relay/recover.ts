// The hop that takes back what a relay lost that was restored from a backup: its own signatures, from the kiosk's
// journal (PROTOCOL.md §8). It never charges; what became of the money, `reconcile` asks Midtrans.
import assert from 'node:assert';
import { type RecoverAnswer, type RecoverBody } from '../protocol/api.ts';
import { KiosError, type ErrorCode } from '../protocol/errors.ts';
import { kioskOfSale } from '../protocol/ids.ts';
import { openProof, verdictClaims, type TrustedKeys } from '../protocol/proof.ts';
import { verifyReport } from '../protocol/report.ts';
import { cursorSeq } from '../protocol/sale.ts';
import { publicKeyOf } from './auth.ts';
import { createBadPosts } from './bad-posts.ts';
import { announce, type Hops } from './hops.ts';
import { type ProvenSale, type Recovery } from './ledger-recover.ts';
import { type Signer } from './proofs.ts';
import { createQuietLog } from './quiet-log.ts';
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

interface OpenedSales {
  posted: Posted[];
  refused: Refused[];
}

export interface Recoveries {
  /** Recovers what a kiosk posts, one post of a kiosk at a time. @throws KiosError `recovering` to a second one meanwhile. */
  recover(kiosk: KioskRow, body: RecoverBody): Promise<RecoverAnswer>;
  /** Milliseconds for which this kiosk's sales are not looked at: it has posted too many that were never signed here. */
  heldOffMs(kioskId: string): number;
}

export function createRecovery(parts: RecoverParts, saleLifeMs: number): Recoveries {
  const { clock, log, metrics } = parts.hops;
  const busy = new Set<string>();
  const badPosts = createBadPosts(clock);
  const warn = createQuietLog(clock, log);

  function noteRefused({ kioskId }: KioskRow, refused: readonly Refused[]): void {
    const [first] = refused;
    if (first === undefined) return;
    badPosts.note(kioskId);
    metrics.faults.inc({ place: 'recovery-refused' });
    warn('recovery.refused', kioskId, { kioskId, refused: refused.length, code: first.code });
    const heldOffMs = badPosts.leftMs(kioskId);
    if (heldOffMs > 0) log.error({ kioskId, heldOffMs }, 'recovery.held-off');
  }

  return {
    heldOffMs: (kioskId) => badPosts.leftMs(kioskId),
    async recover(kiosk, body) {
      const { kioskId } = kiosk;
      if (busy.has(kioskId)) throw new KiosError('recovering', 'the last post is in work');
      busy.add(kioskId);
      try {
        const opened = await openAll(parts, kiosk, body, saleLifeMs);
        noteRefused(kiosk, opened.refused);
        return await recoverAll(parts, kiosk, body, opened);
      } finally {
        busy.delete(kioskId);
      }
    },
  };
}

async function recoverAll(
  parts: RecoverParts,
  kiosk: KioskRow,
  { since }: RecoverBody,
  { posted, refused }: OpenedSales,
): Promise<RecoverAnswer> {
  const { store, hops, signer } = parts;
  const { kioskId } = kiosk;
  if (since !== undefined && cursorSeq(since) > maxSeq) {
    throw new KiosError('bad-request', 'since: no relay has ever given such a number');
  }
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
  const told = { kioskId, taken, refused: refused.length, recovering };
  // A kiosk that only asks whether it is over, does so every few seconds.
  if (posted.length + refused.length > 0) hops.log.warn(told, 'kiosk.recovers');
  return { ledgerId: signer.ledgerId, taken, refused, recovering };
}

/** A bad proof is refused by its place; it does not take the others with it. */
async function openAll(
  parts: RecoverParts,
  kiosk: KioskRow,
  { sales }: RecoverBody,
  saleLifeMs: number,
): Promise<OpenedSales> {
  const keys = parts.keys.trusted();
  const posted: Posted[] = [];
  const refused: Refused[] = [];
  for (const [index, sale] of sales.entries()) {
    const opened = await open(sale, kiosk, parts.signer.environment, keys);
    if ('refusal' in opened) {
      refused.push({ index, code: opened.refusal });
      continue;
    }
    const formerLife = (opened.claims.iat + 1) * 1000 <= kiosk.enrolledAtMs;
    posted.push({ index, proven: { ...opened, formerLife, saleLifeMs } });
  }
  return { posted, refused };
}

type Opened = Pick<ProvenSale, 'claims' | 'fulfilment' | 'fulfilmentSigned'>;

/** What we have signed, if we have, for this kiosk and this kind of money; and what it says, and has signed, itself. */
async function open(
  { proof, fulfilment, signed }: RecoverBody['sales'][number],
  kiosk: KioskRow,
  environment: string,
  keys: TrustedKeys,
): Promise<Opened | { refusal: ErrorCode }> {
  const { kioskId } = kiosk;
  try {
    const claims = await openProof(proof, 'kios-verdict', verdictClaims, keys);
    const { saleId } = claims;
    if (claims.env !== environment) return { refusal: 'bad-proof' };
    if (claims.kioskId !== kioskId || kioskOfSale(saleId) !== kioskId) {
      return { refusal: 'not-yours' };
    }
    // `unreported` is our own word: a kiosk that repeats it has nothing to report.
    if (fulfilment === undefined || fulfilment === 'unreported') {
      return { claims, fulfilment: undefined };
    }
    if (signed === undefined) return { claims, fulfilment };
    await verifyReport(signed, { saleId, result: fulfilment }, publicKeyOf(kiosk));
    return { claims, fulfilment, fulfilmentSigned: true };
  } catch (error) {
    if (error instanceof KiosError) return { refusal: error.code };
    throw error;
  }
}

function tell(hops: Hops, saleId: string, recovery: Recovery): void {
  hops.metrics.recoveries.inc({ outcome: recovery.how });
  const { decision, disputed } = recovery;
  // What is told beside its decision, or was told before.
  if (disputed && decision?.alert !== 'fulfilment-disputed') {
    hops.metrics.faults.inc({ place: 'fulfilment-disputed' });
    hops.log.error({ saleId }, 'sale.fulfilment-disputed');
  }
  if (decision === undefined) return;
  const { verdict, fulfilment } = decision.row;
  hops.log.info({ saleId, how: recovery.how, verdict, fulfilment }, 'sale.recovered');
  announce(hops, decision);
}
