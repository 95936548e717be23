// The hop that gives a claim's money back through Midtrans, and the walk over the claims whose time has come. It sends only
// what the claim's row says already, under the key that the row says, and concludes nothing: get-status and the ledger do.
import { type Background } from './background.ts';
import { confirmSale } from './confirm.ts';
import { timed, type Hops } from './hops.ts';
import { refundKey, type ClaimEvent, type RefundPolicy } from './ledger-claim-rules.ts';
import { pursue } from './pursue.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';
import { type ClaimMove, type ClaimStore } from './store/claims.ts';

export interface ClaimHops {
  hops: Hops;
  store: ClaimStore;
  policy: RefundPolicy;
}

const tickMs = 1_000;
/** Refunds in work at once: nobody waits for them at a counter. */
const maxAtOnce = 4;
/** Whoever takes a claim has this long before another may. Longer than the longest chain of hops (config.ts). */
export const claimLeaseMs = 180_000;
/** due → look → refund → look: what does not end within these comes to its turn again. */
export const maxClaimHops = 4;
/** Midtrans: at most 255 characters, shown to the payer. */
const reason = 'Pengembalian dana';

/** Brings one event to a claim; log and metrics hear of it. Undefined: there is no claim. @throws what the store throws. */
export async function moveClaim(
  { hops, store }: Pick<ClaimHops, 'hops' | 'store'>,
  saleId: string,
  event: ClaimEvent,
): Promise<ClaimMove | undefined> {
  const moved = await store.moveClaim(saleId, event);
  if (moved === undefined) return undefined;
  const { claim, alert, refusal } = moved.decision;
  if (alert !== undefined) {
    hops.metrics.faults.inc({ place: alert });
    hops.log.error({ saleId, state: claim.state, note: noteWord(claim) }, `claim.${alert}`);
  }
  if (moved.moved) {
    hops.metrics.claimMoves.inc({ state: claim.state });
    hops.log.info({ saleId, state: claim.state, note: noteWord(claim) }, 'claim.moved');
  }
  if (refusal !== undefined) hops.log.info({ saleId, refusal }, 'claim.refused');
  return moved;
}

/** Does what is due of one claim: looks, sends, looks again. @throws what the store throws. */
export async function walkClaim(parts: ClaimHops, saleId: string): Promise<void> {
  const { hops, policy } = parts;
  const walk = { policy, jitter: hops.random() };
  let moved = await moveClaim(parts, saleId, { type: 'due', ...walk });
  let sent = false;
  for (let hop = 0; hop < maxClaimHops && moved !== undefined; hop++) {
    const { sale, decision } = moved;
    if (decision.next === 'none') return;
    if (decision.next === 'look') {
      const { decision: confirmed, outcome } = await confirmSale(hops, sale);
      await pursue(hops, confirmed);
      moved = await moveClaim(parts, saleId, { type: 'looked', outcome, sent, ...walk });
    } else {
      sent = true;
      moved = await send(parts, sale, decision.claim, walk.jitter);
    }
  }
}

async function send(
  parts: ClaimHops,
  sale: SaleRow,
  claim: ClaimRow,
  jitter: number,
): Promise<ClaimMove | undefined> {
  const { hops } = parts;
  const { saleId, refundN, refundIdr: amountIdr } = claim;
  const id = sale.chargeId ?? saleId;
  const refund = { key: refundKey(claim), amountIdr, reason };
  const outcome = await timed(hops, 'refund', () => hops.gateway.refund(id, refund));
  hops.metrics.refunds.inc({ outcome: outcome.kind });
  const code = outcome.kind === 'refused' ? outcome.code : undefined;
  hops.log.info({ saleId, refundN, amountIdr, outcome: outcome.kind, code }, 'claim.refund');
  return moveClaim(parts, saleId, { type: 'refund-answered', refundN, outcome, jitter });
}

/** Starts walking; the answer stops it (what is in work goes on in `background`). */
export function startRefunds(parts: ClaimHops, background: Background): () => void {
  const { hops, store } = parts;
  let taken = 0;
  let stopped = false;
  let cancel: (() => void) | undefined;
  let woken = !parts.policy.automatic;

  async function walk(): Promise<void> {
    if (!woken) {
      await store.wakeClaims();
      woken = true;
    }
    for (const { saleId } of await store.takeDueClaims(maxAtOnce - taken, claimLeaseMs)) {
      taken++;
      void background.run(`claim ${saleId}`, () => walkClaim(parts, saleId)).finally(() => taken--);
    }
  }

  async function tick(): Promise<void> {
    try {
      if (hops.upstream.quietMs() === 0) await walk();
    } catch (error) {
      hops.metrics.faults.inc({ place: 'refunds' });
      hops.log.error({ error: String(error) }, 'refunds.failed');
    }
    if (!stopped) cancel = hops.clock.after(tickMs, () => void tick());
  }

  cancel = hops.clock.after(tickMs, () => void tick());
  return () => {
    stopped = true;
    cancel?.();
  };
}

/** Our own words only: the operator's stay in the store. */
function noteWord({ note }: ClaimRow): string | undefined {
  return note !== null && /^[a-z0-9-]{1,40}$/.test(note) ? note : undefined;
}
