// The customer's wallet as a client of the twin: reads a bill, pays it, declines it. Knows only what the QR said.
import { z } from 'zod';

const bill = z.object({
  merchant: z.string(),
  amountIdr: z.int(),
  payable: z.boolean(),
});
export type Bill = z.infer<typeof bill>;

/** `refused` carries the twin's code, such as `cancelled`. */
export type Payment = { kind: 'paid' } | { kind: 'refused'; code: string };

export const walletActions = ['scan', 'pay', 'decline'] as const;
export type WalletAction = (typeof walletActions)[number];

/** Longer than the twin ever takes. */
const timeoutMs = 5000;

/** Asks the twin as it is. @throws TypeError, TimeoutError when it is not there */
export async function askTwin(
  twinPort: number,
  action: WalletAction,
  body: unknown,
): Promise<{ status: number; json: unknown }> {
  const response = await fetch(`http://127.0.0.1:${twinPort}/_twin/wallet/${action}`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
    signal: AbortSignal.timeout(timeoutMs),
  });
  return { status: response.status, json: await response.json() };
}

/** What a wallet shows after it has read this QR. */
export async function readBill(twinPort: number, qrString: string): Promise<Bill> {
  const { json } = await askTwin(twinPort, 'scan', { qrString });
  return bill.parse(json);
}

export async function pay(twinPort: number, qrString: string): Promise<Payment> {
  const { status, json } = await askTwin(twinPort, 'pay', { qrString });
  if (status === 200) return { kind: 'paid' };
  const { code } = z.object({ code: z.string() }).parse(json);
  return { kind: 'refused', code };
}
