// Midtrans' validation of a refund (reference §8.4). PURE: whether the amount is left is the transaction's affair.

export interface RefundRequest {
  key?: string;
  amountIdr?: number;
  reason?: string;
}

export type RefundParse = { ok: true; request: RefundRequest } | { ok: false; messages: string[] };

/** Every field is optional: without an amount all that is left is refunded. The official client sends `null` for a body. */
export function parseRefund(body: unknown): RefundParse {
  const fields = (typeof body === 'object' && body !== null ? body : {}) as Record<string, unknown>;
  const messages: string[] = [];
  const { refund_key: key, amount, reason } = fields;
  const request: RefundRequest = {};
  if (typeof key === 'string' && /^[A-Za-z0-9_-]{1,255}$/.test(key)) request.key = key;
  else if (key !== undefined) messages.push('refund_key is invalid');
  if (typeof amount === 'number') request.amountIdr = amount;
  else if (amount !== undefined) messages.push('amount must be a number');
  if (typeof reason === 'string' && reason.length <= 255) request.reason = reason;
  else if (reason !== undefined) messages.push('reason max length is 255');
  return messages.length > 0 ? { ok: false, messages } : { ok: true, request };
}
