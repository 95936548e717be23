// The merchant's account at Midtrans: every call and every payment ends here. No HTTP: requests come in as values.
import assert from 'node:assert';
import type { Clock } from '../lib/clock.ts';
import {
  chargedAnswer,
  deniedAnswer,
  errorAnswer,
  refundDeniedAnswer,
  refundedAnswer,
  stoppedAnswer,
  type Answer,
} from './answers.ts';
import type { Books } from './books.ts';
import { parseCharge } from './charge-request.ts';
import type { TwinConfig } from './config.ts';
import type { Delivery } from './delivery.ts';
import type { RequestFault } from './fault-schema.ts';
import type { Faults } from './faults.ts';
import { mintIds, mintShopee, newTransaction } from './new-transaction.ts';
import { noticeBody, statusBody } from './notification.ts';
import { notifyUrls, type UrlHeaders } from './notify-urls.ts';
import { drawFor, mintUuid, type Random } from './random.ts';
import { parseRefund, type RefundRequest } from './refund-request.ts';
import { createSwitches, type Switches } from './switches.ts';
import { tampered } from './tamper.ts';
import { Timers } from './timers.ts';
import {
  freesOrderId,
  grossIdr,
  step,
  type Refund,
  type Refusal,
  type Step,
  type Transaction,
} from './transaction.ts';

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
  /** What may be done now; as configured when absent. */
  switches?: Switches;
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
  readonly #switches: Switches;
  readonly #timers: Timers;

  /** Opens the account and takes up the expiries and the refunds of what the books already hold. */
  constructor(parts: AccountParts) {
    this.#parts = parts;
    this.#switches = parts.switches ?? createSwitches(parts.config);
    this.#timers = new Timers(parts.clock);
    for (const transaction of parts.books.all()) {
      if (transaction.status === 'pending') this.#expireLater(transaction);
      for (const refund of transaction.refunds) {
        if (refund.confirmedAtMs === undefined) this.#confirmLater(transaction, refund);
      }
    }
  }

  /** An error body with a fresh id. */
  error(code: string, more: { message?: string; validation?: readonly string[] } = {}): Answer {
    return errorAnswer(code, mintUuid(this.#parts.errorRandom), more);
  }

  /** `fault`: `qr`, `legacy` and a `body` of 202 change what the charge becomes; others are the caller's affair. */
  charge(call: ChargeCall, fault: RequestFault | undefined): Answer {
    const { config, books, clock, random } = this.#parts;
    const { merchant } = config;
    const json = parseJson(call.text);
    if (json === undefined) return this.error('413');
    const parsed = parseCharge(json.value, clock.nowMs());
    if (parsed.kind === 'invalid') return this.error('400', { validation: parsed.messages });
    if (parsed.kind === 'no-channel') return this.error('402');
    const { request } = parsed;
    if (!this.#switches[request.channel]) {
      const message = 'GoPay Dynamic QRIS is not active for this merchant';
      return this.error('402', request.channel === 'qris' ? { message } : {});
    }
    const earlier = books.findByOrder(request.orderId);
    if (earlier !== undefined && !freesOrderId(earlier.status)) return this.error('406');
    const nowMs = clock.nowMs();
    const urls = notifyUrls(config.notificationUrl, call);
    const ids = mintIds(books, random, nowMs);
    const bare = newTransaction(ids, request, merchant, nowMs, urls, fault);
    const made =
      request.acquirer === 'gopay' ? bare : { ...bare, shopee: mintShopee(random, nowMs) };
    if (!books.put(made)) return this.error('500');
    this.#notify(made);
    if (made.status === 'deny') return deniedAnswer(made, merchant.id);
    this.#expireLater(made);
    return chargedAnswer(made, merchant.id, call.base);
  }

  /** `id`: order id or transaction id, here and below. `stale`: as it was before anything happened to it. */
  status(id: string, stale = false): Answer {
    const { config, books, serverKey } = this.#parts;
    const found = books.find(id);
    if (found === undefined) return this.error('404');
    const shown = stale ? asCharged(found) : found;
    return { http: 200, body: statusBody(shown, config.merchant.id, serverKey) };
  }

  stop(id: string, how: 'cancel' | 'expire'): Answer {
    const found = this.#parts.books.find(id);
    if (found === undefined) return this.error('404');
    const taken = step(found, { kind: how });
    if (!taken.ok) return this.error('412');
    this.#keep(taken);
    return stoppedAnswer(taken.next, this.#parts.config.merchant.id);
  }

  /**
   * `text`: the body as it came; an empty one refunds all that is left. `fault`: a `body` of 202 is the provider's no.
   */
  refund(id: string, text: string, fault?: RequestFault): Answer {
    const { config, books } = this.#parts;
    const found = books.find(id);
    if (found === undefined) return this.error('404');
    const json = parseJson(text === '' ? '{}' : text);
    if (json === undefined) return this.error('413');
    const parsed = parseRefund(json.value);
    if (!parsed.ok) return this.error('400', { validation: parsed.messages });
    const taken = this.#refundStep(found, parsed.request);
    if (!taken.ok) return this.#refundRefused(taken.refusal);
    const made = taken.next.refunds.at(-1);
    assert(made !== undefined);
    if (fault?.kind === 'body') return refundDeniedAnswer(found, config.merchant.id);
    const { balanceIdr } = this.#switches;
    if (balanceIdr !== null) {
      if (made.amountIdr > balanceIdr) {
        return this.error('414', {
          message: 'Refund request is rejected due to insufficient funds',
        });
      }
      this.#switches.balanceIdr = balanceIdr - made.amountIdr;
    }
    this.#keep(taken);
    this.#confirmLater(found, made);
    return refundedAnswer(taken.next, config.merchant.id);
  }

  /** A wallet pays; `late`: it was faster than the books. `amountIdr`: where it sends another amount than is asked. */
  pay(transaction: Transaction, issuer: string, late: boolean, amountIdr?: number): WalletOutcome {
    const atMs = this.#parts.clock.nowMs();
    const amount = amountIdr === undefined ? {} : { amountIdr };
    return this.#wallet(step(transaction, { kind: 'pay', issuer, late, atMs, ...amount }));
  }

  /** The payment fails inside the payer's app. */
  decline(transaction: Transaction): WalletOutcome {
    return this.#wallet(step(transaction, { kind: 'decline' }));
  }

  /** Forgets all timers. */
  close(): void {
    this.#timers.stopAll();
  }

  #wallet(taken: Step): WalletOutcome {
    if (!taken.ok) return { kind: 'refused', refusal: taken.refusal };
    this.#keep(taken);
    return { kind: 'done', transaction: taken.next };
  }

  #refundStep(found: Transaction, request: RefundRequest): Step {
    if (!this.#switches.refunds) return { ok: false, refusal: 'refund-closed' };
    const { random, clock } = this.#parts;
    return step(found, {
      ...request,
      kind: 'refund',
      key: request.key ?? mintUuid(random),
      chargebackId: 1 + Math.floor(random() * 999_999),
      atMs: clock.nowMs(),
    });
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
    if (next.status !== 'pending') this.#timers.stop(next.transactionId);
    if (taken.notify) this.#notify(next);
  }

  #notify(transaction: Transaction): void {
    const { orderId, status, notifyUrls: urls } = transaction;
    if (urls.length === 0) return;
    const { config, serverKey, faults, delivery } = this.#parts;
    const fault = faults.takeForNotice(orderId, status);
    const body = noticeBody(transaction, config.merchant.id, serverKey);
    const sent =
      fault?.kind === 'tamper'
        ? tampered(body, fault.change, serverKey, grossIdr(transaction), fault.status)
        : body;
    delivery.send({ orderId, status, urls, body: sent }, fault);
  }

  #expireLater({ transactionId, expiresAtMs }: Transaction): void {
    const { config, clock, books } = this.#parts;
    const { schedulerDelayMs, schedulerSpreadMs } = config.expiry;
    const lateMs = schedulerDelayMs + Math.floor(schedulerSpreadMs * drawFor(transactionId));
    this.#timers.start(transactionId, expiresAtMs + lateMs - clock.nowMs(), () => {
      const now = books.find(transactionId);
      if (now !== undefined) this.#keep(step(now, { kind: 'expire' }));
    });
  }

  #confirmLater({ transactionId }: Transaction, { key, createdAtMs }: Refund): void {
    const { config, clock, books } = this.#parts;
    const dueMs = createdAtMs + config.refunds.confirmMs * config.notifications.timeScale;
    this.#timers.start(`${transactionId} ${key}`, dueMs - clock.nowMs(), () => {
      const now = books.find(transactionId);
      const atMs = clock.nowMs();
      if (now !== undefined) this.#keep(step(now, { kind: 'confirm-refund', key, atMs }));
    });
  }
}

/** As the charge's own answer left it. */
function asCharged(transaction: Transaction): Transaction {
  const { settledAtMs, issuer, paidIdr, ...charged } = transaction;
  return { ...charged, status: transaction.status === 'deny' ? 'deny' : 'pending', refunds: [] };
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
