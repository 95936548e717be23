// The contract with Midtrans: idempotency keys with their traps.
import { randomUUID } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { chargeBody } from '../setting.ts';
import { minuteMs, type ContractMerchant } from './call.ts';
import { type Target } from './targets.ts';

export function describeKeys(target: Target, shop: ContractMerchant): void {
  const { pass } = target;
  describe('an Idempotency-Key', () => {
    const keyed = (key: string = randomUUID()): Record<string, string> => ({
      'idempotency-key': key,
    });

    test('gives the stored answer again, whatever the new body says', async () => {
      const headers = keyed();
      const [orderId, other] = [shop.newOrder(), shop.newOrder()];
      const first = await shop.charge(orderId, {}, headers);
      const again = await shop.call('POST', '/v2/charge', chargeBody(other, {}, 99000), headers);
      expect(again).toEqual(first);
      expect((await shop.status(other)).code).toBe('404');
    });

    test('is one for all calls: a cancel with the key of the charge gets the charge', async () => {
      const headers = keyed();
      const orderId = shop.newOrder();
      const made = await shop.charge(orderId, {}, headers);
      const again = await shop.call('POST', `/v2/${orderId}/cancel`, undefined, headers);
      expect(again).toEqual(made);
      expect((await shop.status(orderId)).body['transaction_status']).toBe('pending');
    });

    test.each([
      [46, '201'],
      [47, '406'],
    ])('of %i characters: the repeat is answered %s', async (length, code) => {
      const headers = keyed(`${randomUUID()}${'k'.repeat(length)}`.slice(0, length));
      const orderId = shop.newOrder();
      await shop.charge(orderId, {}, headers);
      expect((await shop.charge(orderId, {}, headers)).code).toBe(code);
    });

    test('does not keep what failed', async () => {
      const headers = keyed();
      const failed = await shop.call('POST', '/v2/charge', { payment_type: 'qris' }, headers);
      expect(failed.code).toBe('400');
      expect((await shop.charge(shop.newOrder(), {}, headers)).code).toBe('201');
    });

    test('two at once make one charge: the second waits, or is told so with HTTP 202', async () => {
      const headers = keyed();
      const orderId = shop.newOrder();
      const both = await Promise.all([1, 2].map(() => shop.charge(orderId, {}, headers)));
      const made = both.filter(({ http }) => http !== 202);
      const ids = new Set(made.map(({ body }) => body['transaction_id']));
      expect(made.map(({ code }) => code)).toEqual(made.map(() => '201'));
      expect(ids.size).toBe(1);
    });

    test.skipIf(pass === undefined)(
      'is forgotten after five minutes (needs time to pass)',
      async () => {
        const headers = keyed();
        const orderId = shop.newOrder();
        await shop.charge(orderId, {}, headers);
        await pass?.(5 * minuteMs - 1);
        expect((await shop.charge(orderId, {}, headers)).code).toBe('201');
        await pass?.(1);
        expect((await shop.charge(orderId, {}, headers)).code).toBe('406');
      },
    );
  });
}
