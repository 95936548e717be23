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
  /** Whose charge it is, as the gateway says: an Idempotency-Key that was used before answers with another one's. */
  saleId: string;
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
  /** The gateway itself said that the first call with this key is still running: it lives. */
  running?: true;
  /** It failed on the gateway's own side (5xx): better leave it alone for a while. */
  ailing?: true;
  detail: string;
}

/** The gateway did not take the call at all (rate limit): nothing happened. */
export interface TryAgain {
  kind: 'try-again';
  detail: string;
  /** How long the gateway wants to be left alone, where it says so. */
  retryAfterMs?: number;
}

/** Not a byte left this process: nothing happened, and nothing that was in doubt before is clearer now. */
export interface Unsent {
  kind: 'unsent';
  /**
   * `shut`: not even tried, because the gateway has not answered lately. `resting`: nor this, because it wants no charges
   * now. `unreachable`: no connection could be made.
   */
  why: 'shut' | 'resting' | 'unreachable';
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
  /** Refused for good. `code`: the gateway's own number, for the log. `saleId`: whose charge, where it says so. */
  | { kind: 'refused'; code: string; reason: ErrorCode; saleId?: string }
  /** The order id is taken: a charge exists, ask for it. */
  | { kind: 'conflict' }
  /** The gateway answered "not found" to a charge: nothing was made, as far as it can see. */
  | { kind: 'absent' }
  | TryAgain
  | Unsent
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
  /** The refunds one by one, where the gateway lists them. */
  refunds?: readonly Refund[];
}

/** One refund as the gateway has it. */
export interface Refund {
  /** Ours, as it was sent; undefined where the gateway's list leaves it out. */
  key: string | undefined;
  amountIdr: number | undefined;
  /** It has reached the payer's bank. */
  confirmed: boolean;
}

export type StatusOutcome =
  | { kind: 'found'; status: ChargeStatus }
  /** The gateway has no such charge, now. */
  | { kind: 'absent' }
  | TryAgain
  | Unsent
  | Rejected
  | Unknown;

export type StopVerb = 'cancel' | 'expire';

export type StopOutcome =
  /** The charge that it names is dead: nobody can pay it any more. Whether that is the one asked about, the ledger says. */
  | {
      kind: 'stopped';
      as: 'cancelled' | 'expired';
      saleId?: string | undefined;
      chargeId: string | undefined;
    }
  /** It cannot be changed: just paid, or dead already. Ask. */
  | { kind: 'conflict' }
  | { kind: 'absent' }
  | TryAgain
  | Unsent
  | Rejected
  | Unknown;

export type RefundOutcome =
  | { kind: 'accepted'; refundedIdr: number }
  | { kind: 'refused'; code: string; detail: string }
  | { kind: 'duplicate' }
  | TryAgain
  | Unsent
  | Unknown;

export type ImageOutcome =
  | { kind: 'image'; png: Uint8Array<ArrayBuffer> }
  /** `silent`: the host did not answer at all. */
  | { kind: 'unavailable'; silent?: true; detail: string };

/**
 * How the gateway has been lately, for whoever has a choice. It says nothing about any charge. Durations are
 * milliseconds from now.
 */
export interface Upstream {
  /** So long no call would be sent: it is silent. 0: go ahead. */
  downMs(): number;
  /** So long no charge would be sent: it is silent, or wants to be left alone (429, Retry-After). 0: go ahead. */
  chargeInMs(): number;
  /** So long questions that nobody waits for hold off: it asked for that, or it fails. 0: go ahead. */
  quietMs(): number;
  /** Asks whether it is there again, if it was down and the time has come. Never rejects. */
  probe(): Promise<void>;
}

/**
 * One gateway account. `id` is the charge id once known, else the sale id. `key` is the Idempotency-Key of this one
 * operation. No call throws for what the world does: every failure is one of the outcomes. None retries by itself.
 *
 * BI-SNAP QRIS (midtrans.md §19.1) fits so: `charge` is `qr-mpm-generate` with `partnerReferenceNo` and X-EXTERNAL-ID
 * made of the sale id (36 characters, so 24 h of idempotency; `key` is not needed), `qrContent` the QR's text, `qrUrl`
 * its picture, `referenceNo` the charge id; 2024700 is `unknown` and `running`, 4094700 `conflict`, 4014700 and 4034702
 * `refused`, 5xx `unknown`. Both stop verbs are its cancel: it knows no expire, and `validityPeriod` is the net. `status`
 * maps 00 settled, 01 and 03 pending, 04 refunded, 05 cancelled, 06 and 09 denied, 08 expired. Access token and request
 * signature stay inside. Its notices are signed with RSA and come to a path of their own: that route makes a `Notice`.
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
