// The contract with Midtrans: notifications. Need an address that Midtrans can reach.
import { describe, expect, test } from 'vitest';
import { type Heard } from '../setting.ts';
import { type ContractMerchant } from './call.ts';
import { heardOf, type Target } from './targets.ts';

export function describeNotices(target: Target, shop: ContractMerchant): void {
  const { merchant } = target;
  describe.skipIf(merchant === undefined)('notifications (need an address that is reached)', () => {
    const heard = async (orderId: string, count: number): Promise<Heard[]> => {
      for (;;) {
        const found = merchant === undefined ? [] : heardOf(merchant(), orderId);
        if (found.length >= count) return found;
        await merchant?.().hears(merchant().heard.length + 1);
      }
    };

    test('pending comes by itself, then the end; each signed, bare JSON, from Veritrans', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId, { custom_field1: 'KSK01' });
      await heard(orderId, 1);
      await shop.post(orderId, 'cancel');
      const [pending, cancel] = await heard(orderId, 2);
      expect(pending?.headers).toMatchObject({
        'user-agent': 'Veritrans',
        'content-type': 'application/json',
        accept: 'application/json',
      });
      expect(pending?.headers.authorization).toBeUndefined();
      expect(pending?.body).toMatchObject({
        transaction_status: 'pending',
        status_code: '201',
        status_message: 'midtrans payment notification',
        custom_field1: 'KSK01',
        acquirer: 'gopay',
      });
      expect(cancel?.body).toMatchObject({ transaction_status: 'cancel', status_code: '202' });
      for (const each of [pending, cancel]) {
        expect(each?.body['signature_key']).toBe(shop.signature(each?.body ?? {}));
      }
    });

    test('go where the charge says: override instead of the dashboard, three at most, before append', async () => {
      const url = merchant?.().url ?? '';
      const orderId = shop.newOrder();
      const headers = {
        'x-override-notification': ['/1', '/2', '/3', '/4'].map((path) => url + path).join(','),
        'x-append-notification': `${url}/append`,
      };
      await shop.charge(orderId, {}, headers);
      await shop.post(orderId, 'cancel');
      const paths = (await heard(orderId, 6)).map((each) => each.path);
      expect(paths.toSorted()).toEqual(['/1', '/1', '/2', '/2', '/3', '/3']);
    });

    test('go to the dashboard and to what is appended', async () => {
      const orderId = shop.newOrder();
      const appended = `${merchant?.().url ?? ''}/append`;
      await shop.charge(orderId, {}, { 'x-append-notification': appended });
      const paths = (await heard(orderId, 2)).map((each) => each.path);
      expect(paths.toSorted()).toEqual(['/append', '/dashboard']);
    });

    test('of a charge that is refused there are none', async () => {
      const orderId = shop.newOrder();
      await shop.charge(orderId, {}, {}, 39.1);
      const other = shop.newOrder();
      await shop.charge(other);
      await heard(other, 1);
      expect(merchant === undefined ? [] : heardOf(merchant(), orderId)).toEqual([]);
    });
  });
}
