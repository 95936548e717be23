// Notifications of settlement, signed, for sales that a bench has made up: 15 000 rupiah each, paid.
import { noticeBody } from '../../src/twin/notification.ts';
import { type Transaction } from '../../src/twin/transaction.ts';
import { httpRequest } from './http-line.ts';

export const serverKey = 'SB-Mid-server-BENCHPLANTEDKEY';
export const merchantId = 'G000000001';
export const amountIdr = 15_000;
/** Where the relay hears them. */
export const noticePath = '/v1/notifications/midtrans';

/** The charge of a sale at the benches' Midtrans, which needs no memory for it. */
export function chargeOf(saleId: string): string {
  return `c-${saleId}`;
}

/** The body as Midtrans would send it. */
export function settledNotice(saleId: string, key = serverKey): string {
  const transaction: Transaction = {
    transactionId: chargeOf(saleId),
    orderId: saleId,
    channel: 'qris',
    acquirer: 'gopay',
    amountIdr,
    status: 'settlement',
    createdAtMs: 0,
    expiresAtMs: 900_000,
    qrText: '',
    crossReference: '',
    imageId: '',
    notifyUrls: [],
    echo: {},
    settledAtMs: 1000,
    issuer: 'gopay',
    refunds: [],
  };
  return JSON.stringify(noticeBody(transaction, merchantId, key));
}

/** The same as a request, ready to be sent. */
export function noticeRequest(saleId: string, path = noticePath): Buffer {
  return httpRequest('POST', path, settledNotice(saleId));
}
