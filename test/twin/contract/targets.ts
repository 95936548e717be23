// Whom the contract is put to: the twin always, and Midtrans' own sandbox where MIDTRANS_SANDBOX_SERVER_KEY names a merchant.
// All that is not on Midtrans' wire stays in here: how the customer pays, how the merchant listens, how time passes.
import { setTimeout as sleep } from 'node:timers/promises';
import { systemClock } from '../../../src/lib/clock.ts';
import { VirtualClock } from '../../../src/twin/virtual-clock.ts';
import {
  listeningMerchant,
  morningMs,
  serverKey,
  testTwin,
  type Heard,
  type Merchant,
  type TestTwin,
} from '../setting.ts';

/** Where a charge can be paid: its order and the text of its QR where it has one. */
export interface Payable {
  orderId: string;
  qrString: unknown;
}

export interface Target {
  name: string;
  serverKey: string;
  /** Known after `start`. */
  base(): string;
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Waited before each call, so that nobody's service is hammered. */
  pace(): Promise<void>;
  nowMs(): number;
  /** The customer; absent where a person would have to pay. */
  pay?: (what: Payable, issuer: string) => Promise<void>;
  /** The merchant's own server; absent where the target cannot reach this machine. */
  merchant?: () => Merchant;
  /** Lets time pass; absent where it cannot be hurried. */
  pass?: (ms: number) => Promise<void>;
}

function twinTarget(): Target {
  let twin: TestTwin;
  let shop: Merchant;
  let base = '';
  const clock = new VirtualClock(morningMs);
  const control = async (path: string, body: unknown): Promise<void> => {
    const answered = await twin.call('POST', `/_twin/${path}`, body);
    if (answered.http !== 200) throw new Error(JSON.stringify(answered.body));
  };
  return {
    name: 'the twin',
    serverKey,
    base: () => base,
    async start() {
      shop = await listeningMerchant();
      const more = { notificationUrl: `${shop.url}/dashboard`, seed: 1 };
      twin = await testTwin(more, { clock });
      base = `http://127.0.0.1:${(await twin.twin.listen()).port}`;
    },
    async stop() {
      await twin[Symbol.asyncDispose]();
      await shop[Symbol.asyncDispose]();
    },
    pace: () => Promise.resolve(),
    nowMs: () => clock.nowMs(),
    async pay({ orderId, qrString }, issuer) {
      const { body } = await twin.call('GET', '/_twin/transactions');
      const listed = body['transactions'] as { orderId: string; qrString: string }[];
      const text = qrString ?? listed.find((each) => each.orderId === orderId)?.qrString;
      await control('wallet/pay', { qrString: text, issuer });
    },
    merchant: () => shop,
    pass: (ms) => control('clock/advance', { ms }),
  };
}

/** Midtrans publishes no number; one call a second is what a till does. */
const sandboxPaceMs = 1000;

function sandboxTarget(key: string): Target {
  return {
    name: "Midtrans' sandbox",
    serverKey: key,
    base: () => 'https://api.sandbox.midtrans.com',
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    pace: () => sleep(sandboxPaceMs),
    nowMs: () => systemClock.nowMs(),
  };
}

export function targets(): Target[] {
  const key = process.env['MIDTRANS_SANDBOX_SERVER_KEY'];
  return [twinTarget(), ...(key === undefined ? [] : [sandboxTarget(key)])];
}

/** What the merchant heard about one order, in the order in which it came. */
export function heardOf(merchant: Merchant, orderId: string): Heard[] {
  return merchant.heard.filter((each) => each.body['order_id'] === orderId);
}
