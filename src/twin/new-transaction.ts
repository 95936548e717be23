// What a charge becomes: its ids, its QR, and the state that it begins in. Randomness and time are handed in.
import assert from 'node:assert';
import type { Books } from './books.ts';
import type { ChargeRequest } from './charge-request.ts';
import type { RequestFault } from './fault-schema.ts';
import { qrText, wrongQrText, type TwinMerchant } from './qr-text.ts';
import { mintLetters, mintUuid, type Random } from './random.ts';
import { jakartaText } from './times.ts';
import type { Transaction } from './transaction.ts';

export type TransactionIds = Pick<Transaction, 'transactionId' | 'crossReference' | 'imageId'>;

/** Shopee's names as they have been seen: `QR`, the time in milliseconds and letters; 18 digits. */
export function mintShopee(random: Random, nowMs: number): NonNullable<Transaction['shopee']> {
  const digits = Array.from({ length: 17 }, () => Math.floor(random() * 10)).join('');
  return { referenceId: `QR${nowMs}${mintLetters(random, 9)}`, paymentNumber: `1${digits}` };
}

/** Ids that the books do not have yet. */
export function mintIds(books: Books, random: Random, nowMs: number): TransactionIds {
  const stamp = jakartaText(nowMs).replaceAll(/\D/g, '');
  // A seeded run over old books walks past the ids that it gave before; it meets each at most once.
  for (let attempt = 0; attempt <= books.size; attempt++) {
    const transactionId = mintUuid(random);
    const crossReference = mintUuid(random);
    const imageId = `A1${stamp}${mintLetters(random, 10)}ID`;
    if (!books.has(transactionId)) return { transactionId, crossReference, imageId };
  }
  assert.fail('the random source repeats itself');
}

/** `fault`: a `body` denies the charge, a `qr` makes it show a wrong QR, `legacy` writes it in older forms. */
export function newTransaction(
  ids: TransactionIds,
  request: ChargeRequest,
  merchant: TwinMerchant,
  nowMs: number,
  notifyUrls: readonly string[],
  fault: RequestFault | undefined,
): Transaction {
  const { amountIdr } = request;
  const denied = fault?.kind === 'body';
  const wrong =
    fault?.kind === 'qr'
      ? wrongQrText(merchant, amountIdr, ids.crossReference, fault.change)
      : undefined;
  return {
    ...ids,
    orderId: request.orderId,
    channel: request.channel,
    acquirer: request.acquirer,
    amountIdr,
    status: denied ? 'deny' : 'pending',
    createdAtMs: nowMs,
    expiresAtMs: request.expiresAtMs,
    qrText: qrText(merchant, amountIdr, ids.crossReference),
    notifyUrls,
    echo: request.echo,
    refunds: [],
    ...(wrong === undefined ? {} : { shownQrText: wrong }),
    ...(fault?.kind === 'legacy' ? { legacy: fault.forms } : {}),
    ...(denied && fault.channelCode !== undefined ? { channelCode: fault.channelCode } : {}),
  };
}
