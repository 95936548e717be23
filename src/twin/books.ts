// All transactions of the merchant, by every name that they have. In memory, and in the state file when there is one.
import type { Rows } from './state-file.ts';
import type { Transaction } from './transaction.ts';

/** Above this the oldest one that is no longer pending is forgotten. */
const maxTransactions = 200_000;

export interface Books {
  /** By order id (the latest charge of it) or by transaction id, as Midtrans' paths allow. */
  find(id: string): Transaction | undefined;
  findByOrder(orderId: string): Transaction | undefined;
  findByQr(qrText: string): Transaction | undefined;
  findByImage(imageId: string): Transaction | undefined;
  has(transactionId: string): boolean;
  /** Adds or replaces; false when the books are full of pending ones. */
  put(transaction: Transaction): boolean;
  /** Newest first, at most `limit`. */
  latest(limit: number): Transaction[];
  all(): Iterable<Transaction>;
  readonly size: number;
}

export function openBooks(file: Rows<Transaction> | undefined): Books {
  const byId = new Map<string, Transaction>();
  const byOrder = new Map<string, string>();
  const byQr = new Map<string, string>();
  const byImage = new Map<string, string>();

  function index(transaction: Transaction): void {
    const id = transaction.transactionId;
    // A change of an older charge must not take the order id back from the one that reused it.
    if (!byId.has(id)) byOrder.set(transaction.orderId, id);
    byId.set(id, transaction);
    byQr.set(transaction.qrText, id);
    byImage.set(transaction.imageId, id);
  }

  function forgetOldest(): boolean {
    for (const old of byId.values()) {
      if (old.status === 'pending') continue;
      byId.delete(old.transactionId);
      byQr.delete(old.qrText);
      byImage.delete(old.imageId);
      if (byOrder.get(old.orderId) === old.transactionId) byOrder.delete(old.orderId);
      file?.remove(old.transactionId);
      return true;
    }
    return false;
  }

  for (const transaction of file?.load() ?? []) index(transaction);
  const at = (id: string | undefined): Transaction | undefined =>
    id === undefined ? undefined : byId.get(id);
  const findByOrder = (orderId: string): Transaction | undefined => at(byOrder.get(orderId));

  return {
    find: (id) => findByOrder(id) ?? byId.get(id),
    findByOrder,
    findByQr: (text) => at(byQr.get(text)),
    findByImage: (imageId) => at(byImage.get(imageId)),
    has: (id) => byId.has(id),
    put(transaction) {
      const isNew = !byId.has(transaction.transactionId);
      if (isNew && byId.size >= maxTransactions && !forgetOldest()) return false;
      index(transaction);
      file?.save(transaction);
      return true;
    },
    latest: (limit) => [...byId.values()].slice(-limit).reverse(),
    all: () => byId.values(),
    get size() {
      return byId.size;
    },
  };
}
