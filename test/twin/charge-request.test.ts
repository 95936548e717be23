// Midtrans' validation of a charge, message by message.
import { describe, expect, test } from 'vitest';
import { parseCharge } from '../../src/twin/charge-request.ts';
import { chargeBody, morningMs } from './setting.ts';

const messages = (body: unknown): unknown => {
  const parsed = parseCharge(body, morningMs);
  return parsed.kind === 'invalid' ? parsed.messages : parsed.kind;
};

test('the smallest body is enough, and expires after 15 minutes', () => {
  expect(parseCharge(chargeBody('KSK01-1'), morningMs)).toEqual({
    kind: 'request',
    request: {
      channel: 'qris',
      orderId: 'KSK01-1',
      amountIdr: 15000,
      acquirer: 'gopay',
      expiresAtMs: morningMs + 900_000,
      echo: {},
    },
  });
});

test.each([
  [null, ['payment_type is required']],
  [[], ['payment_type is required']],
  [{ payment_type: 'bank_transfer' }, 'no-channel'],
  [
    { payment_type: 'qris' },
    ['transaction_details.order_id is required', 'transaction_details.gross_amount is required'],
  ],
  [chargeBody('a'.repeat(50)), 'request'],
  [chargeBody('a'.repeat(51)), ['transaction_details.order_id max length is 50']],
  [chargeBody('A-_~.9'), 'request'],
  [chargeBody('a#1'), ['transaction_details.order_id contains invalid characters']],
  [chargeBody('a', {}, 39.1), ['transaction_details.gross_amount must not have decimals']],
  [chargeBody('a', {}, '15000'), ['transaction_details.gross_amount must be a number']],
  [chargeBody('a', {}, 0), ['transaction_details.gross_amount must be greater than or equal to 1']],
  [chargeBody('a', {}, 1), 'request'],
  [chargeBody('a', {}, 10_000_000), 'request'],
  [
    chargeBody('a', {}, 10_000_001),
    ['transaction_details.gross_amount must be less than or equal to 10000000'],
  ],
  [chargeBody('a', { payment_type: 'gopay' }, 20_000_000), 'request'],
  [chargeBody('a', { qris: { acquirer: 'airpay shopee' } }), 'request'],
  [chargeBody('a', { qris: { acquirer: 'shopee' } }), ['qris.acquirer is not supported']],
  [chargeBody('a', { custom_field1: 'x'.repeat(256) }), ['custom_field1 max length is 255']],
  [chargeBody('a', { metadata: 'x' }), ['metadata must be an object']],
  [chargeBody('a', { customer_details: { first_name: 'x'.repeat(255) } }), 'request'],
  [
    chargeBody('a', { customer_details: { first_name: 'x'.repeat(256), phone: 62 } }),
    ['customer_details.first_name max length is 255', 'customer_details.phone max length is 255'],
  ],
  [chargeBody('a', { customer_details: 'Budi' }), ['customer_details is invalid']],
])('%j', (body, wanted) => {
  expect(messages(body)).toEqual(wanted);
});

describe('items', () => {
  const coffee = { id: 'S', name: 'Kopi', price: 10000, quantity: 2 };
  const discount = { name: 'Diskon', price: -5000, quantity: 1 };
  test.each([
    [[coffee, discount], 'request'],
    [[coffee], ['transaction_details.gross_amount is not equal to the sum of item_details']],
    [[{ ...coffee, quantity: 0 }], ['item_details[0].quantity must be greater than or equal to 1']],
    [[{ ...coffee, price: 'x' }], ['item_details[0].price is required']],
    [[{ price: 15000, quantity: 1 }], ['item_details[0].name is required']],
  ])('%j', (items, wanted) => {
    expect(messages(chargeBody('a', { item_details: items }))).toEqual(wanted);
  });
});

describe('custom_expiry', () => {
  const below = ['custom_expiry is below minimum threshold'];
  const above = ['custom_expiry is above maximum threshold'];
  test.each([
    [{ expiry_duration: 20, unit: 'second' }, 20_000],
    [{ expiry_duration: 19, unit: 'second' }, below],
    [{ expiry_duration: 5 }, 300_000],
    [{ expiry_duration: 2, unit: 'hour' }, 7_200_000],
    [{ expiry_duration: 7, unit: 'day' }, 7 * 86_400_000],
    [{ expiry_duration: 8, unit: 'day' }, above],
    // The window counts from order_time, the minimum from now: a slow queue makes a good request bad.
    [{ expiry_duration: 2, order_time: '2026-01-01 09:59:00 +0700' }, 60_000],
    [{ expiry_duration: 1, order_time: '2026-01-01 09:59:15 +0700' }, below],
    [
      { expiry_duration: 1, order_time: '2026-01-01 09:59:15' },
      ['custom_expiry.order_time is invalid'],
    ],
    // JavaScript would read 2 March.
    [
      { expiry_duration: 1, unit: 'day', order_time: '2026-02-30 09:59:15 +0700' },
      ['custom_expiry.order_time is invalid'],
    ],
    [{ expiry_duration: '2', unit: 'hour' }, 7_200_000],
    [
      { expiry_duration: true },
      ['custom_expiry.expiry_duration must be greater than or equal to 1'],
    ],
    [{ expiry_duration: 1, unit: 'week' }, ['custom_expiry.unit is invalid']],
    [{ expiry_duration: 0 }, ['custom_expiry.expiry_duration must be greater than or equal to 1']],
  ])('%j', (expiry, wanted) => {
    const parsed = parseCharge(chargeBody('a', { custom_expiry: expiry }), morningMs);
    if (parsed.kind === 'request') expect(parsed.request.expiresAtMs - morningMs).toBe(wanted);
    else expect(messages(chargeBody('a', { custom_expiry: expiry }))).toEqual(wanted);
  });

  test('a QR of Shopee lives five days at most', () => {
    const shopee = { qris: { acquirer: 'airpay shopee' } };
    const days = (n: number): unknown =>
      messages(chargeBody('a', { ...shopee, custom_expiry: { expiry_duration: n, unit: 'day' } }));
    expect([days(5), days(6)]).toEqual(['request', above]);
  });
});
