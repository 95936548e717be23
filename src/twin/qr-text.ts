// The QRIS text of one charge, laid out as Midtrans lays it out. PURE.
import { formatTlv, withCrc } from '../protocol/qris.ts';

/** Whom the twin's QRs pay: the made-up merchant of its configuration. */
export interface TwinMerchant {
  /** Midtrans' merchant id, `G…`. */
  id: string;
  name: string;
  nmid: string;
  pan: string;
  city: string;
  postalCode: string;
  mcc: string;
}

/** Midtrans sends `COM.GO-JEK.WWW`. This one belongs to nobody, so that no real wallet takes the code for GoPay's. */
const acquirerDomain = 'COM.EXAMPLE.WWW';
/** Usaha mikro: the smallest merchant class of QRIS. */
const criteria = 'UMI';
const terminal = 'A01';

/**
 * Tags in the order of Midtrans' own strings: the amount (54) comes late, after 61. 62.50 is a UUID of the QR itself, neither
 * the order id nor the transaction id.
 */
export function qrText(merchant: TwinMerchant, amountIdr: number, crossReference: string): string {
  return withCrc(
    formatTlv([
      ['00', '01'],
      ['01', '12'],
      [
        '26',
        formatTlv([
          ['00', acquirerDomain],
          ['01', merchant.pan],
          ['02', merchant.id],
          ['03', criteria],
        ]),
      ],
      [
        '51',
        formatTlv([
          ['00', 'ID.CO.QRIS.WWW'],
          ['02', merchant.nmid],
          ['03', criteria],
        ]),
      ],
      ['52', merchant.mcc],
      ['53', '360'],
      ['58', 'ID'],
      ['59', merchant.name],
      ['60', merchant.city],
      ['61', merchant.postalCode],
      ['54', `${amountIdr}.00`],
      [
        '62',
        formatTlv([
          ['50', crossReference],
          ['07', terminal],
        ]),
      ],
    ]),
  );
}

/** What a faulty charge may do to its QR: each is something that a kiosk must notice before it shows it. */
export const qrChanges = ['crc', 'amount', 'merchant'] as const;
export type QrChange = (typeof qrChanges)[number];

/** A QR that is wrong in one way. `amount` and `merchant` carry a right CRC: only a comparison finds them out. */
export function wrongQrText(
  merchant: TwinMerchant,
  amountIdr: number,
  crossReference: string,
  change: QrChange,
): string {
  switch (change) {
    case 'crc': {
      const text = qrText(merchant, amountIdr, crossReference);
      return `${text.slice(0, -1)}${text.endsWith('0') ? '1' : '0'}`;
    }
    case 'amount':
      return qrText(merchant, amountIdr + 1000, crossReference);
    case 'merchant': {
      // Another merchant with the same name: the name alone proves nothing.
      const last = merchant.pan.endsWith('0') ? '1' : '0';
      const nmidLast = merchant.nmid.endsWith('0') ? '1' : '0';
      const other = {
        ...merchant,
        pan: `${merchant.pan.slice(0, -1)}${last}`,
        nmid: `${merchant.nmid.slice(0, -1)}${nmidLast}`,
      };
      return qrText(other, amountIdr, crossReference);
    }
  }
}
