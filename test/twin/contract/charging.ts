// The contract with Midtrans: what a charge becomes, and what it is refused for.
import { describe, expect, test } from 'vitest';
import { parseQris, parseTlv } from '../../../src/protocol/qris.ts';
import { chargeBody } from '../setting.ts';
import { actionsOf, basic, ignored, uuid, type ContractMerchant } from './call.ts';
import { type Target } from './targets.ts';

export function describeCharging(target: Target, shop: ContractMerchant): void {
  describe('a charge', () => {
    test('by qris: HTTP 200, body 201, numbers as texts', async () => {
      const orderId = shop.newOrder();
      const made = await shop.charge(orderId);
      expect(made).toMatchObject({
        http: 200,
        code: '201',
        body: {
          order_id: orderId,
          gross_amount: '15000.00',
          currency: 'IDR',
          payment_type: 'qris',
          transaction_status: 'pending',
          fraud_status: 'accept',
          acquirer: 'gopay',
          merchant_id: ignored,
        },
      });
      expect(made.body['transaction_id']).toMatch(uuid);
    });

    test('its QR is a dynamic QRIS of that amount, the amount late, a UUID and the terminal in 62', async () => {
      const made = await shop.charge(shop.newOrder());
      const text = String(made.body['qr_string']);
      expect(text.length).toBeLessThanOrEqual(512);
      expect(parseQris(text)).toMatchObject({
        ok: true,
        qris: { amountIdr: 15000, dynamic: true, currency: '360', country: 'ID' },
      });
      const top = parseTlv(text) ?? new Map<string, string>();
      expect([...top.keys()].join()).toBe('00,01,26,51,52,53,58,59,60,61,54,62,63');
      expect(top.get('54')).toBe('15000.00');
      const more = parseTlv(top.get('62') ?? '');
      expect(more?.get('50')).toMatch(uuid);
      expect(more?.get('07')).toBe('A01');
    });

    test('by gopay: no QR text, but actions for image, deeplink, status and cancel', async () => {
      const made = await shop.charge(shop.newOrder(), { payment_type: 'gopay' });
      expect(made).toMatchObject({ http: 200, code: '201', body: { payment_type: 'gopay' } });
      expect(made.body['qr_string']).toBeUndefined();
      const id = String(made.body['transaction_id']);
      const ends = actionsOf(made).map(({ name, method, url }) => [name, method, url]);
      const wanted = (name: string, method: string, end: string): unknown =>
        expect.arrayContaining([name, method, expect.stringMatching(new RegExp(`${end}$`))]);
      expect(ends).toEqual(
        expect.arrayContaining([
          wanted('generate-qr-code', 'GET', `/v2/gopay/${id}/qr-code`),
          wanted('get-status', 'GET', `/v2/${id}/status`),
          wanted('cancel', 'POST', `/v2/${id}/cancel`),
        ]),
      );
      expect(actionsOf(made).map((each) => each.name)).toContain('deeplink-redirect');
    });

    test('its images are PNGs that need no key', async () => {
      const made = await shop.charge(shop.newOrder());
      const images = actionsOf(made).filter(({ name }) => name.startsWith('generate-qr-code'));
      expect(images[0]).toMatchObject({
        name: 'generate-qr-code',
        url: expect.stringMatching(/\/v2\/qris\/[0-9a-f-]{36}\/qr-code$/) as string,
      });
      for (const { url } of images) {
        await target.pace();
        const image = await fetch(url);
        expect(image.headers.get('content-type')).toContain('image/png');
        const bytes = Buffer.from(await image.arrayBuffer());
        expect(bytes.subarray(1, 4).toString()).toBe('PNG');
      }
    });

    test('without acquirer is acquired by gopay', async () => {
      const made = await shop.charge(shop.newOrder(), { qris: undefined });
      expect(made.body['acquirer']).toBe('gopay');
    });

    test('takes items whose sum is the amount, discounts too', async () => {
      const items = [
        { id: 'S-1', name: 'Kopi susu', price: 10000, quantity: 2 },
        { name: 'Diskon', price: -5000, quantity: 1 },
      ];
      expect((await shop.charge(shop.newOrder(), { item_details: items })).code).toBe('201');
    });

    test('gives its metadata back in the status', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId, { custom_field1: 'KSK01', metadata: { slot: '12' } });
      expect((await shop.status(orderId)).body['metadata']).toEqual({ slot: '12' });
    });

    test.each(['cancel', 'expire'])('may use an order id again after %s', async (how) => {
      const orderId = shop.newOrder();
      const first = await shop.charge(orderId);
      await shop.post(orderId, how);
      const second = await shop.charge(orderId, { payment_type: 'gopay' });
      expect(second.code).toBe('201');
      expect(second.body['transaction_id']).not.toBe(first.body['transaction_id']);
    });

    test('of an order id that is live is body 406 in HTTP 200, and leaves the first alone', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId);
      expect(await shop.charge(orderId, {}, {}, 99000)).toMatchObject({
        http: 200,
        code: '406',
        message:
          'The request could not be completed due to a conflict with the current state of the target resource, please try again',
      });
      expect((await shop.status(orderId)).body['gross_amount']).toBe('15000.00');
    });
  });

  describe('a charge is refused', () => {
    test('with faults in it: HTTP 400, body 400, each fault named', async () => {
      const answered = await shop.call('POST', '/v2/charge', { payment_type: 'qris' });
      expect(answered).toMatchObject({
        http: 400,
        code: '400',
        message: 'One or more parameters in the payload is invalid.',
      });
      expect(answered.body['validation_messages']).toContain(
        'transaction_details.order_id is required',
      );
    });

    test.each<[string, string, Record<string, unknown>, unknown]>([
      ['an order id of 51 characters', 'x'.repeat(51), {}, 15000],
      ['an order id with #', 'a#1', {}, 15000],
      ['an amount with decimals', '', {}, 39.1],
      ['no amount', '', {}, null],
      ['an amount of 0', '', {}, 0],
      ['more than QRIS allows', '', {}, 10_000_001],
      [
        'items that sum up to something else',
        '',
        { item_details: [{ name: 'Kopi', price: 14999, quantity: 1 }] },
        15000,
      ],
      ['an item without a name', '', { item_details: [{ price: 15000, quantity: 1 }] }, 15000],
    ])('%s', async (_what, orderId, more, amount) => {
      const body = chargeBody(orderId === '' ? shop.newOrder() : orderId, more, amount);
      const answered = await shop.call('POST', '/v2/charge', body);
      expect(answered).toMatchObject({ http: 400, code: '400' });
      expect(answered.body['validation_messages']).not.toHaveLength(0);
    });

    test('that is not JSON: body 413 in HTTP 200', async () => {
      const answered = await shop.call('POST', '/v2/charge', '{"payment_type":');
      expect(answered).toMatchObject({ http: 200, code: '413' });
    });

    test.each([
      ['the key of somebody else', basic('SB-Mid-server-wrong:')],
      ['the key without its colon', basic(target.serverKey)],
      ['the key that is not encoded', `Basic ${target.serverKey}:`],
    ])('by %s: HTTP 401, body 401, whatever is asked', async (_whose, authorization) => {
      const refused = { http: 401, code: '401' };
      const charge = chargeBody(shop.newOrder());
      const asked = { authorization };
      expect(await shop.call('POST', '/v2/charge', charge, asked)).toMatchObject(refused);
      expect(await shop.call('GET', '/v2/x/status', undefined, asked)).toMatchObject(refused);
      expect(await shop.call('POST', '/v2/x/cancel', undefined, asked)).toMatchObject(refused);
    });
  });
}
