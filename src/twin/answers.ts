// The bodies that Midtrans answers with (reference §4, §5, §8). Numbers are texts, as on the wire. PURE.
import { channelMessage, fraudCode } from './channel-codes.ts';
import { aged } from './legacy.ts';
import { isOnUs } from './refund-rules.ts';
import { jakartaText } from './times.ts';
import { grossIdr, refundedIdr, type Transaction, type TransactionStatus } from './transaction.ts';

export type Body = Readonly<Record<string, unknown>>;

/** The HTTP status and Midtrans' own `status_code` in the body are two different things (reference §5). */
export interface Answer {
  http: number;
  body: Body;
}

export const texts = {
  '400': 'One or more parameters in the payload is invalid.',
  '401': 'Transaction cannot be authorized with the current client/server key.',
  '402': 'Payment channel is not activated.',
  '404': "Transaction doesn't exist.",
  '406':
    'The request could not be completed due to a conflict with the current state of the target resource, please try again',
  '410': 'GoPay user is blocked',
  '412': 'Transaction status cannot be updated.',
  '413': 'The request cannot be processed due to malformed syntax in the request body',
  '414': 'Refund request is rejected due to invalid amount',
  '500': 'Sorry. Our system is recovering from unexpected issues. Please retry.',
  '502': 'Internal Server Error: Bank Connection Problem',
  '503': 'Bank/partner is experiencing connection issue.',
} as const;

function textOf(code: string): string {
  return Object.hasOwn(texts, code) ? texts[code as keyof typeof texts] : 'Internal Server Error';
}

/** Only these two errors use HTTP's own status; every other one is HTTP 200. */
function httpOf(code: string): number {
  return code === '400' || code === '401' ? Number(code) : 200;
}

/** An error body. `id` is a fresh UUID. */
export function errorAnswer(
  code: string,
  id: string,
  more: { message?: string; validation?: readonly string[] } = {},
): Answer {
  return {
    http: httpOf(code),
    body: {
      status_code: code,
      status_message: more.message ?? textOf(code),
      ...(more.validation === undefined ? {} : { validation_messages: more.validation }),
      id,
    },
  };
}

/** 429 alone has no `status_code`. */
export const rateLimited: Answer = {
  http: 429,
  body: { message: 'API rate limit exceeded' },
};

export function rupiahText(amountIdr: number): string {
  return `${amountIdr}.00`;
}

/** `status_code` of get-status by state. Expired is 407 here and 202 in the notification. */
export const statusCodes: Readonly<Record<TransactionStatus, string>> = {
  pending: '201',
  settlement: '200',
  cancel: '200',
  expire: '407',
  deny: '202',
  partial_refund: '200',
  refund: '200',
};

/** What every body about a transaction says, paid or not. */
export function commonFields(transaction: Transaction, merchantId: string): Body {
  return {
    transaction_id: transaction.transactionId,
    order_id: transaction.orderId,
    merchant_id: merchantId,
    gross_amount: rupiahText(grossIdr(transaction)),
    currency: 'IDR',
    payment_type: transaction.channel,
    transaction_time: jakartaText(transaction.createdAtMs),
    transaction_status: transaction.status,
    fraud_status: transaction.channelCode === fraudCode ? 'deny' : 'accept',
    ...(transaction.channel === 'qris' ? { acquirer: transaction.acquirer } : {}),
    expiry_time: jakartaText(transaction.expiresAtMs),
  };
}

/** What get-status and notifications add: Shopee's names, and what is known once the money came (reference §8.1, §10.3). */
export function paidFields(transaction: Transaction): Body {
  const { settledAtMs, issuer, shopee } = transaction;
  const reference = shopee === undefined ? {} : { reference_id: shopee.referenceId };
  if (settledAtMs === undefined || issuer === undefined) return reference;
  const onUs = isOnUs(transaction);
  const settled = { settlement_time: jakartaText(settledAtMs) };
  const crossReference = { merchant_cross_reference_id: transaction.crossReference };
  if (transaction.channel === 'gopay') {
    return { ...settled, ...(onUs ? { payment_option_type: 'GOPAY_WALLET' } : crossReference) };
  }
  return {
    ...settled,
    ...crossReference,
    ...reference,
    ...(shopee === undefined ? {} : { shopeepay_reference_number: shopee.paymentNumber }),
    issuer,
    transaction_type: onUs ? 'on-us' : 'off-us',
  };
}

/** The refunds so far, in get-status and in notifications. */
export function refundFields(transaction: Transaction): Body {
  if (transaction.refunds.length === 0) return {};
  return {
    refund_amount: rupiahText(refundedIdr(transaction)),
    refunds: transaction.refunds.map((refund) => ({
      refund_chargeback_id: refund.chargebackId,
      refund_amount: rupiahText(refund.amountIdr),
      created_at: jakartaText(refund.createdAtMs),
      ...(refund.reason === undefined ? {} : { reason: refund.reason }),
      refund_key: refund.key,
      ...(refund.confirmedAtMs === undefined
        ? {}
        : { bank_confirmed_at: jakartaText(refund.confirmedAtMs) }),
    })),
  };
}

/** The answer to a charge that Midtrans took: HTTP 200, body 201. `base` is the address that the caller used. */
export function chargedAnswer(transaction: Transaction, merchantId: string, base: string): Answer {
  const body =
    transaction.channel === 'qris'
      ? qrisCharged(transaction, merchantId, base)
      : gopayCharged(transaction, merchantId, base);
  return { http: 200, body: aged(body, transaction.legacy, 'charge') };
}

function images(transaction: Transaction, base: string): Body[] {
  const { channel, transactionId, imageId } = transaction;
  return [
    {
      name: 'generate-qr-code',
      method: 'GET',
      url: `${base}/v2/${channel}/${transactionId}/qr-code`,
    },
    {
      name: 'generate-qr-code-v2',
      method: 'GET',
      url: `${base}/v4/qris/gopay/${imageId}/qr-code`,
    },
  ];
}

function qrisCharged(transaction: Transaction, merchantId: string, base: string): Body {
  return {
    status_code: '201',
    status_message: 'QRIS transaction is created',
    ...commonFields(transaction, merchantId),
    actions: images(transaction, base),
    qr_string: transaction.shownQrText ?? transaction.qrText,
  };
}

function gopayCharged(transaction: Transaction, merchantId: string, base: string): Body {
  const id = transaction.transactionId;
  return {
    status_code: '201',
    status_message: 'GoPay transaction is created',
    ...commonFields(transaction, merchantId),
    channel_response_code: '200',
    channel_response_message: 'Success',
    actions: [
      ...images(transaction, base),
      { name: 'deeplink-redirect', method: 'GET', url: `${base}/_twin/?reference=${id}` },
      { name: 'get-status', method: 'GET', url: `${base}/v2/${id}/status` },
      { name: 'cancel', method: 'POST', url: `${base}/v2/${id}/cancel`, fields: [] },
    ],
  };
}

/** The answer to a charge that the provider denied: HTTP 200, body 202, with all of the transaction. */
export function deniedAnswer(transaction: Transaction, merchantId: string): Answer {
  const code = transaction.channelCode ?? '201';
  return {
    http: 200,
    body: {
      status_code: '202',
      status_message:
        code === fraudCode ? 'GoPay transaction is rejected by FDS' : 'GoPay transaction is denied',
      ...commonFields(transaction, merchantId),
      channel_response_code: code,
      channel_response_message: channelMessage(code),
    },
  };
}

/** The answer to cancel (200), expire (407) — both HTTP 200. */
export function stoppedAnswer(transaction: Transaction, merchantId: string): Answer {
  const expired = transaction.status === 'expire';
  return {
    http: 200,
    body: {
      status_code: expired ? '407' : '200',
      status_message: expired
        ? 'Success, transaction has expired'
        : 'Success, transaction is canceled',
      ...commonFields(transaction, merchantId),
    },
  };
}

/** The answer to the refund that was made last. */
export function refundedAnswer(transaction: Transaction, merchantId: string): Answer {
  const last = transaction.refunds.at(-1);
  return {
    http: 200,
    body: {
      status_code: '200',
      status_message: 'Success, refund request is approved',
      ...commonFields(transaction, merchantId),
      refund_chargeback_id: last?.chargebackId,
      refund_amount: rupiahText(last?.amountIdr ?? 0),
      refund_key: last?.key,
    },
  };
}

/** The provider refused: the charge stays as it is, and nothing was given back. HTTP 200, body 202. */
export function refundDeniedAnswer(transaction: Transaction, merchantId: string): Answer {
  return {
    http: 200,
    body: {
      status_code: '202',
      status_message: 'Refund is denied by the provider',
      ...commonFields(transaction, merchantId),
      refund_amount: rupiahText(0),
    },
  };
}
