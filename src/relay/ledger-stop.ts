// What the answer to a cancel or an expire means for its sale (PROTOCOL.md §3). PURE. Dead is what Midtrans says is dead, of
// this very charge, with no attempt open that could still land.
import { isOpen, isSettled } from '../protocol/verdict.ts';
import { absent, attemptOpen, unchanged, type Decision } from './ledger-rules.ts';
import { type StopOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

/** `row` is the caller's own copy: it is changed. */
export function stopAnswered(row: SaleRow, outcome: StopOutcome, nowMs: number): Decision {
  switch (outcome.kind) {
    case 'stopped': {
      const named = whoseStop(row, outcome);
      if (named !== 'ours') {
        const alert: Pick<Decision, 'alert'> = named === 'other' ? { alert: 'status-foreign' } : {};
        return { row, moved: false, next: isSettled(row.verdict) ? 'none' : 'status', ...alert };
      }
      // Another attempt may still land and be payable under the same id: the verdict waits for its end.
      if (!isOpen(row.verdict) || attemptOpen(row, nowMs)) return unchanged(row);
      row.verdict = outcome.as;
      row.chargeId ??= outcome.chargeId ?? null;
      return unchanged(row);
    }
    case 'conflict':
      return { row, moved: false, next: 'status' };
    case 'absent':
      return absent(row, nowMs);
    case 'try-again':
    case 'unsent':
    case 'rejected':
    case 'unknown':
      return unchanged(row);
  }
}

/** Dead is only the charge that the answer names; one that names none is worth a question, no more. */
function whoseStop(
  row: SaleRow,
  named: Pick<Extract<StopOutcome, { kind: 'stopped' }>, 'saleId' | 'chargeId'>,
): 'ours' | 'other' | 'nobody' {
  const { saleId, chargeId } = named;
  if (saleId !== undefined && saleId !== row.saleId) return 'other';
  if (chargeId !== undefined && row.chargeId !== null && chargeId !== row.chargeId) return 'other';
  const known = chargeId !== undefined && chargeId === row.chargeId;
  return saleId !== undefined || known ? 'ours' : 'nobody';
}
