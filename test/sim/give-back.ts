// What src/relay/recover.ts and the claims' store do, on the store of a run. A proof is its claims as JSON: nobody forges
// here, and the real signatures are tested elsewhere.
import type { RecoverAnswer, RecoverBody } from '../../src/protocol/api.ts';
import { verdictClaims, type VerdictClaims } from '../../src/protocol/proof.ts';
import { cursorAfter, cursorSeq } from '../../src/protocol/sale.ts';
import { decideClaim } from '../../src/relay/ledger-claims.ts';
import type { ClaimDecision, ClaimEvent } from '../../src/relay/ledger-claim-rules.ts';
import { recoverSale } from '../../src/relay/ledger-recover.ts';
import type { SaleRow } from '../../src/relay/sale-row.ts';
import type { MemoryStore } from './memory-store.ts';
import { expiresInMs, type Said } from './relay-routes.ts';

export function proofOf(said: Said, nowMs: number): string {
  const { saleId, amountIdr, verdict, fulfilment, seq, settledAgoMs } = said;
  const claims: VerdictClaims = {
    ...{ env: 'sandbox', saleId, kioskId: kioskOf(saleId), amountIdr, verdict, seq },
    ...(fulfilment === undefined ? {} : { fulfilment }),
    ...(said.expiresInMs === undefined ? {} : { expiresInMs: said.expiresInMs }),
    ...(settledAgoMs === undefined ? {} : { settledAgoMs }),
    iat: Math.floor(nowMs / 1000),
  };
  return JSON.stringify(claims);
}

/** `POST /v1/recover`. */
export function giveBack(
  store: MemoryStore,
  kioskId: string,
  { sales, since }: RecoverBody,
): RecoverAnswer {
  const posted = sales.map(({ proof, fulfilment }) => {
    const claims = verdictClaims.parse(JSON.parse(proof));
    return { claims, fulfilment: fulfilment === 'unreported' ? undefined : fulfilment };
  });
  raiseSeq(store, kioskId, Math.max(0, ...posted.map(({ claims }) => claims.seq)), since);
  const refused: RecoverAnswer['refused'] = [];
  let taken = 0;
  posted.forEach((sale, index) => {
    const proven = { ...sale, formerLife: false, saleLifeMs: expiresInMs };
    const standing = store.sales.get(sale.claims.saleId);
    const recovery = recoverSale(standing, proven, store.nowMs());
    if (recovery.decision !== undefined) store.keep(recovery.decision);
    if (recovery.refusal !== undefined) refused.push({ index, code: recovery.refusal });
    if (recovery.refusal !== 'sale-mismatch') taken++;
  });
  const mine = [...store.sales.values()].filter((row) => row.kioskId === kioskId);
  const recovering = mine.some((row) => row.recovering === 1);
  return { ledgerId: store.ledgerId, taken, refused, recovering };
}

/** As src/relay/store/recovery.ts. */
function raiseSeq(store: MemoryStore, kioskId: string, seq: number, since?: string): void {
  const kiosk = store.kiosks.get(kioskId);
  if (kiosk === undefined) return;
  const stands = since === undefined ? seq : cursorSeq(since);
  const above = Math.max(seq, stands);
  if (kiosk.seq < above) store.kiosks.set(kioskId, { ...kiosk, seq: above });
  const mine = [...store.sales.values()].filter((row) => row.kioskId === kioskId);
  const mark = mine.find((row) => row.seq === cursorSeq(since ?? '0.') && row.seq > 0);
  if (mark !== undefined && cursorAfter(mark) === since) return;
  const unheard = mine
    .filter((row) => store.outbox.has(row.saleId) && row.seq <= stands)
    .sort((a, b) => a.seq - b.seq);
  const anew = mark === undefined || unheard.includes(mark) ? unheard : [...unheard, mark];
  for (const row of anew) numberAnew(store, row);
}

function numberAnew(store: MemoryStore, row: SaleRow): void {
  store.keep({ row: { ...row }, moved: true, next: 'none' });
}

/** One step of a claim; undefined: there is none. */
export function moveClaimIn(
  store: MemoryStore,
  saleId: string,
  event: ClaimEvent,
): ClaimDecision | undefined {
  const claim = store.claims.get(saleId);
  const sale = store.sales.get(saleId);
  if (claim === undefined || sale === undefined) return undefined;
  const decision = decideClaim(sale, claim, event, store.nowMs());
  store.claims.set(saleId, decision.claim);
  return decision;
}

function kioskOf(saleId: string): string {
  return saleId.slice(0, saleId.indexOf('-'));
}
