// Notifications that Midtrans never sent: what a forger, or a mistake, makes of a true one. Never logs what it makes.
import { signatureOf } from './signature.ts';
import { rupiahText, type Body } from './answers.ts';
import type { TransactionStatus } from './transaction.ts';

/**
 * `signature` and `key`: signed wrongly, the second by the key of somebody else. All others carry a signature that is valid
 * for what they say: `status` and `transaction` change what the signature does not cover, `amount` and `order` sign anew,
 * `number` says the same amount as a number and `merchant` names another merchant.
 */
export const tampers = [
  'signature',
  'key',
  'amount',
  'order',
  'status',
  'transaction',
  'number',
  'merchant',
] as const;
export type Tamper = (typeof tampers)[number];

/** The Server Key of another merchant. */
const foreignKey = 'SB-Mid-server-FOREIGN';

/** @param status what `status` lies; by default the other state of the same signature. */
export function tampered(
  body: Body,
  change: Tamper,
  serverKey: string,
  amountIdr: number,
  status?: string,
): Body {
  const signed = (changed: Body, key = serverKey): Body => ({
    ...changed,
    signature_key: signatureOf(
      String(changed['order_id']),
      String(changed['status_code']),
      String(changed['gross_amount']),
      key,
    ),
  });
  switch (change) {
    case 'signature':
      return { ...body, signature_key: wrongEnd(String(body['signature_key'])) };
    case 'key':
      return signed(body, foreignKey);
    case 'amount':
      return signed({ ...body, gross_amount: rupiahText(amountIdr + 1000) });
    case 'order':
      return signed({ ...body, order_id: `x${String(body['order_id']).slice(1, -1)}x` });
    case 'status': {
      const lie = status ?? otherStatus(String(body['transaction_status']));
      return { ...body, transaction_status: lie };
    }
    case 'transaction':
      return { ...body, transaction_id: '00000000-0000-4000-8000-000000000000' };
    case 'number':
      return { ...body, gross_amount: amountIdr };
    case 'merchant':
      return { ...body, merchant_id: 'G999999999' };
  }
}

function wrongEnd(signature: string): string {
  return `${signature.slice(0, -1)}${signature.endsWith('0') ? '1' : '0'}`;
}

/** The lie that pays most: whatever it is becomes a settlement, and a settlement a refund. */
function otherStatus(status: string): TransactionStatus {
  return status === 'settlement' ? 'refund' : 'settlement';
}
