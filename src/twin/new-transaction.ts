// What a charge becomes: its ids, its QR, and the state that it begins in. Randomness and time are handed in.
import assert from 'node:assert';
import type { Books } from './books.ts';
import type { ChargeRequest } from './charge-request.ts';
import type { RequestFault } from './faults.ts';
import { qrText, wrongQrText, type TwinMerchant } from './qr-text.ts';
import { mintLetters, mintUuid, type Random } from './random.ts';
import { jakartaText } from './times.ts';
import type { Transaction } from './transaction.ts';

export type TransactionIds = Pick<Transaction, 'transactionId' | 'crossReference' | 'imageId'>;

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

/** `fault`: a `body` denies the charge, a `qr` makes it show a wrong QR; any other changes nothing here. */
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
    ...(denied && fault.channelCode !== undefined ? { channelCode: fault.channelCode } : {}),
  };
}
