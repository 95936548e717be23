// The names by which kiosk and relay know a kiosk and a sale. Never mints one: minting needs a clock and randomness.
import { z } from 'zod';

/** A kiosk's name: 4 to 9 lower-case letters or digits. Also its MQTT client id and the prefix of its sale ids. */
export const kioskId = z
  .string()
  .regex(/^[a-z0-9]{4,9}$/, 'a kiosk id is 4 to 9 lower-case letters or digits, such as ksk01');

const saleIdPattern = /^([a-z0-9]{4,9})-([0-7][0-9A-HJKMNP-TV-Z]{25})$/;

/**
 * A sale's name: `<kioskId>-<ULID>`, at most 36 characters. The kiosk mints it once, writes it to its journal before it
 * is sent, and repeats it on every retry; at Midtrans it is the `order_id`.
 */
export const saleId = z
  .string()
  .regex(saleIdPattern, 'a sale id is <kioskId>-<ULID>, such as ksk01-01JD0000000000000000000000');

/** The kiosk that minted this sale id, or undefined when the text is no sale id. */
export function kioskOfSale(id: string): string | undefined {
  return saleIdPattern.exec(id)?.[1];
}

/** The last four characters, as slips and screens show them so that a person can tell two sales apart. */
export function shortSaleId(id: string): string {
  return id.slice(-4);
}
