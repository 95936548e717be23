// The contract with Midtrans: asking for a charge and stopping it.
import { describe, expect, test } from 'vitest';
import { ignored, type ContractMerchant } from './call.ts';
import { type Target } from './targets.ts';

export function describeStopping(_target: Target, shop: ContractMerchant): void {
  describe('the status', () => {
    test('of an unknown id is body 404 in HTTP 200', async () => {
      expect(await shop.status(shop.newOrder())).toMatchObject({
        http: 200,
        code: '404',
        message: "Transaction doesn't exist.",
      });
    });

    test('is found by order id and by transaction id; it is signed and carries no QR', async () => {
      const orderId = shop.newOrder();
      const made = await shop.charge(orderId);
      const byOrder = await shop.status(orderId);
      const byId = await shop.status(String(made.body['transaction_id']));
      expect(byOrder).toMatchObject({
        http: 200,
        code: '201',
        message: 'Success, transaction is found',
        body: { transaction_status: 'pending', order_id: orderId, expiry_time: ignored },
      });
      expect(byId.body).toEqual(byOrder.body);
      expect(byOrder.body).not.toHaveProperty('qr_string');
      expect(byOrder.body).not.toHaveProperty('actions');
      expect(byOrder.body['signature_key']).toBe(shop.signature(byOrder.body));
    });
  });

  describe('cancel and expire', () => {
    test('cancel answers 200, then the status says cancel', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId);
      expect(await shop.post(orderId, 'cancel')).toMatchObject({
        http: 200,
        code: '200',
        message: 'Success, transaction is canceled',
        body: { transaction_status: 'cancel', order_id: orderId },
      });
      expect((await shop.status(orderId)).body['transaction_status']).toBe('cancel');
    });

    test('expire answers 407, and so does the status; both are HTTP 200', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId);
      const expired = { http: 200, code: '407', body: { transaction_status: 'expire' } };
      expect(await shop.post(orderId, 'expire')).toMatchObject({
        ...expired,
        message: 'Success, transaction has expired',
      });
      const status = await shop.status(orderId);
      expect(status).toMatchObject(expired);
      // 407 here and 202 in the notification: two signatures of one state.
      expect(status.body['signature_key']).toBe(shop.signature(status.body));
    });

    test.each([
      ['cancel', 'cancel'],
      ['cancel', 'expire'],
      ['expire', 'cancel'],
      ['expire', 'expire'],
    ])('after %s, %s is body 412 in HTTP 200', async (first, second) => {
      const orderId = shop.newOrder();
      await shop.charge(orderId);
      await shop.post(orderId, first);
      expect(await shop.post(orderId, second)).toMatchObject({ http: 200, code: '412' });
    });

    test.each(['cancel', 'expire', 'refund', 'refund/online/direct'])(
      '%s of an unknown id is body 404',
      async (how) => {
        expect((await shop.post(shop.newOrder(), how)).code).toBe('404');
      },
    );

    test('by transaction id stops that one', async () => {
      const orderId = shop.newOrder();
      const made = await shop.charge(orderId);
      const id = String(made.body['transaction_id']);
      expect((await shop.post(id, 'cancel')).body['order_id']).toBe(orderId);
    });

    test('a refund of what was not paid is body 412', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId);
      const refund = { refund_key: 'contract-1', amount: 1000, reason: 'contract' };
      expect((await shop.post(orderId, 'refund', refund)).code).toBe('412');
    });
  });
}
