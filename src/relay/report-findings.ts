// The day close's judgement of one sale: what kiosk, relay and Midtrans say of it, compared. PURE. It never asks anybody.
import { formatRupiah } from '../protocol/money.ts';
import { isOpen, isSettled } from '../protocol/verdict.ts';
import { balanceOf, type BalanceRow } from './balance.ts';
import {
  held,
  refundedByHand,
  rupiah,
  word,
  type Finding,
  type Ours,
  type Theirs,
} from './finding.ts';
import { restoredNote } from './ledger-claim-rules.ts';
import { theirFindings } from './report-compare.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/** A charge is looked at again within a minute or two; what is this late is stuck. */
const lateMs = 600_000;

/** Everything about one sale that is not simply done. */
export function findingsOf(row: BalanceRow, theirs: Theirs, ours: Ours): Finding[] {
  const { sale, claim } = row;
  return [
    ...theirFindings(row, theirs, ours),
    ...moneyFindings(row),
    ...waitFindings(sale, ours.nowMs),
    ...(claim === undefined ? [] : claimFindings(claim)),
  ];
}

/** A notice, signed by Midtrans, of an order that is none of this relay's. */
export function unknownOrder(theirs: Theirs): Finding {
  const money =
    theirs.kind === 'found' && theirs.status.state === 'settled'
      ? ` Midtrans has ${rupiah(theirs.status.amountIdr)} for it.`
      : '';
  return {
    kind: 'unknown-order',
    what: `Midtrans has sent a signed notice of an order that this relay does not know.${money}`,
    next: 'If it begins with one of your kiosks: was the relay restored from a backup? Let that kiosk connect, it brings its sales. Else another system of yours uses the same Midtrans account.',
  };
}

/** Rule 9 within this relay's own rows. */
function moneyFindings(row: BalanceRow): Finding[] {
  return balanceOf([row]).differences.map(({ kind, idr }) => {
    const sum = formatRupiah(idr);
    switch (kind) {
      case 'goods-and-refund':
        return refundedByHand(idr);
      case 'goods-twice':
        return {
          kind,
          what: `The goods came out twice for one payment of ${sum}: a loss of so much.`,
          next: 'Look at the kiosk and its journal. Nothing is to be paid out.',
        };
      case 'refunded-twice':
        return {
          kind,
          what: `${sum} more went back than came.`,
          next: 'Ask the customer or Midtrans for it; see who paid it back a second time.',
        };
      case 'unclaimed':
        return {
          kind,
          what: `${sum} is owed to a customer, and no claim says so.`,
          next: 'A fault of the relay: keep its log and its database, and refund it in the Midtrans dashboard.',
        };
      case 'claim-amount':
        return {
          kind,
          what: `The claim and what is left of the money differ by ${sum}.`,
          next: 'Look at the refunds of this order in the Midtrans dashboard before anything is paid out.',
        };
      case 'claim-without-money':
        return {
          kind,
          what: `There is a claim of ${sum}, but no money came.`,
          next: 'Pay nothing out. A fault of the relay: keep its log and its database.',
        };
    }
  });
}

function waitFindings(sale: SaleRow, nowMs: number): Finding[] {
  const settled = isSettled(sale.verdict);
  const findings = [...goodsWithoutMoney(sale), ...disputed(sale), ...noSettledTime(sale)];
  if (sale.heldAtMs !== null && !settled) findings.push(held());
  else if (isOpen(sale.verdict) && nowMs > endMs(sale) + lateMs) {
    findings.push({
      kind: 'pending-after-expiry',
      what: `It is still ${sale.verdict}, long after its QR ran out.`,
      next: 'Is the relay running, and does it reach Midtrans? It asks until Midtrans says what became of it.',
    });
  }
  if (sale.recovering === 1) {
    findings.push({
      kind: 'recovering',
      what: 'It was brought back by its kiosk after a restore, and Midtrans has not said yet what became of it.',
      next: 'Leave the relay running; its kiosk sells again when Midtrans has answered.',
    });
  }
  if (sale.verdict === 'paid' && sale.fulfilment === null) {
    findings.push({
      kind: 'in-hand',
      what: 'The money is here and the kiosk has not said whether the goods came out.',
      next: 'If the kiosk is offline, look at it: it reports when it is back. After 24 hours this becomes a claim.',
    });
  }
  return findings;
}

function goodsWithoutMoney(sale: SaleRow): Finding[] {
  if (sale.fulfilment !== 'done' || isSettled(sale.verdict)) return [];
  return [
    {
      kind: 'goods-without-money',
      what: `The kiosk says that the goods are out, and no money came: it is ${sale.verdict}.`,
      next: 'Look at the order in the Midtrans dashboard and at the kiosk: a loss, or a kiosk that lies.',
    },
  ];
}

function disputed({ fulfilment, fulfilmentDisputed }: SaleRow): Finding[] {
  if (fulfilmentDisputed === null) return [];
  return [
    {
      kind: 'fulfilment-disputed',
      what: `The kiosk has reported ${fulfilment ?? 'nothing'}, and ${fulfilmentDisputed} as well.`,
      next: 'Look at the machine and its journal: did the goods come out? Somebody with its token may have spoken for it.',
    },
  ];
}

function noSettledTime(sale: SaleRow): Finding[] {
  if (!isSettled(sale.verdict) || sale.settledAtMs !== null) return [];
  return [
    {
      kind: 'no-settled-time',
      what: `${formatRupiah(sale.settledIdr)} settled, and nobody has said when: it counts on no day.`,
      next: 'The relay asks Midtrans. If it stays, look when it settled in the Midtrans dashboard, and add it to that day by hand.',
    },
  ];
}

function endMs(sale: SaleRow): number {
  return Math.max(sale.deadlineAtMs, sale.expiresAtMs ?? 0);
}

function openStep({ saleId, restored, operatorOnly, orderedIdr }: ClaimRow): string {
  if (restored === 1) {
    return `It may have been paid out after the backup: find out, then: kios relay claim settle --sale ${saleId}, or claim release and claim refund.`;
  }
  if (orderedIdr > 0) {
    return `A refund of ${formatRupiah(orderedIdr)} is ordered: the relay makes it, if it runs.`;
  }
  return operatorOnly === 1
    ? `Find out what happened, then: kios relay claim refund --sale ${saleId}, or claim settle.`
    : `The customer may fetch the goods with the slip's code; or: kios relay claim refund --sale ${saleId}.`;
}

/** That it is older than its restored ledger, and what was heard of it last. */
function notesOf({ restored, note }: ClaimRow): string {
  const lock = restored === 1 && note !== restoredNote ? [restoredNote] : [];
  const notes = [...lock, ...(note === null ? [] : [word(note)])];
  return notes.length === 0 ? '' : ` (${notes.join(', ')})`;
}

function claimFindings(claim: ClaimRow): Finding[] {
  const { saleId, kind, amountIdr, state } = claim;
  const sum = formatRupiah(amountIdr);
  const noted = notesOf(claim);
  switch (state) {
    case 'open':
      return [
        {
          kind: 'claim-open',
          what: `${sum} is owed to the customer: ${claimWords[kind]}${noted}.`,
          next: openStep(claim),
        },
      ];
    case 'redeeming':
      return [
        {
          kind: 'claim-locked',
          what: `${sum}: the kiosk was allowed to hand the goods out, and has not said whether it did${noted}.`,
          next: `Look at the machine, then: kios relay claim settle --sale ${saleId}, or claim release.`,
        },
      ];
    case 'refunding':
      return [
        {
          kind: 'claim-locked',
          what: `${sum} is on its way back to the payer, and the bank has not confirmed it${noted}.`,
          next: 'Wait; after three working days look at the refund in the Midtrans dashboard.',
        },
      ];
    case 'honoured':
    case 'refunded':
      return [];
  }
}

const claimWords: Readonly<Record<ClaimRow['kind'], string>> = {
  late: 'the money came when nobody was served any more',
  foreign: 'the money is not as it was asked for',
  failed: 'the goods did not come out',
  unknown: 'nobody can say whether the goods came out',
  abandoned: 'the kiosk had given the sale up',
  unreported: 'the kiosk never said whether the goods came out',
};
