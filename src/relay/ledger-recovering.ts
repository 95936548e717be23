// What Midtrans' answers mean for a sale that was made from the relay's own signatures (PROTOCOL.md §8). PURE.
// A signature of ours says what was; whether the money is there, Midtrans alone says.
import { isDead, isSettled } from '../protocol/verdict.ts';
import {
  absent,
  attemptOpen,
  retryAskMs,
  stop,
  unchanged,
  type Alert,
  type Decision,
} from './ledger-rules.ts';
import { applyStatus, isOurs, noteSettledAt } from './ledger-status.ts';
import { type ChargeStatus, type StatusOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

/** As `applyStatus`; an answer that says what became of the sale ends its recovery. `row` is the caller's own copy. */
export function statusOfRecovering(
  row: SaleRow,
  event: { asked: string; outcome: StatusOutcome; merchantId: string; qrLost?: boolean },
  nowMs: number,
): Decision {
  const { outcome } = event;
  if (outcome.kind === 'absent') return absentRecovering(row, nowMs);
  const signed = isSettled(row.verdict);
  const decision = applyStatus(signed ? withItsMoney(row, outcome) : row, event, nowMs);
  if (decision.alert === 'status-foreign') return { ...decision, row };
  if (outcome.kind !== 'found' || outcome.status.state === 'other') return decision;
  decision.row.recovering = 0;
  decision.row.chargeId ??= outcome.status.chargeId;
  if (signed) confirmSigned(decision, outcome.status, event.merchantId, nowMs);
  return decision;
}

/** A proof says the sale's amount, which is not always what was paid: what is left is counted from Midtrans' sum. */
function withItsMoney(row: SaleRow, outcome: StatusOutcome): SaleRow {
  if (outcome.kind !== 'found') return row;
  const { state, amountIdr } = outcome.status;
  if (amountIdr === undefined || (state !== 'settled' && state !== 'refunded')) return row;
  return { ...row, settledIdr: amountIdr, refundedIdr: Math.min(row.refundedIdr, amountIdr) };
}

/**
 * "Never had it", twice and far enough apart, is an answer too: a recovered sale must not hold up its kiosk for ever.
 * What we have signed as settled stays so, and a person hears of it.
 */
function absentRecovering(row: SaleRow, nowMs: number): Decision {
  if (attemptOpen(row, nowMs)) return absent(row, nowMs);
  row.absentAtMs ??= nowMs;
  if (nowMs - row.absentAtMs < retryAskMs) return unchanged(row);
  row.recovering = 0;
  if (isSettled(row.verdict)) return { ...unchanged(row), ...contradicted };
  if (isDead(row.verdict)) return unchanged(row);
  stop(row, 'fault', nowMs);
  return absent(row, nowMs);
}

/** Fills in what a proof does not carry, or finds that Midtrans says otherwise. */
function confirmSigned(
  decision: Decision,
  status: ChargeStatus,
  merchantId: string,
  nowMs: number,
): void {
  const { row } = decision;
  const present = status.state === 'settled' || status.state === 'refunded';
  const ours = row.verdict !== 'paid' || isOurs(row, status, merchantId);
  const goneBack = row.verdict !== 'refunded' || status.refundedIdr > 0;
  if (!present || !ours || !goneBack) Object.assign(decision, contradicted);
  if (!present) return;
  noteSettledAt(row, status, nowMs);
  row.issuer ??= status.issuer ?? null;
  const owedIdr = row.settledIdr - row.refundedIdr;
  // Its claim was opened for the sale's amount, which is all that a proof says.
  if (decision.claim === undefined && owedIdr !== row.amountIdr && owedIdr > 0) {
    decision.claim = { do: 'rest', amountIdr: owedIdr };
  }
}

const contradicted: { alert: Alert } = { alert: 'recovery-contradicted' };

/**
 * While a sale recovers, its claims are the operator's: in the ledger that was lost they may have been paid out. What
 * its kiosk does meanwhile puts off no question to Midtrans. `before`: the row as it stood.
 */
export function whileRecovering(before: SaleRow, event: string, decision: Decision): Decision {
  const { claim, row } = decision;
  if (!asking.has(event) && row.askAtMs !== null) {
    row.askAtMs = Math.min(row.askAtMs, before.askAtMs ?? row.askAtMs);
  }
  if (claim?.do !== 'open') return decision;
  return { ...decision, claim: { ...claim, operatorOnly: true } };
}

/** After these the next question is counted anew. */
const asking: ReadonlySet<string> = new Set(['due', 'status-answered', 'stop-answered']);
