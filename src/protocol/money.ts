// Rupiah: always whole numbers named `amountIdr`. Never a decimal, never a locale lookup.
import { z } from 'zod';

/** What one QRIS payment may be, in rupiah. Midtrans: QRIS min 1, max 10,000,000. */
export const qrisLimitsIdr = { min: 1, max: 10_000_000 } as const;

/** An amount that QRIS can carry, in rupiah. */
export const amountIdr = z.int().min(qrisLimitsIdr.min).max(qrisLimitsIdr.max);

/** Writes rupiah as people here read them: `Rp 15.000`. The space is an ordinary one, so that printers can encode it. */
export function formatRupiah(amount: number): string {
  const digits = Math.abs(amount).toString();
  const grouped = digits.replace(/\B(?=(\d{3})+$)/g, '.');
  return `${amount < 0 ? '-' : ''}Rp ${grouped}`;
}
