// Midtrans' validation of a charge (reference §3, §12): a body becomes a request, or the messages of its 400.
// PURE.
import { acquirers, channels, type Acquirer, type Channel } from './transaction.ts';
import { parseOrderTime } from './times.ts';

export interface ChargeRequest {
  channel: Channel;
  orderId: string;
  amountIdr: number;
  acquirer: Acquirer;
  expiresAtMs: number;
  echo: Record<string, unknown>;
}

export type ChargeParse =
  | { kind: 'request'; request: ChargeRequest }
  | { kind: 'invalid'; messages: string[] }
  /** A payment type that Midtrans has and the twin has not: Midtrans' 402. */
  | { kind: 'no-channel' };

const maxIdr: Record<Channel, number> = { qris: 10_000_000, gopay: 20_000_000 };
const defaultExpiryMs = 15 * 60_000;
const minExpiryMs = 20_000;
const dayMs = 24 * 3_600_000;
/** Midtrans' pages disagree on whether a longer one is refused or cut; refusing keeps anyone from relying on it. */
const maxExpiryMs: Record<Acquirer, number> = { gopay: 7 * dayMs, 'airpay shopee': 5 * dayMs };
const unitMs: Readonly<Record<string, number>> = {
  second: 1000,
  minute: 60_000,
  hour: 3_600_000,
  day: dayMs,
};
const maxItems = 100;

type Json = Record<string, unknown>;

/** Checks a parsed body. `nowMs` is the transaction time, from which the shortest expiry counts. */
export function parseCharge(body: unknown, nowMs: number): ChargeParse {
  const fields = asObject(body) ?? {};
  const type = fields['payment_type'];
  if (typeof type !== 'string' || type === '') {
    return { kind: 'invalid', messages: ['payment_type is required'] };
  }
  const channel = channels.find((each) => each === type);
  if (channel === undefined) return { kind: 'no-channel' };

  const messages: string[] = [];
  const details = asObject(fields['transaction_details']) ?? {};
  const orderId = readOrderId(details['order_id'], messages);
  const amountIdr = readAmount(details['gross_amount'], channel, messages);
  checkItems(fields['item_details'], amountIdr, messages);
  const acquirer = readAcquirer(channel, fields['qris'], messages);
  const expiresAtMs = readExpiry(fields['custom_expiry'], acquirer, nowMs, messages);
  checkCustomer(fields['customer_details'], messages);
  const echo = readEcho(fields, messages);
  if (messages.length > 0) return { kind: 'invalid', messages };
  return {
    kind: 'request',
    request: { channel, orderId, amountIdr, acquirer, expiresAtMs, echo },
  };
}

function asObject(value: unknown): Json | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return value as Json;
}

function readOrderId(value: unknown, messages: string[]): string {
  if (typeof value !== 'string' || value === '') {
    messages.push('transaction_details.order_id is required');
    return '';
  }
  if (value.length > 50) messages.push('transaction_details.order_id max length is 50');
  if (!/^[A-Za-z0-9._~-]*$/.test(value)) {
    messages.push('transaction_details.order_id contains invalid characters');
  }
  return value;
}

function readAmount(value: unknown, channel: Channel, messages: string[]): number {
  const name = 'transaction_details.gross_amount';
  if (value === undefined || value === null) messages.push(`${name} is required`);
  else if (typeof value !== 'number') messages.push(`${name} must be a number`);
  else if (!Number.isInteger(value)) messages.push(`${name} must not have decimals`);
  else if (value < 1) messages.push(`${name} must be greater than or equal to 1`);
  else if (value > maxIdr[channel]) {
    messages.push(`${name} must be less than or equal to ${maxIdr[channel]}`);
  } else return value;
  return 0;
}

function checkItems(value: unknown, amountIdr: number, messages: string[]): void {
  if (value === undefined || value === null) return;
  if (!Array.isArray(value) || value.length > maxItems) {
    messages.push('item_details is invalid');
    return;
  }
  const before = messages.length;
  let sum = 0;
  value.forEach((each: unknown, index) => {
    const item = asObject(each) ?? {};
    const { price, quantity, name, id } = item;
    const at = `item_details[${index}]`;
    if (typeof price !== 'number' || !Number.isInteger(price)) {
      messages.push(`${at}.price is required`);
    } else if (typeof quantity !== 'number' || !Number.isInteger(quantity) || quantity < 1) {
      messages.push(`${at}.quantity must be greater than or equal to 1`);
    } else sum += price * quantity;
    if (typeof name !== 'string' || name === '') messages.push(`${at}.name is required`);
    else if (name.length > 50) messages.push(`${at}.name max length is 50`);
    if (id !== undefined && (typeof id !== 'string' || id.length > 50)) {
      messages.push(`${at}.id max length is 50`);
    }
  });
  if (messages.length === before && value.length > 0 && sum !== amountIdr) {
    messages.push('transaction_details.gross_amount is not equal to the sum of item_details');
  }
}

function readAcquirer(channel: Channel, value: unknown, messages: string[]): Acquirer {
  const named = asObject(value)?.['acquirer'];
  if (channel === 'gopay' || named === undefined) return 'gopay';
  const acquirer = acquirers.find((each) => each === named);
  if (acquirer === undefined) messages.push('qris.acquirer is not supported');
  return acquirer ?? 'gopay';
}

/** The window counts from `order_time` where given; the shortest and longest are measured from the transaction time. */
function readExpiry(value: unknown, acquirer: Acquirer, nowMs: number, messages: string[]): number {
  if (value === undefined || value === null) return nowMs + defaultExpiryMs;
  const fields = asObject(value) ?? {};
  const duration = readDuration(fields['expiry_duration']);
  const unit = fields['unit'] ?? 'minute';
  const oneMs = typeof unit === 'string' ? unitMs[unit] : undefined;
  const orderTime = fields['order_time'];
  const startMs =
    orderTime === undefined
      ? nowMs
      : typeof orderTime === 'string'
        ? parseOrderTime(orderTime)
        : undefined;
  if (!Number.isInteger(duration) || duration < 1) {
    messages.push('custom_expiry.expiry_duration must be greater than or equal to 1');
  } else if (oneMs === undefined) messages.push('custom_expiry.unit is invalid');
  else if (startMs === undefined) messages.push('custom_expiry.order_time is invalid');
  else {
    const expiresAtMs = startMs + duration * oneMs;
    if (expiresAtMs - nowMs < minExpiryMs) {
      messages.push('custom_expiry is below minimum threshold');
    } else if (expiresAtMs - nowMs > maxExpiryMs[acquirer]) {
      messages.push('custom_expiry is above maximum threshold');
    } else return expiresAtMs;
  }
  return nowMs + defaultExpiryMs;
}

/** Documented as a text, sent as a number by Midtrans' own samples: both are taken. */
function readDuration(value: unknown): number {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : Number.NaN;
}

const customerFields = ['first_name', 'last_name', 'email', 'phone'] as const;

function checkCustomer(value: unknown, messages: string[]): void {
  if (value === undefined || value === null) return;
  const customer = asObject(value);
  if (customer === undefined) {
    messages.push('customer_details is invalid');
    return;
  }
  for (const name of customerFields) {
    const text = customer[name];
    if (text === undefined || text === null) continue;
    if (typeof text !== 'string' || text.length > 255) {
      messages.push(`customer_details.${name} max length is 255`);
    }
  }
}

function readEcho(fields: Json, messages: string[]): Json {
  const echo: Json = {};
  for (const name of ['custom_field1', 'custom_field2', 'custom_field3']) {
    const value = fields[name];
    if (value === undefined) continue;
    if (typeof value !== 'string' || value.length > 255) messages.push(`${name} max length is 255`);
    else echo[name] = value;
  }
  const metadata = fields['metadata'];
  if (metadata !== undefined) {
    if (asObject(metadata) === undefined) messages.push('metadata must be an object');
    else echo['metadata'] = metadata;
  }
  return echo;
}
