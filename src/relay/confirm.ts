// The hop that asks Midtrans what became of a charge. Only its answer, never a notice, makes a sale `paid`.
import { announce, move, timed, type Hops } from './hops.ts';
import { type Decision } from './ledger-rules.ts';
import { type StatusOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';
import { type Judgement, type NoticeAnswer } from './store/store.ts';

export interface Confirmation {
  decision: Decision;
  outcome: StatusOutcome;
}

/**
 * What the answer makes of the notices that it was asked for. Must change nothing: it may be called again. `said`: the
 * answer as it came, although it may be about another charge.
 */
export type Judge = (outcome: StatusOutcome, nowMs: number, said: StatusOutcome) => Judgement[];

/**
 * Asks get-status and brings the answer to the ledger.
 * @param how `qrLost`: the answer that carries the QR will not come any more. `bySale`: ask by our own id, although a
 *   charge id is known, because another one was named. `judge`: settle these notices in the same durable step.
 */
export async function confirmSale(
  hops: Hops,
  row: SaleRow,
  how: { qrLost?: boolean; bySale?: boolean; judge?: Judge } = {},
): Promise<Confirmation> {
  const id = how.bySale === true ? row.saleId : (row.chargeId ?? row.saleId);
  const outcome = await timed(hops, 'status', () => hops.gateway.status(id));
  if (outcome.kind === 'rejected') {
    hops.metrics.faults.inc({ place: 'midtrans-rejects-us' });
    hops.log.error({ saleId: row.saleId, code: outcome.code }, 'midtrans.rejects-us');
  }
  const event: NoticeAnswer = {
    type: 'status-answered',
    asked: id,
    outcome,
    merchantId: hops.merchantId,
    ...(how.qrLost === true ? { qrLost: true } : {}),
  };
  const { judge } = how;
  const decision =
    judge === undefined
      ? await move(hops, row.saleId, event)
      : await answer(hops, row.saleId, event, judge);
  return { decision, outcome: meant(decision, outcome) };
}

async function answer(
  hops: Hops,
  saleId: string,
  event: NoticeAnswer,
  judge: Judge,
): Promise<Decision> {
  const decision = await hops.store.answerNotices(saleId, event, (made, nowMs) =>
    judge(meant(made, event.outcome), nowMs, event.outcome),
  );
  if (decision === undefined) throw new Error(`sale ${saleId} has no row`);
  announce(hops, decision);
  return decision;
}

/** An answer about another charge says nothing about ours. */
function meant(decision: Decision, outcome: StatusOutcome): StatusOutcome {
  if (decision.alert !== 'status-foreign') return outcome;
  return { kind: 'unknown', answered: true, detail: 'the status of another charge' };
}
