// What the operator reads about claims: how each stands, what to do next, and why a command was refused. Text only.
import { formatClaimCode } from '../protocol/claim-code.ts';
import { formatRupiah } from '../protocol/money.ts';
import { handedOutNote, restoredNote, type ClaimRefusal } from '../relay/ledger-claim-rules.ts';
import { type ClaimRow, type SaleRow } from '../relay/sale-row.ts';

export interface ClaimWithSale {
  sale: SaleRow;
  claim: ClaimRow;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

/** `5 min`, `3 h`, `2 d`: the age of a claim, for a person. */
export function ageText(ageMs: number): string {
  if (ageMs >= 2 * dayMs) return `${Math.floor(ageMs / dayMs)} d`;
  if (ageMs >= 2 * hourMs) return `${Math.floor(ageMs / hourMs)} h`;
  return `${Math.max(0, Math.floor(ageMs / minuteMs))} min`;
}

/** A claim as two lines: how it stands, and what to do. @param code on the customer's slip, where it is known */
export function claimText(
  { sale, claim }: ClaimWithSale,
  code: string | undefined,
  nowMs: number,
): string {
  const { saleId, kind, amountIdr, state, openedAtMs } = claim;
  const age = ageText(nowMs - openedAtMs);
  const flags = [
    ...(claim.operatorOnly === 1 ? ['operator only'] : []),
    ...(claim.orderedIdr > 0 ? [`refund of ${formatRupiah(claim.orderedIdr)} ordered`] : []),
    ...(sale.refundedIdr > 0 ? [`${formatRupiah(sale.refundedIdr)} back at Midtrans`] : []),
    ...(claim.restored === 1 && claim.note !== restoredNote ? [restoredNote] : []),
    ...(claim.note === null ? [] : [claim.note]),
  ];
  const slip = code === undefined ? '-'.padEnd(13) : formatClaimCode(code);
  const head = [
    saleId,
    slip,
    kind.padEnd(10),
    formatRupiah(amountIdr).padStart(13),
    age.padStart(6),
  ];
  const stands = [state.padEnd(9), ...(flags.length === 0 ? [] : [flags.join(', ')])];
  return `${[...head, ...stands].join('  ').trimEnd()}\n    ${nextStep({ sale, claim })}`;
}

/** What to do next, in one or two plain sentences. */
export function nextStep({ sale, claim }: ClaimWithSale): string {
  const note = claim.note ?? '';
  switch (claim.state) {
    case 'honoured':
    case 'refunded':
      return finishedStep(claim);
    case 'redeeming':
      if (note === 'unsigned') {
        return 'Somebody without the key of the kiosk says that the goods came out. Look there; then claim settle --as honoured, or claim release.';
      }
      if (note === 'redeem-unknown') {
        return `The kiosk cannot say whether the goods came out. Look there; then claim settle --as honoured, or claim release.`;
      }
      if (claim.restored === 1) {
        return 'The kiosk was granted the goods, and may have reported after the backup. Look there and into your notes; then claim settle, or claim release.';
      }
      return 'The kiosk was granted the goods and has not reported. Wait; if it stays silent, look there, then settle or release.';
    case 'refunding':
      return refundingStep(sale, claim);
    case 'open':
      return openStep(claim);
  }
}

function finishedStep({ note }: ClaimRow): string {
  if (note === 'goods-and-refund')
    return 'Goods are out and the money went back: a loss. Write it off.';
  if (note === 'disputed-unsigned') return `${unsignedText} Look there: if so, it is a loss.`;
  if (note === 'disputed')
    return 'The kiosk says that the goods are out, and has said otherwise: look there. If so, it is a loss.';
  if (note === 'goods-twice') return 'Goods came out twice for one payment: a loss. Write it off.';
  if (note === 'refunded-twice')
    return 'More went back than came: by hand and at Midtrans. Write it off.';
  return 'Nothing.';
}

function refundingStep(sale: SaleRow, claim: ClaimRow): string {
  if (sale.settledIdr - sale.refundedIdr < claim.amountIdr) {
    return claim.askAtMs === null
      ? "Midtrans has refunded it, and the payer's bank has not confirmed for 30 days: ask Midtrans."
      : "Midtrans has refunded it; the payer's bank has not confirmed yet. Wait.";
  }
  if (claim.note === handedOutNote) {
    return claim.askAtMs === null
      ? 'The kiosk has handed out the goods; nobody knows whether Midtrans refunded it before the restore: look at its dashboard. If not, claim settle --as honoured; if so, it is a loss.'
      : 'The kiosk has handed out the goods; the relay asks Midtrans whether it was refunded before the restore. Wait.';
  }
  if (claim.askAtMs !== null) return 'The relay is at it. Wait.';
  return claim.restored === 1
    ? `Nobody knows whether Midtrans refunded it: look at its dashboard. ${restoredText(claim)}`
    : 'Nobody knows whether Midtrans refunded it. Look at its dashboard; then claim settle, or claim release and claim refund.';
}

function openStep(claim: ClaimRow): string {
  const note = claim.note ?? '';
  const disputed = ['disputed', 'redeem-disputed', 'goods-out', 'goods-and-refund'].includes(note);
  if (claim.restored === 1) {
    const unsigned = note === 'disputed-unsigned' ? `${unsignedText} ` : '';
    const says = disputed ? 'The kiosk says that the goods are out. ' : unsigned;
    return `${says}${restoredText(claim)}`;
  }
  if (note === 'insufficient-balance') {
    if (claim.askAtMs === null) {
      return 'Midtrans held too little of your money for this refund. Fill it up there and claim refund again, or give the money by hand and claim settle.';
    }
    return 'Midtrans holds too little of your money for this refund: fill it up there. It is tried again, at most for 7 days.';
  }
  if (claim.orderedIdr > 0) return 'The running relay refunds it within seconds.';
  if (note.startsWith('refund-refused-')) {
    return `Midtrans refused the refund (${note.slice(-3)}). Mend it there and claim refund again, or give the money by hand and claim settle.`;
  }
  if (note === 'refund-window') {
    return 'Midtrans takes off-us refunds for 7 days only. Give the money by hand, then claim settle --as refunded-by-hand.';
  }
  if (disputed) {
    return 'The kiosk says that the goods are out, and has said otherwise. Look there; then claim settle, or claim refund.';
  }
  const held = heldTexts[note];
  if (held !== undefined) return held;
  switch (claim.kind) {
    case 'unknown':
    case 'unreported':
      return 'Nobody knows whether the goods came out. Look at the kiosk; then claim settle --as honoured, or claim refund.';
    case 'foreign':
      return 'What was paid is not what was charged. Look at Midtrans; then claim refund, or claim settle.';
    case 'late':
    case 'failed':
    case 'abandoned':
      if (claim.operatorOnly === 1) return operatorText;
      return claim.askAtMs === null
        ? 'The customer may redeem it at the kiosk with the slip; or claim refund.'
        : 'It is refunded by itself, unless the customer redeems it at the kiosk before.';
  }
}

function restoredText({ askAtMs }: ClaimRow): string {
  const asking = askAtMs === null ? '' : ' The relay asks Midtrans first: let it run.';
  return `It may have been paid out after the backup.${asking} ${lookText}`;
}

const lookText =
  'Look at the kiosk (its technician can see the sale), ask the customer and look into your notes; then claim settle, or claim release and claim refund.';

const operatorText =
  'It is not handed out at the kiosk, nor refunded by itself. Look what came out; then claim settle, or claim refund.';

const unsignedText = 'Somebody without the key of the kiosk says that the goods are out.';

/** Claims that were made the operator's, by why. */
const heldTexts: Readonly<Record<string, string>> = {
  'disputed-unsigned': `${unsignedText} Look there; then claim settle, or claim refund.`,
  unsigned:
    'Somebody without the key of the kiosk says that the goods did not come out. Look there; then claim settle, or claim refund.',
  'kiosk-cloned':
    'Two machines had the card of this kiosk. Look what came out; then claim settle, or claim refund.',
  revoked: 'Its kiosk was revoked. Look what came out; then claim settle, or claim refund.',
  'enrolled-anew':
    'Its kiosk was enrolled anew, and knows the codes of its old slips no more. Look what came out; then claim settle, or claim refund.',
  'redeemed-often':
    'It was redeemed again and again, and the kiosk says that nothing came out. Look there; then claim settle, or claim refund.',
};

/** Why a command about a claim was refused. */
export const refusalTexts: Readonly<Record<ClaimRefusal, string>> = {
  'operator-only': 'it is for the operator alone',
  'going-back': 'its money is on its way back already; wait for the bank',
  redeeming:
    'the kiosk has been granted the goods for it; wait for its report, or release it first',
  honoured: 'the goods were handed over: nothing is owed any more',
  refunded: 'the money went back already: nothing is owed any more',
  'spent-dispense-id': 'that dispense was tried before',
  'other-dispense-id': 'another dispense was granted',
  'other-result': 'another result was reported before',
  restored:
    'it may have been paid out after the backup, and its kiosk may not have told yet; look there, then claim release it first',
  'goods-out': 'the kiosk reports that the goods are out',
  amount: 'the amount must be whole rupiah, from 1 to what is owed',
  'not-locked': 'it is open and nothing is ordered: there is no lock to take off',
  'maybe-dispensing':
    'the kiosk was granted the goods less than 20 minutes ago and may be dispensing; wait',
  'still-asking':
    'the relay is still asking Midtrans whether the money went back; let it run, and wait. After a refund of its own that takes a day at most; for a claim of before a restore you may look at Midtrans’ dashboard yourself, and claim release first',
};
