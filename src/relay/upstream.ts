// Midtrans as the configuration has it: for the running relay, and for commands that ask it something.
import { type RelayConfig } from './config.ts';
import { createMidtrans, type MidtransClient } from './midtrans/client.ts';

/** midtrans.md §12: Midtrans' own expiry is not reliable below this, so it is only the net. */
const minExpiryMinutes = 15;

/** Midtrans as this configuration has it. Whoever asks for it closes it. */
export function midtransOf(config: RelayConfig, serverKey: string): MidtransClient {
  const { midtrans, sale } = config;
  return createMidtrans({
    baseUrl: midtrans.baseUrl,
    serverKey,
    paymentType: midtrans.paymentType,
    acquirer: midtrans.acquirer,
    notificationUrl: `${config.publicUrl}/v1/notifications/midtrans`,
    expiryMinutes: Math.max(minExpiryMinutes, Math.ceil(sale.expiresInMs / 60_000) + 1),
    timeouts: { chargeMs: midtrans.chargeTimeoutMs, askMs: midtrans.askTimeoutMs },
  });
}
