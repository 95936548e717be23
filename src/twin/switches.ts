// What the merchant's account may do at this moment; can be changed while the twin runs.
import { z } from 'zod';

/** Whole rupiah; `null`: never at an end. */
const balanceIdr = z.int().min(0).max(1_000_000_000_000).nullable();

export const switchChange = z.strictObject({
  qris: z.boolean().optional(),
  gopay: z.boolean().optional(),
  /** Off: Midtrans does not refund for this merchant, as for integrations at the till by default. */
  refunds: z.boolean().optional(),
  /** What refunds are paid from. */
  balanceIdr: balanceIdr.optional(),
  /** Off: the Server Key is answered with 401, as after a rotation. */
  key: z.boolean().optional(),
});
export type SwitchChange = z.infer<typeof switchChange>;

export interface Switches {
  qris: boolean;
  gopay: boolean;
  refunds: boolean;
  balanceIdr: number | null;
  key: boolean;
}

interface Defaults {
  channels: { qris: boolean; gopay: boolean };
  refunds: { enabled: boolean; balanceIdr: number | null };
}

export function createSwitches({ channels, refunds }: Defaults): Switches {
  return {
    ...channels,
    refunds: refunds.enabled,
    balanceIdr: refunds.balanceIdr,
    key: true,
  };
}

/** Changes those that are named. */
export function change(switches: Switches, { qris, gopay, refunds, ...more }: SwitchChange): void {
  if (qris !== undefined) switches.qris = qris;
  if (gopay !== undefined) switches.gopay = gopay;
  if (refunds !== undefined) switches.refunds = refunds;
  if (more.balanceIdr !== undefined) switches.balanceIdr = more.balanceIdr;
  if (more.key !== undefined) switches.key = more.key;
}
