// The day close's comparison of one sale with what Midtrans says of it. PURE. It never asks anybody.
import { formatRupiah } from '../protocol/money.ts';
import { isDead, isOpen, isSettled } from '../protocol/verdict.ts';
import { type BalanceRow } from './balance.ts';
import {
  held,
  refundedByHand,
  rupiah,
  word,
  type Finding,
  type FindingKind,
  type Ours,
  type Theirs,
} from './finding.ts';
import { type ChargeStatus } from './midtrans/gateway.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/** Where Midtrans says something else than the relay. */
export function theirFindings({ sale, claim }: BalanceRow, theirs: Theirs, ours: Ours): Finding[] {
  switch (theirs.kind) {
    case 'not-asked':
      return [];
    case 'silent':
      return [
        {
          kind: 'no-answer',
          what: `Midtrans did not say what it has (${theirs.detail}).`,
          next: 'Run the report again later.',
        },
      ];
    case 'absent':
      return absent(sale);
    case 'found': {
      const { status, other } = theirs;
      if (status.saleId !== sale.saleId) {
        return [strange('Midtrans answered about another order.')];
      }
      return [
        ...(other === undefined ? [] : otherCharge(other)),
        ...identity(sale, status, ours),
        ...stateFindings(sale, status),
        ...refundFindings(sale, claim, status),
      ];
    }
  }
}

function absent(sale: SaleRow): Finding[] {
  if (isSettled(sale.verdict)) return [paidHereOnly(sale, 'does not know the order')];
  if (!isOpen(sale.verdict) || sale.chargeId === null) return [];
  return [
    {
      kind: 'absent-there',
      what: 'The relay has a charge of this sale, Midtrans does not know it.',
      next: 'Look whether the Server Key belongs to this merchant; else ask Midtrans with the sale id.',
    },
  ];
}

function otherCharge(other: ChargeStatus): Finding[] {
  if (other.state !== 'settled' && other.state !== 'pending' && other.state !== 'refunded') {
    return [];
  }
  return [
    {
      kind: 'other-charge',
      what: `Midtrans has a second charge under this sale's id: ${other.chargeId}, ${other.state}, ${rupiah(other.amountIdr)}.`,
      next:
        other.state === 'pending'
          ? 'Cancel that one in the Midtrans dashboard.'
          : 'Refund that one in the Midtrans dashboard: the customer paid twice.',
    },
  ];
}

/** The money is ours, and as much as was asked for. */
function identity(sale: SaleRow, status: ChargeStatus, ours: Ours): Finding[] {
  const expectedIdr = isSettled(sale.verdict) ? sale.settledIdr : sale.amountIdr;
  const findings: Finding[] = [];
  const differs = (kind: FindingKind, what: string): void => {
    const next =
      'Hand over nothing for it. Settle it with Midtrans; refund by hand what is not ours.';
    findings.push({ kind, what, next });
  };
  if (status.amountIdr !== expectedIdr) {
    differs(
      'amount-differs',
      `Here it is ${formatRupiah(expectedIdr)}, at Midtrans ${rupiah(status.amountIdr)}.`,
    );
  }
  if ((status.currency ?? 'IDR') !== 'IDR') {
    differs('currency-differs', `Midtrans has it in ${word(status.currency)}, not in IDR.`);
  }
  if ((status.merchantId ?? ours.merchantId) !== ours.merchantId) {
    differs('merchant-differs', `At Midtrans it belongs to merchant ${word(status.merchantId)}.`);
  }
  return findings;
}

function stateFindings(sale: SaleRow, status: ChargeStatus): Finding[] {
  const settledHere = isSettled(sale.verdict);
  switch (status.state) {
    case 'settled':
    case 'refunded':
      return settledHere ? [] : settledThereOnly(sale, status);
    case 'pending':
      if (settledHere) return [paidHereOnly(sale, 'still waits for the payer')];
      if (!isDead(sale.verdict)) return [];
      return [
        {
          kind: 'payable-there',
          what: `Here it is ${sale.verdict}, at Midtrans it can still be paid.`,
          next: 'The relay stops it again by itself. If it stays for an hour, cancel it in the Midtrans dashboard.',
        },
      ];
    case 'denied':
    case 'cancelled':
    case 'expired':
      if (settledHere) return [paidHereOnly(sale, `has it ${status.state}`)];
      if (!isOpen(sale.verdict)) return [];
      return [
        {
          kind: 'ended-there',
          what: `At Midtrans it is ${status.state}, here it is still ${sale.verdict}.`,
          next: 'The relay asks again within minutes. If it stays: is the relay running, and does it reach Midtrans?',
        },
      ];
    case 'other':
      return [strange('Midtrans has it in a state that the relay has no word for.')];
  }
}

function settledThereOnly(sale: SaleRow, status: ChargeStatus): Finding[] {
  if (sale.heldAtMs !== null) return [];
  if (status.fraud !== undefined && status.fraud !== 'accept') return [held()];
  return [
    {
      kind: 'paid-there-not-here',
      what: `Midtrans has taken ${rupiah(status.amountIdr)}, here it is ${sale.verdict}.`,
      next: 'Leave the relay running: it asks again, and opens a claim when nobody is served any more. If it stays for a day, refund it in the Midtrans dashboard.',
    },
  ];
}

function paidHereOnly(sale: SaleRow, has: string): Finding {
  return {
    kind: 'paid-here-not-there',
    what: `Here it is ${sale.verdict} with ${formatRupiah(sale.settledIdr)}, Midtrans ${has}.`,
    next: 'Refund nothing. Compare with the payout of the bank and ask Midtrans with the sale id.',
  };
}

function refundFindings(
  sale: SaleRow,
  claim: ClaimRow | undefined,
  status: ChargeStatus,
): Finding[] {
  if (!isSettled(sale.verdict) || status.refundedIdr === sale.refundedIdr) return [];
  if (status.refundedIdr < sale.refundedIdr) {
    return [
      {
        kind: 'refund-not-there',
        what: `Here ${formatRupiah(sale.refundedIdr)} went back, at Midtrans ${formatRupiah(status.refundedIdr)}.`,
        next: 'Look at the refund in the Midtrans dashboard: it may have been refused after all.',
      },
    ];
  }
  const moreIdr = status.refundedIdr - sale.refundedIdr;
  if (sale.fulfilment === 'done' || claim?.state === 'honoured') {
    return [refundedByHand(moreIdr)];
  }
  return [
    {
      kind: 'refund-not-here',
      what: `At Midtrans ${formatRupiah(moreIdr)} more went back than the relay knows.`,
      next: 'The relay hears of it by a notice. If it stays for a day, look at its log for this sale.',
    },
  ];
}

function strange(what: string): Finding {
  return {
    kind: 'strange-answer',
    what,
    next: 'Look at the order in the Midtrans dashboard, and keep the log of the relay.',
  };
}
