// Reads Midtrans' webhook. The signature covers order, code and amount alone, never the state: so a notice, however
// authentic, is only a reason to ask (get-status). It never moves money.
import { createHash, timingSafeEqual } from 'node:crypto';
import { chargeState } from './classify.ts';
import { noticeBody, type NoticeBody } from './schemas.ts';
import { parseGrossAmount } from './wire.ts';

/** An authentic notice. Only `saleId`, `code` and `amountIdr` are vouched for by the signature. */
export interface Notice {
  /** SHA-256 over what it says that matters: order, code and amount, and which state of which charge or refund. */
  noticeId: string;
  saleId: string;
  amountIdr: number | undefined;
  /** It speaks of money: its signed code is that of a success, and so is its (unsigned) state. */
  settlement: boolean;
  /** Its signed code or its (unsigned) state is that of the first one, which needs no confirmation. */
  pending: boolean;
  /** Which charge it names; unsigned. */
  chargeId: string | undefined;
  merchantId: string | undefined;
}

export type NoticeReading =
  { kind: 'authentic'; notice: Notice } | { kind: 'malformed' } | { kind: 'forged' };

/** Midtrans: lower-case hex SHA-512 over order_id + status_code + gross_amount + Server Key, as the body spells them. */
export function noticeSignature(
  signed: { order_id: string; status_code: string; gross_amount: string },
  serverKey: string,
): string {
  return createHash('sha512')
    .update(signed.order_id + signed.status_code + signed.gross_amount + serverKey)
    .digest('hex');
}

/** Parses and verifies a webhook body. Constant time where the key is involved. */
export function readNotice(raw: Uint8Array, serverKey: string): NoticeReading {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(raw));
  } catch (error) {
    if (error instanceof SyntaxError || error instanceof TypeError) return { kind: 'malformed' };
    throw error;
  }
  const parsed = noticeBody.safeParse(json);
  if (!parsed.success) return { kind: 'malformed' };
  const body = parsed.data;
  const expected = Buffer.from(noticeSignature(body, serverKey));
  const given = Buffer.from(body.signature_key);
  if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
    return { kind: 'forged' };
  }
  const state = chargeState(body.transaction_status);
  return {
    kind: 'authentic',
    notice: {
      noticeId: noticeId(body),
      saleId: body.order_id,
      amountIdr: parseGrossAmount(body.gross_amount),
      settlement: body.status_code === '200' && state === 'settled',
      pending: body.status_code === '201' || state === 'pending',
      chargeId: body.transaction_id,
      merchantId: body.merchant_id,
    },
  };
}

/** The same notice, sent again with other words around it, is one notice. */
function noticeId(body: NoticeBody): string {
  const said = [
    ...[body.order_id, body.status_code, body.gross_amount],
    ...[body.transaction_id, body.transaction_status.toLowerCase()],
    ...(body.refunds ?? []).map((refund) => [refund.refund_key, refund.bank_confirmed_at != null]),
  ];
  return createHash('sha256').update(JSON.stringify(said)).digest('hex');
}

/** Whether a stored body, which was authentic when it came, tells of money that goes back. */
export function speaksOfRefund(body: string): boolean {
  // Seldom, and reading the body again costs as much as all else that is asked about it. `\\u`: a letter spelt out.
  if (!/refund|\\u/i.test(body)) return false;
  const parsed = noticeBody.safeParse(JSON.parse(body));
  return parsed.success && chargeState(parsed.data.transaction_status) === 'refunded';
}
