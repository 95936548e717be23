// The ledger: decides what a sale's row becomes and what must be done at Midtrans next (PROTOCOL.md §2, §3, §6). PURE.
// It never calls anybody; whoever calls it holds the row's lock and stores the row in the same transaction.
import assert from 'node:assert';
import { type CancelBody } from '../protocol/api.ts';
import { type Fulfilment } from '../protocol/sale.ts';
import { isOpen, isSettled, mayFollow } from '../protocol/verdict.ts';
import { attempt, chargeAnswered, type ChargeAnswer } from './ledger-charge.ts';
import {
  inHandMs,
  isInHand,
  nextAskAtMs,
  noticeHoldMs,
  openClaim,
  stop,
  stopVerb,
  unchanged,
  type ClaimChange,
  type Decision,
  type Refusal,
} from './ledger-rules.ts';
import { statusOfRecovering, whileRecovering } from './ledger-recovering.ts';
import { applyStatus } from './ledger-status.ts';
import { stopAnswered } from './ledger-stop.ts';
import { type StatusOutcome, type StopOutcome } from './midtrans/gateway.ts';
import { type SaleRow } from './sale-row.ts';

export type LedgerEvent =
  | {
      type: 'put';
      saleId: string;
      kioskId: string;
      amountIdr: number;
      items: string | null;
      chargeKey: string;
      deadlineAtMs: number;
    }
  /** Whoever holds the attempt sends it once more, with the same Idempotency-Key. */
  | { type: 'attempt' }
  | ({ type: 'charge-answered' } & ChargeAnswer)
  /** `qrLost`: whoever charged has given up hope for the answer that carries the QR. */
  | {
      type: 'status-answered';
      /** The id that Midtrans was asked about: the charge's, or the sale's own. */
      asked: string;
      outcome: StatusOutcome;
      merchantId: string;
      qrLost?: boolean;
    }
  | {
      type: 'cancel';
      saleId: string;
      kioskId: string;
      amountIdr: number;
      reason: CancelBody['reason'];
      /** When this ledger was put back from a backup: the one that was lost may have charged, until a little before. */
      restoredAtMs?: number;
    }
  | { type: 'stop-answered'; outcome: StopOutcome }
  /** A notice, signed, that speaks of settlement. */
  | { type: 'noticed' }
  /** `unsigned`: without the kiosk's own signature over it, so that whoever carries its words may have said it. */
  | {
      type: 'fulfilment';
      result: Exclude<Fulfilment, 'unreported'>;
      detail: string | null;
      unsigned?: true;
    }
  /** The kiosk was enrolled anew or revoked: nobody serves this customer any more. */
  | { type: 'life-ended' }
  /** `askAtMs` was reached. */
  | { type: 'due' };

/** Decides one event. `row` undefined: the relay has no such sale; only `put` and `cancel` may come then. */
export function decide(row: SaleRow | undefined, event: LedgerEvent, nowMs: number): Decision {
  const decision =
    row === undefined ? begin(event, nowMs) : proceed({ ...row, askAtMs: null }, event, nowMs);
  const from = row?.verdict ?? 'creating';
  const to = decision.row.verdict;
  if (from !== to) {
    assert(mayFollow(from, to), `the verdict cannot go from ${from} to ${to}`);
    decision.row.movedAtMs = nowMs;
    decision.moved = true;
  }
  if (isSettled(to)) decision.row.noticedAtMs = null;
  if (decision.row.refundedIdr !== (row?.refundedIdr ?? 0)) decision.row.refundedAtMs = nowMs;
  decision.row.askAtMs = nextAskAtMs(decision.row, nowMs);
  return row?.recovering === 1 ? whileRecovering(row, event.type, decision) : decision;
}

function begin(event: LedgerEvent, nowMs: number): Decision {
  assert(event.type === 'put' || event.type === 'cancel', `${event.type} needs a row`);
  const row: SaleRow = {
    ...emptyRow,
    saleId: event.saleId,
    kioskId: event.kioskId,
    amountIdr: event.amountIdr,
    createdAtMs: nowMs,
    movedAtMs: nowMs,
    deadlineAtMs: nowMs,
  };
  if (event.type === 'cancel') {
    row.silentAtMs = event.restoredAtMs ?? null;
    return stop(row, event.reason, nowMs);
  }
  row.items = event.items;
  row.chargeKey = event.chargeKey;
  row.deadlineAtMs = event.deadlineAtMs;
  row.sentAtMs = nowMs;
  return { row, moved: false, next: 'charge' };
}

/** `row` is a copy of its own: it may be changed. */
function proceed(row: SaleRow, event: LedgerEvent, nowMs: number): Decision {
  switch (event.type) {
    case 'put':
      return putAgain(row, event, nowMs);
    case 'attempt':
      return attempt(row, nowMs, true);
    case 'charge-answered':
      return chargeAnswered(row, event, nowMs);
    case 'status-answered':
      return row.recovering === 1
        ? statusOfRecovering(row, event, nowMs)
        : applyStatus(row, event, nowMs);
    case 'cancel':
      if (event.amountIdr !== row.amountIdr) return refuse(row, 'sale-mismatch');
      return isOpen(row.verdict) ? stop(row, event.reason, nowMs) : unchanged(row);
    case 'stop-answered':
      return stopAnswered(row, event.outcome, nowMs);
    case 'noticed':
      if (isOpen(row.verdict)) row.noticedAtMs ??= nowMs;
      return { row, moved: false, next: 'status' };
    case 'fulfilment':
      return fulfil(row, event, nowMs);
    case 'life-ended':
      return endLife(row, nowMs);
    case 'due':
      return due(row, nowMs);
  }
}

/** A repeat answers from the row. It charges again only where no charge can exist any more and none was refused. */
function putAgain(
  row: SaleRow,
  event: Extract<LedgerEvent, { type: 'put' }>,
  nowMs: number,
): Decision {
  if (event.amountIdr !== row.amountIdr) return refuse(row, 'sale-mismatch');
  // A tombstone has no basket: the amount alone is compared.
  if (row.chargeKey !== null && event.items !== row.items) return refuse(row, 'sale-mismatch');
  return attempt(row, nowMs, false);
}

/** First report wins (PROTOCOL.md §6). */
function fulfil(
  row: SaleRow,
  event: Extract<LedgerEvent, { type: 'fulfilment' }>,
  nowMs: number,
): Decision {
  const { result, detail } = event;
  const unsigned = event.unsigned === true;
  if (unsigned && !isSettled(row.verdict)) return unsignedWord(row, result, nowMs);
  if (row.fulfilment === result) {
    if (!unsigned) row.fulfilmentUnsigned = 0;
    return unchanged(row);
  }
  const stood = row.fulfilment;
  const first = stood === null || stood === 'unreported';
  // Are the goods out or not? A proxy's "no" against the kiosk's own "yes" is told as unsigned already.
  const disputed =
    !first && (stood === 'done') !== (result === 'done') && (result === 'done' || !unsigned);
  // What nobody has signed stands until the kiosk itself speaks.
  if (!first && (unsigned || row.fulfilmentUnsigned === 0)) {
    if (disputed) row.fulfilmentDisputed ??= result;
    return {
      ...refuse(row, 'fulfilment-mismatch'),
      ...(disputed ? { alert: 'fulfilment-disputed', claim: disputeOf(unsigned) } : {}),
    };
  }
  if (unsigned && result === 'done') return goodsOut(row, true);
  row.fulfilment = result;
  row.fulfilmentDetail = detail;
  row.fulfilmentUnsigned = unsigned ? 1 : 0;
  const decision = reported(row, result, unsigned, nowMs);
  if (!disputed) return decision;
  row.fulfilmentDisputed ??= stood;
  return { alert: 'fulfilment-disputed', ...decision };
}

/**
 * What nobody has signed, before the money came, must not stand in the row: a "done" said while the QR is up would leave the
 * customer who then pays with neither goods nor claim. It stops a charge at most, as anybody's cancel does.
 */
function unsignedWord(
  row: SaleRow,
  result: Exclude<Fulfilment, 'unreported'>,
  nowMs: number,
): Decision {
  return result === 'abandoned' && isOpen(row.verdict)
    ? stop(row, 'abandoned', nowMs)
    : unchanged(row);
}

/** What follows from a report that was taken. */
function reported(
  row: SaleRow,
  result: Exclude<Fulfilment, 'unreported'>,
  unsigned: boolean,
  nowMs: number,
): Decision {
  if (isSettled(row.verdict)) {
    if (result === 'done') return goodsOut(row, unsigned);
    const byOperator = unsigned ? { byOperator: true, note: 'unsigned' } : {};
    return { ...unchanged(row), ...openClaim(row, result, byOperator) };
  }
  if (result === 'abandoned' && isOpen(row.verdict)) return stop(row, 'abandoned', nowMs);
  return { ...unchanged(row), ...(result === 'done' ? { alert: 'goods-without-money' } : {}) };
}

/**
 * The goods of settled money are out. No motor ever moves for late money: whoever says so there must explain it to a
 * person. And what is not signed ends nobody's claim.
 */
function goodsOut(row: SaleRow, unsigned: boolean): Decision {
  if (row.verdict === 'paid-late') {
    return { ...unchanged(row), claim: disputeOf(unsigned), alert: 'fulfilment-disputed' };
  }
  const alert = row.refundedIdr > 0 ? ({ alert: 'goods-and-refund' } as const) : {};
  if (unsigned) return { ...unchanged(row), claim: disputeOf(unsigned), ...alert };
  return { ...unchanged(row), claim: { do: 'close', as: 'honoured' }, ...alert };
}

function disputeOf(unsigned: boolean): ClaimChange {
  return unsigned ? { do: 'dispute', unsigned } : { do: 'dispute' };
}

function endLife(row: SaleRow, nowMs: number): Decision {
  if (row.fulfilment !== null) return unchanged(row);
  if (isOpen(row.verdict)) {
    row.fulfilment = 'abandoned';
    return stop(row, 'abandoned', nowMs);
  }
  if (row.verdict === 'paid') {
    row.fulfilment = 'unreported';
    return { row, moved: false, next: 'none', ...openClaim(row, 'unreported') };
  }
  return unchanged(row);
}

/** Time to look again: the deadline, a stop that is not through, or a plain question. */
function due(row: SaleRow, nowMs: number): Decision {
  if (row.recovering === 1) return { row, moved: false, next: 'status' };
  if (isInHand(row)) {
    return nowMs - row.movedAtMs >= inHandMs ? endLife(row, nowMs) : unchanged(row);
  }
  if (!isOpen(row.verdict)) return { row, moved: false, next: 'status' };
  if (row.heldAtMs !== null) return { row, moved: false, next: 'status' };
  const noticed = row.noticedAtMs !== null && nowMs - row.noticedAtMs < noticeHoldMs;
  if (row.stop === null && nowMs >= row.deadlineAtMs && !noticed) {
    return stop(row, 'timeout', nowMs);
  }
  const known = row.chargeId !== null;
  return { row, moved: false, next: row.stop !== null && known ? stopVerb(row) : 'status' };
}

function refuse(row: SaleRow, refusal: Refusal): Decision {
  return { row, moved: false, next: 'none', refusal };
}

/** A row about which nothing is known yet. */
export const emptyRow: Omit<
  SaleRow,
  'saleId' | 'kioskId' | 'amountIdr' | 'createdAtMs' | 'movedAtMs' | 'deadlineAtMs'
> = {
  items: null,
  verdict: 'creating',
  seq: 0,
  prev: 0,
  chargeKey: null,
  sentAtMs: null,
  silentAtMs: null,
  doubtAtMs: null,
  chargeId: null,
  chargedAtMs: null,
  expiresAtMs: null,
  qrString: null,
  imageUrl: null,
  stop: null,
  stoppedAtMs: null,
  absentAtMs: null,
  noticedAtMs: null,
  heldAtMs: null,
  reason: null,
  settledAtMs: null,
  settledLearnt: 0,
  settledIdr: 0,
  issuer: null,
  refundedIdr: 0,
  refundedAtMs: null,
  fulfilment: null,
  fulfilmentDetail: null,
  fulfilmentUnsigned: 0,
  fulfilmentDisputed: null,
  askAtMs: null,
  recovering: 0,
};
