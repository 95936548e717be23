// A notification's body, and that of get-status, which is nearly the same (reference §8.1, §10.3). Computes, does no I/O.
import {
  commonFields,
  paidFields,
  refundFields,
  rupiahText,
  statusCodes,
  type Body,
} from './answers.ts';
import { aged } from './legacy.ts';
import { signatureOf } from './signature.ts';
import { grossIdr, type Transaction, type TransactionStatus } from './transaction.ts';

/** In a notification everything that ended without money is 202; get-status uses other codes (407, 200). */
function noticeCode(status: TransactionStatus): string {
  return status === 'expire' || status === 'cancel' ? '202' : statusCodes[status];
}

/** The body for the transaction as it is now. */
export function noticeBody(transaction: Transaction, merchantId: string, serverKey: string): Body {
  const code = noticeCode(transaction.status);
  const message = 'midtrans payment notification';
  const body = signedBody(transaction, merchantId, serverKey, code, message);
  return aged(body, transaction.legacy, 'notification');
}

/** The body of get-status: as the notification, but with its own code and therefore its own signature. */
export function statusBody(transaction: Transaction, merchantId: string, serverKey: string): Body {
  const code = statusCodes[transaction.status];
  const message = 'Success, transaction is found';
  const body = signedBody(transaction, merchantId, serverKey, code, message);
  return aged(body, transaction.legacy, 'status');
}

function signedBody(
  transaction: Transaction,
  merchantId: string,
  serverKey: string,
  code: string,
  message: string,
): Body {
  const amount = rupiahText(grossIdr(transaction));
  return {
    ...commonFields(transaction, merchantId),
    ...paidFields(transaction),
    ...refundFields(transaction),
    ...transaction.echo,
    status_message: message,
    status_code: code,
    signature_key: signatureOf(transaction.orderId, code, amount, serverKey),
  };
}
