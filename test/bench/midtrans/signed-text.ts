// What a notification's signature is over: for the floors, which check it by hand.
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
