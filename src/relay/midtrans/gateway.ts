// The seam to whoever holds the money: what a payment gateway is asked and may answer, in this house's own words.
// Types only. A second gateway (BI-SNAP QRIS) fits here; nothing of Midtrans' wire may be seen beyond this folder.
import { type ErrorCode } from '../../protocol/errors.ts';
import { type SaleItem } from '../../protocol/sale.ts';

/** What is charged. `saleId` is the gateway's order id. */
export interface ChargeOrder {
  saleId: string;
  kioskId: string;
  amountIdr: number;
  items: readonly SaleItem[];
}

/** A charge that the gateway made: somebody can pay it now. */
export interface Charge {
  chargeId: string;
  amountIdr: number | undefined;
  currency: string | undefined;
  merchantId: string | undefined;
  qrString?: string;
  /** Where the gateway's own picture of the QR is. */
  imageUrl?: string;
  chargedAtMs?: number;
  /** When the gateway itself lets the charge die; the relay's own deadline comes earlier. */
  expiresAtMs?: number;
}

/**
 * `answered: false` — no answer came, or one that says the call is still running: the charge may land later.
 * `answered: true` — the gateway itself said that it failed.
 */
export interface Unknown {
  kind: 'unknown';
  answered: boolean;
  detail: string;
}

/** The gateway did not take the call at all (rate limit): nothing happened. */
export interface TryAgain {
  kind: 'try-again';
  detail: string;
}

/** Our key or our account is at fault; says nothing about the charge. */
export interface Rejected {
  kind: 'rejected';
  code: string;
  detail: string;
}

export type ChargeOutcome =
  | { kind: 'accepted'; charge: Charge }
  /** Refused for good. `code`: the gateway's own number, for the log. */
  | { kind: 'refused'; code: string; reason: ErrorCode }
  /** The order id is taken: a charge exists, ask for it. */
  | { kind: 'conflict' }
  /** The gateway answered "not found" to a charge: nothing was made, as far as it can see. */
  | { kind: 'absent' }
  | TryAgain
  | Unknown;

/** `refunded`: some of the money, or all of it, went back; `refundedIdr` says how much, where the gateway does. */
export type ChargeState =
  'pending' | 'settled' | 'denied' | 'cancelled' | 'expired' | 'refunded' | 'other';

/** What the gateway knows about a charge. */
export interface ChargeStatus {
  /** Whose charge it is, as the gateway says. */
  saleId: string | undefined;
  chargeId: string;
  state: ChargeState;
  /** Undefined when the gateway's text is not whole rupiah. */
  amountIdr: number | undefined;
  currency: string | undefined;
  merchantId: string | undefined;
  /** Lower case; undefined when the gateway says nothing about fraud. */
  fraud: string | undefined;
  settledAtMs?: number;
  expiresAtMs?: number;
  issuer?: string;
  refundedIdr: number;
  /** Every refund of it has reached the payer's bank. */
  refundConfirmed: boolean;
}

export type StatusOutcome =
  | { kind: 'found'; status: ChargeStatus }
  /** The gateway has no such charge, now. */
  | { kind: 'absent' }
  | TryAgain
  | Rejected
  | Unknown;

export type StopVerb = 'cancel' | 'expire';

export type StopOutcome =
  /** Dead: nobody can pay it any more. */
  | { kind: 'stopped'; as: 'cancelled' | 'expired'; chargeId: string | undefined }
  /** It cannot be changed: just paid, or dead already. Ask. */
  | { kind: 'conflict' }
  | { kind: 'absent' }
  | TryAgain
  | Rejected
  | Unknown;

export type RefundOutcome =
  | { kind: 'accepted'; refundedIdr: number }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'duplicate' }
  | TryAgain
  | Unknown;

export type ImageOutcome =
  { kind: 'image'; png: Uint8Array<ArrayBuffer> } | { kind: 'unavailable'; detail: string };

/**
 * One gateway account. `id` is the charge id once known, else the sale id. `key` is the Idempotency-Key of this one
 * operation. No call throws for what the world does: every failure is one of the outcomes. None retries by itself.
 */
export interface Gateway {
  charge(order: ChargeOrder, key: string): Promise<ChargeOutcome>;
  status(id: string): Promise<StatusOutcome>;
  stop(verb: StopVerb, id: string, key: string): Promise<StopOutcome>;
  refund(
    id: string,
    refund: { key: string; amountIdr: number; reason: string },
  ): Promise<RefundOutcome>;
  /** The picture behind a charge's `imageUrl`: host allow-listed, size-capped, fetched without credentials. */
  image(url: string): Promise<ImageOutcome>;
}
