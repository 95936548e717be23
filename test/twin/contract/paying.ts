// The contract with Midtrans: what is paid and what is refunded. Needs the payer's hand.
import { describe, expect, test } from 'vitest';
import { ignored, timeText, type ContractMerchant } from './call.ts';
import { type Target } from './targets.ts';

export function describePaid(target: Target, shop: ContractMerchant): void {
  const { pay } = target;
  describe.skipIf(pay === undefined)('what is paid (needs the payer)', () => {
    const paid = async (more = {}, issuer = 'gopay'): Promise<string> => {
      const orderId = shop.newOrder();
      const made = await shop.charge(orderId, more);
      await pay?.({ orderId, qrString: made.body['qr_string'] }, issuer);
      return orderId;
    };

    test.each([
      ['gopay', 'on-us'],
      ['dana', 'off-us'],
    ])('by %s through qris is %s', async (issuer, type) => {
      expect(await shop.status(await paid({}, issuer))).toMatchObject({
        http: 200,
        code: '200',
        body: {
          transaction_status: 'settlement',
          settlement_time: expect.stringMatching(timeText) as string,
          transaction_type: type,
          issuer,
          acquirer: 'gopay',
          merchant_cross_reference_id: ignored,
        },
      });
    });

    test('through gopay names the option, or the QR where another wallet paid it', async () => {
      const gopay = { payment_type: 'gopay' };
      const own = (await shop.status(await paid(gopay))).body;
      expect(own).toMatchObject({ payment_option_type: 'GOPAY_WALLET', settlement_time: ignored });
      const other = (await shop.status(await paid(gopay, 'ovo'))).body;
      expect(other).toHaveProperty('merchant_cross_reference_id');
      expect(other).not.toHaveProperty('payment_option_type');
    });

    test('of Shopee carries its two references', async () => {
      const shopee = { qris: { acquirer: 'airpay shopee' } };
      expect((await shop.status(await paid(shopee, 'airpay shopee'))).body).toMatchObject({
        acquirer: 'airpay shopee',
        transaction_type: 'on-us',
        reference_id: ignored,
        shopeepay_reference_number: ignored,
      });
    });

    test('can no longer be cancelled or expired, and keeps its order id', async () => {
      const orderId = await paid();
      const refused = { http: 200, code: '412' };
      expect(await shop.post(orderId, 'cancel')).toMatchObject(refused);
      expect(await shop.post(orderId, 'expire')).toMatchObject(refused);
      expect((await shop.charge(orderId)).code).toBe('406');
    });

    test('is refunded in parts, each key once, never more than came in', async () => {
      const orderId = await paid();
      const refund = async (body: unknown, path = 'refund'): Promise<unknown> =>
        (await shop.post(orderId, path, body)).body;
      expect(await refund({ refund_key: 'k-1', amount: 5000, reason: 'jatuh' })).toMatchObject({
        status_code: '200',
        transaction_status: 'partial_refund',
        refund_amount: '5000.00',
        refund_key: 'k-1',
        refund_chargeback_id: ignored,
      });
      expect(await refund({ refund_key: 'k-1', amount: 5000 })).toMatchObject({
        status_code: '406',
        status_message: 'Duplicate refund ID',
      });
      expect(await refund({ refund_key: 'k-2', amount: 10001 })).toMatchObject({
        status_code: '414',
      });
      expect(await refund({ refund_key: 'k-2' }, 'refund/online/direct')).toMatchObject({
        status_code: '200',
        transaction_status: 'refund',
        refund_amount: '10000.00',
      });
      expect(await refund({ refund_key: 'k-3', amount: 1 })).toMatchObject({ status_code: '412' });
      expect((await shop.status(orderId)).body).toMatchObject({
        transaction_status: 'refund',
        refund_amount: '15000.00',
        refunds: [{ refund_key: 'k-1' }, { refund_key: 'k-2' }],
      });
    });
  });
}
