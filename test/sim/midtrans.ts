// Midtrans in a run: the twin's own account behind a bad line, as the relay's gateway. It never crashes and never forgets.
import { twinConfig } from '../../src/twin/config.ts';
import { Account } from '../../src/twin/account.ts';
import { rateLimited, type Answer } from '../../src/twin/answers.ts';
import { openBooks, type Books } from '../../src/twin/books.ts';
import { Delivery } from '../../src/twin/delivery.ts';
import type { RequestFault } from '../../src/twin/fault-schema.ts';
import type { Faults as TwinFaults } from '../../src/twin/faults.ts';
import { createIdempotencyKeys } from '../../src/twin/idempotency.ts';
import type { Attempt } from '../../src/twin/retry-table.ts';
import type { Transaction } from '../../src/twin/transaction.ts';
import { silentLog } from '../../src/lib/log.ts';
import { wait } from '../../src/lib/clock.ts';
import {
  classifyCharge,
  classifyRefund,
  classifyStatus,
  classifyStop,
  type Reply,
} from '../../src/relay/midtrans/classify.ts';
import type { ChargeOrder, Gateway } from '../../src/relay/midtrans/gateway.ts';
import { answerBody } from '../../src/relay/midtrans/schemas.ts';
import type { World } from './world.ts';

export const serverKey = 'SB-Mid-server-SIMULATED';
const noticeUrl = 'https://relay.example/v1/notifications/midtrans';
/** As the relay's configuration has them by default. */
const timeouts = { chargeMs: 10_000, askMs: 8_000 } as const;
const expiryMinutes = 15;

const config = twinConfig.parse({
  serverKeyFile: '/unused',
  merchant: {
    id: 'G000000001',
    name: 'KIOS CONTOH',
    nmid: 'AID1099000000001',
    pan: '9360091400000000017',
    city: 'BANDUNG',
    postalCode: '40111',
    mcc: '5812',
  },
  notificationUrl: noticeUrl,
});
export const merchant = config.merchant;

export class Midtrans {
  readonly books: Books = openBooks(undefined);
  readonly account: Account;
  readonly #world: World;
  readonly #keys: ReturnType<typeof createIdempotencyKeys>;
  /** Answers of before a payment, which get-status goes on giving for a while. */
  readonly #lags = new Map<string, { untilMs: number; answer: Answer }>();

  readonly #landed: (saleId: string) => void;

  /** `landed`: a charge was made that can be paid. */
  constructor(
    world: World,
    post: (text: string) => Promise<Attempt>,
    landed: (saleId: string) => void,
  ) {
    this.#world = world;
    this.#landed = landed;
    const { clock, draw } = world;
    this.#keys = createIdempotencyKeys(clock);
    const delivery = new Delivery({
      ...{
        clock,
        random: draw.unit,
        log: silentLog,
        timeScale: 1,
        delayMs: 100,
      },
      post: (_url, text) => {
        if (world.faults.strikes('notice forged')) this.#forge(text, post);
        return post(text);
      },
    });
    this.account = new Account({
      ...{
        config,
        serverKey,
        clock,
        random: draw.unit,
        errorRandom: draw.unit,
      },
      ...{ books: this.books, faults: this.#noticeFaults(), delivery },
    });
  }

  /** Somebody posts a notice as it was, but for what its signature does not cover. */
  #forge(text: string, post: (text: string) => Promise<Attempt>): void {
    const { clock, draw } = this.#world;
    const said = JSON.parse(text) as Record<string, unknown>;
    const words = ['settlement', 'settlement', 'expire', 'cancel', 'refund', 'deny'] as const;
    said['transaction_status'] = words[draw.between(0, words.length - 1)];
    clock.after(draw.between(0, 30_000), () => void post(JSON.stringify(said)));
  }

  /** A wallet pays what a QR says; `late`: it was faster than the books. True when money moved. */
  pay(transaction: Transaction, late: boolean): boolean {
    const now = this.books.find(transaction.transactionId) ?? transaction;
    const before = this.account.status(now.transactionId);
    const { clock, draw, faults, oddMoney } = this.#world;
    const odd = faults.strikes('paid another amount');
    if (odd) oddMoney.add(now.orderId);
    const amountIdr = odd ? now.amountIdr - 1 : undefined;
    const { kind } = this.account.pay(now, 'gopay', late, amountIdr);
    if (kind === 'done' && faults.strikes('midtrans status lags')) {
      const untilMs = clock.monotonicMs() + draw.between(500, 20_000);
      this.#lags.set(now.transactionId, { untilMs, answer: before });
    }
    return kind === 'done';
  }

  gateway(): Gateway {
    return {
      charge: async (order, key) =>
        classifyCharge(await this.#call(timeouts.chargeMs, key, () => this.#charge(order))),
      status: async (id) =>
        classifyStatus(await this.#call(timeouts.askMs, undefined, () => this.#status(id))),
      stop: async (verb, id, key) =>
        classifyStop(
          await this.#call(timeouts.askMs, key, () => this.account.stop(id, verb)),
          verb,
        ),
      refund: async (id, { key, amountIdr, reason }) => {
        const text = JSON.stringify({
          refund_key: key,
          amount: amountIdr,
          reason,
        });
        const act = (): Answer => this.#refund(id, text);
        return classifyRefund(await this.#call(timeouts.askMs, undefined, act));
      },
      image: () => Promise.resolve({ kind: 'unavailable', detail: 'no run has pictures' }),
    };
  }

  #refund(id: string, text: string): Answer {
    const { faults, cash } = this.#world;
    // Too little of the merchant's money is there today.
    if (faults.strikes('refund unfunded')) return this.account.error('414');
    const answer = this.account.refund(id, text);
    if (answer.body['status_code'] === '200' && cash.has(id)) {
      this.#world.broke(`${id} was paid back in cash, and at Midtrans`);
    }
    return answer;
  }

  #charge(order: ChargeOrder): Answer {
    const text = JSON.stringify({
      payment_type: 'qris',
      transaction_details: {
        order_id: order.saleId,
        gross_amount: order.amountIdr,
      },
      qris: { acquirer: 'gopay' },
      custom_expiry: { expiry_duration: expiryMinutes, unit: 'minute' },
    });
    const call = {
      text,
      base: 'https://midtrans.example',
      override: undefined,
      append: undefined,
    };
    const answer = this.account.charge(call, this.#chargeFault());
    const code = String(answer.body['status_code']);
    this.#world.say('midtrans', `charge ${order.saleId} ${code}`);
    if (code === '201') this.#landed(order.saleId);
    return answer;
  }

  #chargeFault(): RequestFault | undefined {
    const { faults, draw } = this.#world;
    if (faults.strikes('charge denied')) return { kind: 'body', statusCode: '202' };
    if (!faults.strikes('charge with a wrong qr')) return undefined;
    return { kind: 'qr', change: draw.chance(500) ? 'amount' : 'merchant' };
  }

  #status(id: string): Answer {
    const found = this.books.find(id);
    const lag = found === undefined ? undefined : this.#lags.get(found.transactionId);
    if (lag !== undefined && this.#world.clock.monotonicMs() < lag.untilMs) return lag.answer;
    return this.account.status(id);
  }

  /** One call over a line that loses and delays; what was lost on the way back is done all the same. */
  async #call(timeoutMs: number, key: string | undefined, act: () => Answer): Promise<Reply> {
    const { clock, draw, faults } = this.#world;
    const reply = Promise.withResolvers<Reply>();
    clock.after(timeoutMs, () => {
      reply.resolve({ kind: 'nothing', detail: 'timeout' });
    });
    const arrive = async (): Promise<void> => {
      if (faults.strikes('midtrans 429')) {
        back(rateLimited);
        return;
      }
      if (faults.strikes('midtrans speaks html')) {
        clock.after(draw.between(20, 200), () => {
          reply.resolve({ kind: 'no-body', http: 502 });
        });
        return;
      }
      if (faults.strikes('midtrans 500')) {
        back(this.account.error('500'));
        return;
      }
      const slowMs = faults.strikes('midtrans slow') ? draw.between(1_000, 45_000) : 0;
      const answer = await this.#keys.run(key, async () => {
        if (slowMs > 0) await wait(clock, slowMs);
        return act();
      });
      back(answer);
    };
    const back = (answer: Answer): void => {
      if (faults.strikes('midtrans answer lost')) return;
      clock.after(draw.between(20, 200), () => {
        reply.resolve(toReply(answer));
      });
    };
    if (!faults.strikes('midtrans request lost')) {
      clock.after(draw.between(20, 200), () => void arrive());
    }
    return reply.promise;
  }

  #noticeFaults(): TwinFaults {
    const { faults, draw } = this.#world;
    return {
      add: () => false,
      list: () => [],
      clear: () => undefined,
      takeForRequest: () => undefined,
      takeForNotice: () => {
        if (faults.strikes('notice lost')) return { kind: 'drop-before' };
        if (faults.strikes('notice late')) {
          return { kind: 'slow', delayMs: draw.between(1_000, 400_000) };
        }
        return faults.strikes('notice twice') ? { kind: 'duplicate', times: 1 } : undefined;
      },
    };
  }
}

function toReply({ http, body }: Answer): Reply {
  const parsed = answerBody.parse(body);
  const code = parsed.status_code;
  // HTTP 202 without a state: the same Idempotency-Key is still running.
  const running = http === 202 && parsed.transaction_status === undefined;
  return code === undefined || running
    ? { kind: 'no-body', http }
    : { kind: 'body', http, code, body: parsed };
}
