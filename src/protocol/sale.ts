// The sale as the relay sends it: one document, as HTTP body and as MQTT message (PROTOCOL.md §1).
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { kioskId, saleId } from './ids.ts';
import { amountIdr } from './money.ts';
import { plainText } from './plain-text.ts';
import { verdict } from './verdict.ts';

/** What the kiosk did for a sale. `unreported` is the relay's word for a kiosk that never said (PROTOCOL.md §6). */
export const fulfilments = ['done', 'failed', 'unknown', 'abandoned', 'unreported'] as const;
export const fulfilment = z.enum(fulfilments);
export type Fulfilment = z.infer<typeof fulfilment>;

/** An instant on the wire: UTC, milliseconds, `Z`. */
export const instant = z.iso.datetime({ precision: 3 });

/** A duration that the receiver counts down on its monotonic clock. */
const durationMs = z.int().min(0);

export const sale = z.object({
  saleId,
  kioskId,
  amountIdr,
  verdict,
  /** This kiosk's change number for this document; `prev` is the one before it. They order the catch-up alone. */
  seq: z.int().min(0),
  prev: z.int().min(0),
  fulfilment: fulfilment.optional(),
  /** The EMVCo text to draw as a QR; at most 512 characters by the QRIS standard. */
  qrString: z.string().max(512).optional(),
  /** Path at the relay of Midtrans' own picture, for a charge that came without text. */
  qrImage: z.string().max(200).optional(),
  /** How long the QR stays payable, counted from the *sending* of the request. HTTP answers only, never MQTT. */
  expiresInMs: durationMs.optional(),
  /** How long ago the money settled, counted from the sending of the request. HTTP answers only, never MQTT. */
  settledAgoMs: durationMs.optional(),
  chargedAt: instant.optional(),
  settledAt: instant.optional(),
  issuer: z.string().max(64).optional(),
  /** Why a charge was denied: an error code of `errors.ts`. */
  reason: z.string().max(64).optional(),
  refundedIdr: z.int().min(0).optional(),
  ledgerId: z.string().min(1).max(64),
  proof: z.string().max(4096),
});

/** One sale as the relay tells it. Nothing in it is believed before its `proof` is verified. */
export type Sale = z.infer<typeof sale>;

/** One thing in the customer's basket. The sum of price × quantity is the amount of the sale. */
export const saleItem = z.object({
  id: plainText(50, 1),
  name: plainText(50, 1),
  priceIdr: z.int().min(0).max(10_000_000),
  quantity: z.int().min(1).max(999),
});
export type SaleItem = z.infer<typeof saleItem>;

/**
 * The `<tag>` of a catch-up cursor `<seq>.<tag>`: eight hex digits over what the relay said at that number. A relay that
 * was restored from a backup and gave the number to something else is found out by it. Both sides compute it.
 */
export function cursorTag(change: { saleId: string; verdict: string; seq: number }): string {
  const text = `${change.saleId} ${change.verdict} ${change.seq}`;
  return createHash('sha256').update(text).digest('hex').slice(0, 8);
}

/** The cursor of a kiosk that has seen nothing yet. */
export const startCursor = '0.00000000';

/** Writes the cursor after `change` was taken. */
export function cursorAfter(change: { saleId: string; verdict: string; seq: number }): string {
  return `${change.seq}.${cursorTag(change)}`;
}

export const cursor = z
  .string()
  .regex(/^\d{1,15}\.[0-9a-f]{8}$/, 'a cursor is <seq>.<eight hex digits>, such as 12.0a1b2c3d');

/** The number in a cursor. */
export function cursorSeq(text: string): number {
  return Number(text.slice(0, text.indexOf('.')));
}
