// What every hop of a sale needs, and the one way in which an event reaches the ledger. Hops are called by requests
// and by `reconcile` alike, so that recovery walks the same path.
import { type Clock } from '../lib/clock.ts';
import { type Log } from '../lib/log.ts';
import { type Payee } from '../protocol/qris.ts';
import { type LedgerEvent } from './ledger.ts';
import { type Decision } from './ledger-rules.ts';
import { type Metrics } from './metrics.ts';
import { type Gateway, type Upstream } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';
import { type CoreStore } from './store/store.ts';

export interface Hops {
  store: CoreStore;
  gateway: Gateway;
  /** How the gateway has been lately. */
  upstream: Upstream;
  clock: Clock;
  /** 0 ≤ x < 1, for jitter alone. */
  random: () => number;
  log: Log;
  metrics: Metrics;
  /** A fresh Idempotency-Key (UUID). */
  newKey: () => string;
  /** Whom every QR must pay. */
  payee: Payee;
  /** Our merchant id at Midtrans. */
  merchantId: string;
  /** Told after the commit of every verdict that moved. */
  moved: (row: SaleRow) => void;
}

/** Brings one event to a sale that exists. @throws Error when it does not, and what the store throws. */
export async function move(
  hops: Hops,
  saleId: string,
  event: Exclude<LedgerEvent, { type: 'put' | 'cancel' }>,
): Promise<Decision> {
  const decision = await hops.store.move(saleId, event);
  if (decision === undefined) throw new Error(`sale ${saleId} has no row`);
  announce(hops, decision);
  return decision;
}

/** Log, metrics and the publisher hear of a decision that was committed. */
export function announce(hops: Hops, decision: Decision): void {
  const { row } = decision;
  if (decision.alert !== undefined) {
    hops.metrics.faults.inc({ place: decision.alert });
    hops.log.error({ saleId: row.saleId, reason: row.reason }, `sale.${decision.alert}`);
  }
  if (decision.refusal !== undefined) return;
  if (decision.moved) {
    hops.metrics.verdicts.inc({ verdict: row.verdict });
    const reason = row.reason === null ? {} : { reason: row.reason };
    hops.log.info(
      { saleId: row.saleId, verdict: row.verdict, seq: row.seq, ...reason },
      'sale.moved',
    );
    hops.moved(row);
  }
  const { claim, claimState } = decision;
  if (claimState === undefined) return;
  hops.metrics.claimMoves.inc({ state: claimState });
  if (claim?.do === 'open') {
    hops.metrics.claims.inc({ kind: claim.kind });
    hops.log.warn({ saleId: row.saleId, kind: claim.kind }, 'claim.opened');
  } else {
    hops.log.info({ saleId: row.saleId, state: claimState }, 'claim.moved');
  }
}

/** Runs one call to Midtrans under its histogram. */
export async function timed<T extends { kind: string }>(
  hops: Hops,
  call: string,
  ask: () => Promise<T>,
): Promise<T> {
  const startMs = hops.clock.monotonicMs();
  const outcome = await ask();
  const seconds = (hops.clock.monotonicMs() - startMs) / 1000;
  hops.metrics.midtrans.observe({ call, outcome: outcome.kind }, seconds);
  return outcome;
}
