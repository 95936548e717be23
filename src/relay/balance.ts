// Rule 9 (PROTOCOL.md §6): every settled rupiah is in hand, done, refunded or in an open claim, and in one of them only. PURE.
// Counts and adds up what the rows say; what fits nowhere is a difference, never rounded away.
import { isSettled } from '../protocol/verdict.ts';
import { type ClaimRow, type SaleRow } from './sale-row.ts';

/** Sales, and whole rupiah. */
export interface Sum {
  count: number;
  idr: number;
}

/**
 * `unclaimed`: owed, and no claim says so. `claim-amount`: the claim is for another sum than what is left.
 * `goods-and-refund`: goods are out and the money went back: a loss. `goods-twice`: they came out twice for it.
 * `refunded-twice`: more went back than came.
 * `claim-without-money`: a claim of a sale that never settled.
 */
export type DifferenceKind =
  | 'unclaimed'
  | 'claim-amount'
  | 'goods-and-refund'
  | 'goods-twice'
  | 'refunded-twice'
  | 'claim-without-money';

/** `idr`: how much it is about, always above zero. */
export interface Difference {
  saleId: string;
  kind: DifferenceKind;
  idr: number;
}

/** A sale is counted where the rest of its money is; its rupiah are added wherever each of them is. */
export interface Balance {
  settled: Sum;
  inHand: Sum;
  done: Sum;
  refunded: Sum;
  openClaim: Sum;
  /** Of `refunded`: what was given by hand, outside of Midtrans. */
  byHandIdr: number;
  differences: readonly Difference[];
}

/** A sale with its claim, if it ever had one. */
export interface BalanceRow {
  sale: SaleRow;
  claim: ClaimRow | undefined;
}

const classes = ['inHand', 'done', 'refunded', 'openClaim'] as const;
type Class = (typeof classes)[number];

/** Adds up these sales. Sales that never settled count for nothing. */
export function balanceOf(sales: readonly BalanceRow[]): Balance {
  const balance = { ...emptyBalance(), differences: [] as Difference[] };
  for (const { sale, claim } of sales) {
    const place = isSettled(sale.verdict) ? placeOf(sale, claim) : unsettled(claim);
    for (const name of classes) balance[name].idr += place.idr[name] ?? 0;
    if (place.in !== undefined) balance[place.in].count++;
    balance.byHandIdr += claim?.handIdr ?? 0;
    if (isSettled(sale.verdict)) {
      balance.settled.count++;
      balance.settled.idr += sale.settledIdr;
    }
    if (place.difference !== undefined) {
      balance.differences.push({ saleId: sale.saleId, ...place.difference });
    }
  }
  return balance;
}

/** Nothing, to which pages are added. */
export function emptyBalance(): Balance {
  const none = (): Sum => ({ count: 0, idr: 0 });
  return {
    ...{ settled: none(), inHand: none(), done: none(), refunded: none(), openClaim: none() },
    byHandIdr: 0,
    differences: [],
  };
}

/** The balance of two sets of sales that have none in common. */
export function addBalances(a: Balance, b: Balance): Balance {
  const add = (x: Sum, y: Sum): Sum => ({ count: x.count + y.count, idr: x.idr + y.idr });
  return {
    settled: add(a.settled, b.settled),
    inHand: add(a.inHand, b.inHand),
    done: add(a.done, b.done),
    refunded: add(a.refunded, b.refunded),
    openClaim: add(a.openClaim, b.openClaim),
    byHandIdr: a.byHandIdr + b.byHandIdr,
    differences: [...a.differences, ...b.differences],
  };
}

/** Whether the four sums are what was settled, in rupiah and in sales. */
export function isBalanced(balance: Balance): boolean {
  const sum = (of: 'count' | 'idr'): number =>
    classes.reduce((total, name) => total + balance[name][of], 0);
  return sum('idr') === balance.settled.idr && sum('count') === balance.settled.count;
}

interface Place {
  /** Undefined: it fits nowhere. */
  in: Class | undefined;
  idr: Partial<Record<Class, number>>;
  difference?: Omit<Difference, 'saleId'>;
}

function unsettled(claim: ClaimRow | undefined): Place {
  if (claim === undefined) return { in: undefined, idr: {} };
  const difference = { kind: 'claim-without-money', idr: Math.max(claim.amountIdr, 1) } as const;
  return { in: undefined, idr: {}, difference };
}

function placeOf(sale: SaleRow, claim: ClaimRow | undefined): Place {
  const { settledIdr, refundedIdr } = sale;
  if (claim !== undefined) return claimPlace(sale, claim);
  const rest = settledIdr - refundedIdr;
  if (rest < 0) return tooMuch(refundedIdr, -rest);
  if (rest === 0) {
    const place: Place = { in: 'refunded', idr: { refunded: refundedIdr } };
    return sale.fulfilment === 'done' ? lost(place, refundedIdr) : place;
  }
  if (sale.fulfilment === 'done') {
    const place: Place = { in: 'done', idr: { done: rest, refunded: refundedIdr } };
    return refundedIdr > 0 ? lost(place, refundedIdr) : place;
  }
  if (sale.verdict === 'paid' && sale.fulfilment === null) {
    return { in: 'inHand', idr: { inHand: rest, refunded: refundedIdr } };
  }
  return {
    in: undefined,
    idr: { refunded: refundedIdr },
    difference: { kind: 'unclaimed', idr: rest },
  };
}

function claimPlace(sale: SaleRow, claim: ClaimRow): Place {
  const { settledIdr, refundedIdr } = sale;
  const { amountIdr, handIdr } = claim;
  switch (claim.state) {
    case 'open':
    case 'redeeming': {
      const off = Math.abs(amountIdr - (settledIdr - refundedIdr));
      const place: Place = {
        in: 'openClaim',
        idr: { openClaim: amountIdr, refunded: refundedIdr },
      };
      return off === 0 ? place : { ...place, difference: { kind: 'claim-amount', idr: off } };
    }
    case 'refunding': {
      // What Midtrans has taken back already counts as refunded only when the bank has confirmed it.
      const before = settledIdr - amountIdr;
      const place: Place = { in: 'openClaim', idr: { openClaim: amountIdr, refunded: before } };
      const off = Math.max(before - refundedIdr, -before, refundedIdr - settledIdr);
      return off <= 0 ? place : { ...place, difference: { kind: 'claim-amount', idr: off } };
    }
    case 'honoured': {
      const late = refundedIdr - (settledIdr - amountIdr);
      const done = settledIdr - refundedIdr;
      if (done < 0) return tooMuch(refundedIdr, -done);
      const place: Place = { in: 'done', idr: { done, refunded: refundedIdr } };
      if (late > 0) return lost(place, late);
      if (claim.note !== 'goods-twice') return place;
      return { ...place, difference: { kind: 'goods-twice', idr: amountIdr } };
    }
    case 'refunded': {
      const wentBack = refundedIdr + handIdr;
      if (wentBack > settledIdr) return tooMuch(wentBack, wentBack - settledIdr);
      const place: Place = { in: 'refunded', idr: { refunded: wentBack } };
      const off = settledIdr - wentBack;
      if (off > 0) return { ...place, difference: { kind: 'claim-amount', idr: off } };
      // The goods of the sale itself, or those of its claim.
      const isOut = sale.fulfilment === 'done' || claim.note === 'goods-and-refund';
      return isOut ? lost(place, wentBack) : place;
    }
  }
}

function lost(place: Place, idr: number): Place {
  return { ...place, difference: { kind: 'goods-and-refund', idr } };
}

function tooMuch(wentBack: number, idr: number): Place {
  const difference = { kind: 'refunded-twice', idr } as const;
  return { in: 'refunded', idr: { refunded: wentBack }, difference };
}
