// A notification's body and its signature (reference §10.3, §10.4). Computes, does no I/O; never logs what it makes.
import { createHash } from 'node:crypto';
import {
  commonFields,
  paidFields,
  refundFields,
  rupiahText,
  statusCodes,
  type Body,
} from './answers.ts';
import type { Transaction, TransactionStatus } from './transaction.ts';

/** SHA-512 over the four texts as they stand in the body, in lower-case hex. It covers nothing else of the body. */
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

/** In a notification everything that ended without money is 202; get-status uses other codes (407, 200). */
function noticeCode(status: TransactionStatus): string {
  return status === 'expire' || status === 'cancel' ? '202' : statusCodes[status];
}

/** How a faulty notification differs from the true one. All but `signature` are signed rightly or keep the signature valid. */
export const tampers = ['signature', 'amount', 'order', 'status'] as const;
export type Tamper = (typeof tampers)[number];

/** The body for the transaction as it is now. */
export function noticeBody(
  transaction: Transaction,
  merchantId: string,
  serverKey: string,
  tamper?: Tamper,
): Body {
  const code = noticeCode(transaction.status);
  const orderId =
    tamper === 'order' ? `x${transaction.orderId.slice(1, -1)}x` : transaction.orderId;
  const amount = rupiahText(transaction.amountIdr + (tamper === 'amount' ? 1000 : 0));
  const signature = signatureOf(orderId, code, amount, serverKey);
  return {
    ...commonFields(transaction, merchantId),
    ...paidFields(transaction),
    ...refundFields(transaction),
    ...transaction.echo,
    order_id: orderId,
    gross_amount: amount,
    transaction_status: tamper === 'status' ? otherStatus(transaction.status) : transaction.status,
    status_message: 'midtrans payment notification',
    status_code: code,
    signature_key: tamper === 'signature' ? wrongSignature(signature) : signature,
  };
}

/** The body of get-status: as the notification, but with its own code and therefore its own signature. */
export function statusBody(transaction: Transaction, merchantId: string, serverKey: string): Body {
  const code = statusCodes[transaction.status];
  return {
    ...noticeBody(transaction, merchantId, serverKey),
    status_code: code,
    status_message: 'Success, transaction is found',
    signature_key: signatureOf(
      transaction.orderId,
      code,
      rupiahText(transaction.amountIdr),
      serverKey,
    ),
  };
}

function wrongSignature(signature: string): string {
  return `${signature.slice(0, -1)}${signature.endsWith('0') ? '1' : '0'}`;
}

/** The signature does not cover the status: this is the lie that it lets through. */
function otherStatus(status: TransactionStatus): TransactionStatus {
  return status === 'settlement' ? 'refund' : 'settlement';
}
