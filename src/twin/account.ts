// The merchant's account at Midtrans: every call and every payment ends here. No HTTP: requests come in as values.
import assert from 'node:assert';
import type { Clock } from '../lib/clock.ts';
import {
  chargedAnswer,
  deniedAnswer,
  errorAnswer,
  refundedAnswer,
  stoppedAnswer,
  type Answer,
} from './answers.ts';
import type { Books } from './books.ts';
import { parseCharge } from './charge-request.ts';
import type { TwinConfig } from './config.ts';
import type { Delivery } from './delivery.ts';
import type { Faults, RequestFault } from './faults.ts';
import { mintIds, newTransaction } from './new-transaction.ts';
import { noticeBody, statusBody } from './notification.ts';
import { notifyUrls, type UrlHeaders } from './notify-urls.ts';
import { mintUuid, type Random } from './random.ts';
import { parseRefund } from './refund-request.ts';
import { freesOrderId, step, type Refusal, type Step, type Transaction } from './transaction.ts';

/** From the refund to its second notification (with `bank_confirmed_at`), before scaling. */
const refundConfirmMs = 60_000;

export interface AccountParts {
  config: TwinConfig;
  serverKey: string;
  clock: Clock;
  random: Random;
  /** For the ids of errors alone: asking in vain must not change the ids of charges. */
  errorRandom: Random;
  books: Books;
  faults: Faults;
  delivery: Delivery;
}

export interface ChargeCall extends UrlHeaders {
  /** The request's body as it came. */
  text: string;
  /** Scheme and host that the caller used; the actions' addresses start with it. */
  base: string;
}

export type WalletOutcome =
  { kind: 'done'; transaction: Transaction } | { kind: 'refused'; refusal: Refusal };

export class Account {
  readonly #parts: AccountParts;
  readonly #timers = new Map<string, () => void>();

  /** Opens the account and takes up the expiries of what the books already hold. */
  constructor(parts: AccountParts) {
    this.#parts = parts;
    for (const transaction of parts.books.all()) {
      if (transaction.status === 'pending') this.#expireLater(transaction);
    }
  }

  /** An error body with a fresh id. */
  error(code: string, more: { message?: string; validation?: readonly string[] } = {}): Answer {
    return errorAnswer(code, mintUuid(this.#parts.errorRandom), more);
  }

  /** `fault`: `qr` and a `body` of 202 change what the charge becomes; others are the caller's affair. */
  charge(call: ChargeCall, fault: RequestFault | undefined): Answer {
    const { config, books, clock, random } = this.#parts;
    const { merchant } = config;
    const json = parseJson(call.text);
    if (json === undefined) return this.error('413');
    const parsed = parseCharge(json.value, clock.nowMs());
    if (parsed.kind === 'invalid') return this.error('400', { validation: parsed.messages });
    if (parsed.kind === 'no-channel') return this.error('402');
    const { request } = parsed;
    if (!config.channels[request.channel]) {
      const message = 'GoPay Dynamic QRIS is not active for this merchant';
      return this.error('402', request.channel === 'qris' ? { message } : {});
    }
    const earlier = books.findByOrder(request.orderId);
    if (earlier !== undefined && !freesOrderId(earlier.status)) return this.error('406');
    const nowMs = clock.nowMs();
    const urls = notifyUrls(config.notificationUrl, call);
    const ids = mintIds(books, random, nowMs);
    const made = newTransaction(ids, request, merchant, nowMs, urls, fault);
    if (!books.put(made)) return this.error('500');
    this.#notify(made);
    if (made.status === 'deny') return deniedAnswer(made, merchant.id);
    this.#expireLater(made);
    return chargedAnswer(made, merchant.id, call.base);
  }

  /** `id`: order id or transaction id, here and below. */
  status(id: string): Answer {
    const { config, books, serverKey } = this.#parts;
    const found = books.find(id);
    if (found === undefined) return this.error('404');
    return { http: 200, body: statusBody(found, config.merchant.id, serverKey) };
  }

  stop(id: string, how: 'cancel' | 'expire'): Answer {
    const found = this.#parts.books.find(id);
    if (found === undefined) return this.error('404');
    const taken = step(found, { kind: how });
    if (!taken.ok) return this.error('412');
    this.#keep(taken);
    return stoppedAnswer(taken.next, this.#parts.config.merchant.id);
  }

  /** `text`: the body as it came; an empty one refunds all that is left. */
  refund(id: string, text: string): Answer {
    const { config, books, clock, random } = this.#parts;
    const found = books.find(id);
    if (found === undefined) return this.error('404');
    const json = parseJson(text === '' ? '{}' : text);
    if (json === undefined) return this.error('413');
    const parsed = parseRefund(json.value);
    if (!parsed.ok) return this.error('400', { validation: parsed.messages });
    const taken = step(found, {
      ...parsed.request,
      kind: 'refund',
      key: parsed.request.key ?? mintUuid(random),
      chargebackId: 1 + Math.floor(random() * 999_999),
      atMs: clock.nowMs(),
    });
    if (!taken.ok) return this.#refundRefused(taken.refusal);
    this.#keep(taken);
    const made = taken.next.refunds.at(-1);
    assert(made !== undefined);
    this.#confirmLater(found.transactionId, made.key);
    return refundedAnswer(taken.next, config.merchant.id);
  }

  /** A wallet pays; `late`: it was faster than the books. */
  pay(transaction: Transaction, issuer: string, late: boolean): WalletOutcome {
    const atMs = this.#parts.clock.nowMs();
    return this.#wallet(step(transaction, { kind: 'pay', issuer, late, atMs }));
  }

  /** The payment fails inside the payer's app. */
  decline(transaction: Transaction): WalletOutcome {
    return this.#wallet(step(transaction, { kind: 'decline' }));
  }

  /** Forgets all timers. */
  close(): void {
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  #wallet(taken: Step): WalletOutcome {
    if (!taken.ok) return { kind: 'refused', refusal: taken.refusal };
    this.#keep(taken);
    return { kind: 'done', transaction: taken.next };
  }

  #refundRefused(refusal: Refusal): Answer {
    if (refusal === 'refund-repeated') {
      return this.error('406', { message: 'Duplicate refund ID' });
    }
    if (refusal === 'refund-amount') return this.error('414');
    // Midtrans words its 412 differently here (reference §6).
    return this.error('412', { message: 'Merchant cannot modify the status of the transaction' });
  }

  /** Writes an accepted step into the books and tells the merchant. */
  #keep(taken: Step): void {
    if (!taken.ok) return;
    const { next } = taken;
    assert(this.#parts.books.put(next), 'replacing a transaction never needs room');
    if (next.status !== 'pending') this.#forgetTimer(next.transactionId);
    if (taken.notify) this.#notify(next);
  }

  #notify(transaction: Transaction): void {
    const { orderId, status, notifyUrls: urls } = transaction;
    if (urls.length === 0) return;
    const { config, serverKey, faults, delivery } = this.#parts;
    const fault = faults.takeForNotice(orderId, status);
    const tamper = fault?.kind === 'tamper' ? fault.change : undefined;
    const body = noticeBody(transaction, config.merchant.id, serverKey, tamper);
    delivery.send({ orderId, status, urls, body }, fault);
  }

  #expireLater(transaction: Transaction): void {
    const { config, clock } = this.#parts;
    const dueMs = transaction.expiresAtMs + config.expiry.schedulerDelayMs - clock.nowMs();
    const { transactionId } = transaction;
    this.#later(transactionId, dueMs, () => {
      const now = this.#parts.books.find(transactionId);
      if (now !== undefined) this.#keep(step(now, { kind: 'expire' }));
    });
  }

  #confirmLater(transactionId: string, key: string): void {
    const { config, clock, books } = this.#parts;
    const delayMs = refundConfirmMs * config.notifications.timeScale;
    this.#later(`${transactionId} ${key}`, delayMs, () => {
      const now = books.find(transactionId);
      const atMs = clock.nowMs();
      if (now !== undefined) this.#keep(step(now, { kind: 'confirm-refund', key, atMs }));
    });
  }

  #later(name: string, delayMs: number, call: () => void): void {
    const cancel = this.#parts.clock.after(Math.max(delayMs, 0), () => {
      this.#timers.delete(name);
      call();
    });
    this.#timers.set(name, cancel);
  }

  #forgetTimer(name: string): void {
    this.#timers.get(name)?.();
    this.#timers.delete(name);
  }
}

/** Undefined when the text is not JSON. */
function parseJson(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) as unknown };
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
