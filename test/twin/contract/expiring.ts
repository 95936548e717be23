// The contract with Midtrans: until when a charge can be paid.
import { describe, expect, test } from 'vitest';
import { chargeBody } from '../setting.ts';
import { jakartaMs, minuteMs, timeText, type ContractMerchant } from './call.ts';
import { heardOf, type Target } from './targets.ts';

export function describeExpiry(target: Target, shop: ContractMerchant): void {
  const { pass, merchant } = target;
  describe('the expiry', () => {
    const window = async (expiry: unknown, more = {}): Promise<number> => {
      const custom = expiry === undefined ? {} : { custom_expiry: expiry };
      const { body } = await shop.charge(shop.newOrder(), { ...custom, ...more });
      expect(body['expiry_time']).toMatch(timeText);
      return (jakartaMs(body['expiry_time']) - jakartaMs(body['transaction_time'])) / 1000;
    };
    const refused = async (expiry: unknown, more = {}): Promise<void> => {
      const body = chargeBody(shop.newOrder(), { custom_expiry: expiry, ...more });
      expect(await shop.call('POST', '/v2/charge', body)).toMatchObject({ http: 400, code: '400' });
    };

    test('is 15 minutes after the charge by default, in the time of Jakarta', async () => {
      expect(await window(undefined)).toBe(900);
      const { body } = await shop.charge(shop.newOrder());
      const offMs = Math.abs(jakartaMs(body['transaction_time']) - target.nowMs());
      expect(offMs).toBeLessThan(5 * minuteMs);
    });

    test.each([
      [{ expiry_duration: 20, unit: 'second' }, 20],
      [{ expiry_duration: 5 }, 300],
      [{ expiry_duration: 5, unit: 'minute' }, 300],
      [{ expiry_duration: 2, unit: 'hour' }, 7200],
      [{ expiry_duration: 7, unit: 'day' }, 7 * 86_400],
    ])('%j is %i s', async (expiry, seconds) => {
      expect(await window(expiry)).toBe(seconds);
    });

    test('counts from order_time where that is said', async () => {
      const earlier = new Date(target.nowMs() - 5 * minuteMs + 7 * 60 * minuteMs);
      const text = earlier.toISOString().slice(0, 19).replace('T', ' ');
      const seconds = await window({ order_time: `${text} +0700`, expiry_duration: 10 });
      expect(seconds).toBeGreaterThan(240);
      expect(seconds).toBeLessThanOrEqual(300);
    });

    test('below 20 seconds is refused in these words', async () => {
      const body = chargeBody(shop.newOrder(), {
        custom_expiry: { expiry_duration: 19, unit: 'second' },
      });
      expect(await shop.call('POST', '/v2/charge', body)).toMatchObject({
        http: 400,
        body: { validation_messages: ['custom_expiry is below minimum threshold'] },
      });
    });

    test('in a unit that is none is refused', () => refused({ expiry_duration: 1, unit: 'week' }));

    test.skipIf(pass === undefined)(
      'comes by itself: notified with 202, asked for with 407, the order id free again (needs time to pass)',
      async () => {
        const orderId = shop.newOrder();
        await shop.charge(orderId);
        await pass?.(15 * minuteMs);
        expect(await shop.status(orderId)).toMatchObject({
          http: 200,
          code: '407',
          body: { transaction_status: 'expire' },
        });
        if (merchant !== undefined) {
          const last = heardOf(merchant(), orderId).at(-1);
          expect(last?.body).toMatchObject({ transaction_status: 'expire', status_code: '202' });
        }
        expect((await shop.charge(orderId)).code).toBe('201');
      },
    );
  });
}
