// What a relay that was restored from a backup makes of one of its own signatures and of the kiosk's report
// (PROTOCOL.md §8). PURE. It never makes a row that could be charged, and never moves a verdict back.
import { type VerdictClaims } from '../protocol/proof.ts';
import { type Fulfilment } from '../protocol/sale.ts';
import { isDead, isOpen, isSettled, mayReach } from '../protocol/verdict.ts';
import { decide, emptyRow } from './ledger.ts';
import { disputeNote, restoredNote } from './ledger-claim-rules.ts';
import { openClaim, type Alert, type Decision, type Refusal } from './ledger-rules.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/** One sale as its kiosk posts it, with the proof opened. */
export interface ProvenSale {
  claims: VerdictClaims;
  /** What the kiosk says that it did. */
  fulfilment: Exclude<Fulfilment, 'unreported'> | undefined;
  /** It has signed that. */
  fulfilmentSigned?: true;
  /** The proof was signed before the kiosk was enrolled anew: nobody serves this customer any more. */
  formerLife: boolean;
  /** How long a QR of this relay may be up at most. */
  saleLifeMs: number;
}

/** `made`: there was no row. `merged`: the row that stands has gained something. `known`: nothing was lost of it. */
export interface Recovery {
  how: 'made' | 'merged' | 'known';
  /** Nothing to store where it is missing. */
  decision?: Decision;
  /** `sale-mismatch`: nothing was taken. `fulfilment-mismatch`: all but the report was. */
  refusal?: Refusal;
  /** Goods are said to be out, against what was reported first. */
  disputed: boolean;
}

/**
 * Our own signature is the lower bound of the verdict: a relay that says less than it has signed is what the table of
 * verdicts forbids, and the kiosk would not hear it. It is no money: until Midtrans has spoken the sale recovers, all its
 * claims are the operator's, and what Midtrans contradicts is told to a person. `owed`: the claim that stands.
 */
export function recoverSale(
  standing: SaleRow | undefined,
  proven: ProvenSale,
  nowMs: number,
  owed?: ClaimRow,
): Recovery {
  const { claims } = proven;
  if ((standing?.amountIdr ?? claims.amountIdr) !== claims.amountIdr) {
    return { how: 'known', refusal: 'sale-mismatch', disputed: false };
  }
  const start = standing === undefined ? rowOf(proven, nowMs) : advance(standing, proven, nowMs);
  const isNews = start.verdict !== standing?.verdict;
  const said = report(start, proven, nowMs);
  const byNews = isNews ? claimOf(said.row) : undefined;
  const { row, claim, ...reported } = withClaim(said, byNews, { before: start, owed, proven });
  const { refusal, disputed } = reported;
  const refused = refusal === undefined ? {} : { refusal };
  if (!isNews && !isReport(standing, row) && claim?.do !== 'redeemed') {
    return { how: 'known', ...refused, disputed };
  }
  // Whatever is left to do at Midtrans, `reconcile` does: at once.
  row.askAtMs = isNews || reported.next !== 'none' ? nowMs : row.askAtMs;
  const decision: Decision = {
    ...{ row, next: reported.next },
    // What was made says what the kiosk has proved: it needs not hear that again, and takes no number.
    moved: standing !== undefined && isNews,
    ...(reported.alert === undefined ? {} : { alert: reported.alert }),
    ...(claim?.do === 'open'
      ? { claim: { ...claim, operatorOnly: true } }
      : claim === undefined
        ? {}
        : { claim }),
  };
  return { how: standing === undefined ? 'made' : 'merged', decision, ...refused, disputed };
}

/** Something of what the kiosk says it did is stored now. */
function isReport(standing: SaleRow | undefined, row: SaleRow): boolean {
  return (
    row.fulfilment !== (standing?.fulfilment ?? null) ||
    row.fulfilmentDisputed !== (standing?.fulfilmentDisputed ?? null)
  );
}

/** `chargeKey` stays null: it is never charged again. */
function rowOf({ claims, saleLifeMs }: ProvenSale, nowMs: number): SaleRow {
  const { saleId, kioskId, amountIdr, verdict, expiresInMs } = claims;
  const signedAtMs = Math.min(claims.iat * 1000, nowMs);
  const row: SaleRow = {
    ...emptyRow,
    ...{ saleId, kioskId, amountIdr, verdict },
    createdAtMs: signedAtMs,
    movedAtMs: signedAtMs,
    deadlineAtMs: signedAtMs + Math.min(expiresInMs ?? saleLifeMs, saleLifeMs),
    recovering: 1,
  };
  if (verdict === 'creating') {
    // The charge may be on its way still, and nobody could show its QR.
    row.silentAtMs = nowMs;
    row.stop = 'fault';
    row.stoppedAtMs = nowMs;
  }
  if (verdict === 'denied') row.reason = 'charge-denied';
  settle(row, claims, nowMs);
  return row;
}

/** The row that stands, as far forward as the proof takes it. */
function advance(standing: SaleRow, proven: ProvenSale, nowMs: number): SaleRow {
  const { claims } = proven;
  const row = { ...standing };
  if (!mayReach(row.verdict, claims.verdict)) return row;
  row.verdict = claims.verdict;
  // PROTOCOL.md §2: settlement of what is final or abandoned here by now is late, unless the goods are out.
  const served = isOpen(standing.verdict) && row.fulfilment === null;
  if (row.verdict === 'paid' && !served && !isDone(row, proven)) row.verdict = 'paid-late';
  row.movedAtMs = nowMs;
  row.recovering = 1;
  row.absentAtMs = null;
  if (row.verdict === 'denied') row.reason ??= 'charge-denied';
  settle(row, claims, nowMs);
  return row;
}

function isDone(row: SaleRow, { claims, fulfilment, fulfilmentSigned }: ProvenSale): boolean {
  const said = fulfilmentSigned === true ? fulfilment : undefined;
  return [row.fulfilment, claims.fulfilment, said].includes('done');
}

/** What a signature of settlement says of the money; the rest comes from Midtrans. */
function settle(row: SaleRow, { iat, settledAgoMs }: VerdictClaims, nowMs: number): void {
  if (!isSettled(row.verdict)) return;
  // Unknown stays unknown: money must not look younger than it is.
  if (settledAgoMs !== undefined) {
    row.settledAtMs ??= Math.min(iat * 1000, nowMs) - settledAgoMs;
  }
  row.heldAtMs = null;
  row.noticedAtMs = null;
  row.settledIdr = Math.max(row.settledIdr, row.amountIdr);
  if (row.verdict === 'refunded') row.refundedIdr = row.settledIdr;
}

interface Reported extends Omit<Recovery, 'how' | 'decision'> {
  row: SaleRow;
  next: Decision['next'];
  claim?: Decision['claim'];
  /** What a word that was not taken does to the claim. */
  dispute?: Decision['claim'];
  alert?: Alert;
}

/** What the kiosk did, by the first-wins rules: what stands here, then what we have signed, then what it says now. */
function report(start: SaleRow, proven: ProvenSale, nowMs: number): Reported {
  const reported: Reported = { row: start, next: 'none', disputed: false };
  const signed = proven.claims.fulfilment;
  const byKiosk = proven.fulfilmentSigned === true ? {} : ({ unsigned: true } as const);
  for (const [result, by] of [
    [signed, {}],
    [proven.fulfilment, byKiosk],
  ] as const) {
    if (result === undefined || result === 'unreported') continue;
    const event = { type: 'fulfilment', result, detail: null, ...by } as const;
    take(reported, vouched(decide(reported.row, event, nowMs), proven));
  }
  const unserved =
    signed === 'unreported' || proven.formerLife || wasSentAway(reported.row, proven.claims);
  if (unserved && reported.row.fulfilment === null) {
    take(reported, decide(reported.row, { type: 'life-ended' }, nowMs));
  }
  return reported;
}

/**
 * Goods for late money: in the ledger that was lost its claim was honoured, or it was not late there. A person hears of it,
 * unless we have signed that it was paid in time.
 */
function vouched(decision: Decision, { claims }: ProvenSale): Decision {
  const { alert, claim, ...rest } = decision;
  if (claim?.do !== 'dispute' || claim.unsigned === true) return decision;
  if (rest.refusal !== undefined) return decision;
  const isPlain = alert === 'fulfilment-disputed' && claims.verdict === 'paid';
  const told = isPlain || alert === undefined ? {} : { alert };
  return { ...rest, claim: { do: 'close', as: 'honoured' }, ...told };
}

/** It is paid here, and the kiosk was told long ago that nothing would come: it serves nobody for it any more. */
function wasSentAway(row: SaleRow, { verdict }: VerdictClaims): boolean {
  return row.verdict === 'paid' && (isDead(verdict) || verdict === 'paid-late');
}

function take(reported: Reported, decision: Decision): void {
  if (decision.refusal !== undefined) {
    reported.refusal = decision.refusal;
    if (decision.alert === undefined) return;
    reported.disputed = true;
    reported.row = decision.row;
    reported.alert ??= decision.alert;
    if (decision.claim !== undefined) reported.dispute = decision.claim;
    return;
  }
  reported.row = decision.row;
  if (decision.next !== 'none') reported.next = decision.next;
  if (decision.claim !== undefined) reported.claim = decision.claim;
  if (decision.alert !== undefined) reported.alert = decision.alert;
}

/**
 * A kiosk says `done`, too, of a sale whose goods came out for its claim. Where the claim is of the ledger that was lost, or
 * is over, that is what its signed word means: nothing contradicts it. `byNews`: what the proof's verdict makes of the claim.
 */
function withClaim(
  reported: Reported,
  byNews: Decision['claim'],
  { before, owed, proven }: { before: SaleRow; owed: ClaimRow | undefined; proven: ProvenSale },
): Reported {
  const { claim, dispute, row, next } = reported;
  const opens = [claim, byNews].find((change) => change?.do === 'open');
  if (saysOut(reported) && proven.fulfilment === 'done' && proven.fulfilmentSigned === true) {
    const { fulfilmentDisputed } = before;
    const honoured = { row: { ...row, fulfilmentDisputed }, next, disputed: false };
    if (owed?.state === 'honoured' && isHandedOut(owed)) return honoured;
    if (owed !== undefined && isHandedOut(owed)) return { ...honoured, claim: { do: 'redeemed' } };
    if (owed === undefined && opens?.do === 'open') {
      return { ...honoured, claim: { ...opens, honoured: true } };
    }
  }
  if (reported.disputed && opens?.do === 'open') {
    const unsigned = dispute?.do === 'dispute' && dispute.unsigned === true;
    return { ...reported, claim: { ...opens, note: disputeNote(unsigned) } };
  }
  const change = (claim?.do === 'dispute' ? (byNews ?? claim) : (claim ?? byNews)) ?? dispute;
  return change === undefined ? reported : { ...reported, claim: change };
}

function saysOut({ claim, disputed }: Reported): boolean {
  return disputed || claim?.do === 'dispute' || (claim?.do === 'close' && claim.as === 'honoured');
}

/** At the kiosk, as far as is known here. What was paid besides the price, or given by hand, is another thing. */
function isHandedOut({ kind, state, restored, dispenseId, note }: ClaimRow): boolean {
  if (kind === 'foreign') return false;
  if (state === 'honoured') return dispenseId !== null || note === restoredNote;
  return restored === 1 || state === 'refunding' || state === 'refunded';
}

/** Late money of a sale whose goods are not out, and a claim of the backup whose money has gone back since. */
function claimOf(row: SaleRow): Decision['claim'] {
  // Whether the payer's bank has it, Midtrans says.
  if (row.verdict === 'refunded') return { do: 'close', as: 'refunding' };
  if (row.verdict !== 'paid-late' || row.fulfilment === 'done') return undefined;
  return openClaim(row, row.fulfilment ?? 'late').claim;
}
