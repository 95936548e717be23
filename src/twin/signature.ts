// Midtrans' signature of a body (reference §10.4). It covers four texts and nothing else; the key is never logged.
import { createHash } from 'node:crypto';

/** SHA-512 over the four texts as they stand in the body, in lower-case hex. */
export function signatureOf(
  orderId: string,
  statusCode: string,
  grossAmount: string,
  serverKey: string,
): string {
  return createHash('sha512')
    .update(`${orderId}${statusCode}${grossAmount}${serverKey}`)
    .digest('hex');
}
