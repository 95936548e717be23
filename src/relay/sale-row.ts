// The relay's row of one sale, as it is stored: flat, nullable, without booleans, so that both databases hold it alike.
import { type ErrorCode } from '../protocol/errors.ts';
import { type Fulfilment } from '../protocol/sale.ts';
import { type Verdict } from '../protocol/verdict.ts';

/** Why a charge is being stopped; the first reason wins. `qr` and `abandoned` are the relay's own. */
export type StopReason = 'customer' | 'timeout' | 'fault' | 'qr' | 'abandoned';

/** Times are milliseconds since 1970 on the relay's clock, unless a gateway gave them. */
export interface SaleRow {
  saleId: string;
  kioskId: string;
  amountIdr: number;
  /** Canonical JSON of the basket; null: no basket given, or a tombstone. */
  items: string | null;
  verdict: Verdict;
  /** The kiosk's change number of the last move of the verdict; 0 before the first. `prev`: the number before it. */
  seq: number;
  prev: number;
  createdAtMs: number;
  /** When the verdict last moved. */
  movedAtMs: number;
  /** From here on the relay stops the charge itself. */
  deadlineAtMs: number;
  /** Idempotency-Key of its charge; null: none was ever sent (a tombstone). */
  chargeKey: string | null;
  /** The attempt in flight was sent then. */
  sentAtMs: number | null;
  /** An attempt before it was sent then and was never answered: it may still land. */
  silentAtMs: number | null;
  /** An attempt ended without a clear answer then: a refusal of another attempt proves nothing. */
  doubtAtMs: number | null;
  chargeId: string | null;
  chargedAtMs: number | null;
  /** Midtrans' own expiry of the charge. */
  expiresAtMs: number | null;
  qrString: string | null;
  imageUrl: string | null;
  stop: StopReason | null;
  stoppedAtMs: number | null;
  /** Midtrans first said 404 then, with no attempt open. */
  absentAtMs: number | null;
  /** A signed settlement notice came then and is not confirmed yet. */
  noticedAtMs: number | null;
  /** Settled with a fraud mark: waits for the operator since then. */
  heldAtMs: number | null;
  reason: ErrorCode | null;
  settledAtMs: number | null;
  /** 1: Midtrans named no time: `settledAtMs` is when we learnt of the money, which may be older. */
  settledLearnt: number;
  /** What Midtrans took, which may differ from `amountIdr`; 0 until it has settled. */
  settledIdr: number;
  issuer: string | null;
  refundedIdr: number;
  /** When the relay last heard that money of it has gone back. */
  refundedAtMs: number | null;
  fulfilment: Fulfilment | null;
  fulfilmentDetail: string | null;
  /** 1: the report came without the kiosk's own signature; one that is signed replaces it. */
  fulfilmentUnsigned: number;
  /** What was reported against `fulfilment`, before or after it, where the kiosk signed at least one of the two. */
  fulfilmentDisputed: Fulfilment | null;
  /** When `reconcile` looks at it next; null: never again by itself. */
  askAtMs: number | null;
  /** 1: made from the kiosk's proofs after a restore; Midtrans has not said yet what became of it (PROTOCOL.md §8). */
  recovering: number;
}

/** Why money needs a person, or a redemption. One claim a sale. */
export type ClaimKind = 'late' | 'foreign' | 'failed' | 'unknown' | 'abandoned' | 'unreported';

export const claimStates = ['open', 'redeeming', 'honoured', 'refunding', 'refunded'] as const;
export type ClaimState = (typeof claimStates)[number];

export interface ClaimRow {
  saleId: string;
  kioskId: string;
  kind: ClaimKind;
  /**
   * What of the money is still owed: what Midtrans took, less what went back before. It stands still from `refunding`,
   * `honoured` and `refunded` on.
   */
  amountIdr: number;
  /** 1: never honoured or refunded by itself. */
  operatorOnly: number;
  state: ClaimState;
  openedAtMs: number;
  changedAtMs: number;
  /** The redemption that was granted last (PROTOCOL.md §7). */
  dispenseId: string | null;
  /** Every dispense id that was ever granted, as a JSON array: none of them is granted again. */
  spentIds: string;
  /** How many refunds were begun; `refund_key` is `<saleId>-<refundN>`. */
  refundN: number;
  /** What the refund in flight, or the last one, is for. */
  refundIdr: number;
  /** When `refundN` was begun. */
  refundAtMs: number | null;
  /** The operator has told to refund so much, and it is not through; 0: has not. */
  orderedIdr: number;
  /** What the operator gave back by hand, outside of Midtrans. */
  handIdr: number;
  /**
   * 1: it is older than the backup that this ledger was restored from, and may have been paid out since. No money leaves for
   * it before the operator has released it.
   */
  restored: number;
  /** Why it stands as it stands, in a word for the operator. */
  note: string | null;
  /** When `reconcile` looks at it next; null: never by itself. */
  askAtMs: number | null;
}
