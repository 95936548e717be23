// What Midtrans' words say to the floors: a notification's signature is over these, settled is that. For the floors,
// which check them by hand.
import assert from 'node:assert';
import { serverKey } from '../notices.ts';

interface NoticeFields {
  order_id: string;
  status_code: string;
  gross_amount: string;
  signature_key: string;
}

/** @throws SyntaxError when the body is no JSON. */
export function signedText(body: string): { saleId: string; text: string; signature: string } {
  const notice = JSON.parse(body) as NoticeFields;
  return {
    saleId: notice.order_id,
    text: notice.order_id + notice.status_code + notice.gross_amount + serverKey,
    signature: notice.signature_key,
  };
}

/** @throws AssertionError unless Midtrans' answer to a get-status says that these rupiah are in. */
export function assertSettled(text: string, amountIdr: number): void {
  const status = JSON.parse(text) as { transaction_status: string; gross_amount: string };
  assert(status.transaction_status === 'settlement');
  assert(status.gross_amount === `${amountIdr}.00`);
}
