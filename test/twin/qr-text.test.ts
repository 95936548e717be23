// The QR of a charge: the worked example of the reference, and the ways in which a faulty one is wrong.
import { expect, test } from 'vitest';
import { checkQris, parseTlv } from '../../src/protocol/qris.ts';
import { qrText, wrongQrText, type QrChange } from '../../src/twin/qr-text.ts';
import { merchant } from './setting.ts';

const reference = '00000000-0000-4000-8000-000000000001';
/** Reference §16.2, which has the amount before the country; Midtrans' own strings have it after the postal code. */
const worked =
  '00020101021226630015COM.EXAMPLE.WWW011993600000000000000170210G0000000010303UMI51440014ID.CO.QRIS.WWW0215ID10990000000010303UMI520458125303360540815000.005802ID5911KIOS CONTOH6007BANDUNG6105401116247503600000000-0000-4000-8000-0000000000010703A0163048D3C';

test('it says what the worked example says', () => {
  const text = qrText(merchant, 15000, reference);
  const own = parseTlv(text);
  const wanted = parseTlv(worked);
  own?.delete('63');
  wanted?.delete('63');
  expect(text).toHaveLength(worked.length);
  expect(own).toEqual(wanted);
});

test("its tags stand in the order of Midtrans' own strings", () => {
  const tags = [...(parseTlv(qrText(merchant, 15000, reference))?.keys() ?? [])];
  expect(tags.join()).toBe('00,01,26,51,52,53,58,59,60,61,54,62,63');
});

test('a kiosk accepts it', () => {
  expect(checkQris(qrText(merchant, 15000, reference), 15000, merchant).ok).toBe(true);
});

test.each<[QrChange, string]>([
  ['crc', 'qr-crc'],
  ['amount', 'qr-amount'],
  ['merchant', 'qr-merchant'],
])('a QR wrong in %s is refused as %s', (change, fault) => {
  const text = wrongQrText(merchant, 15000, reference, change);
  expect(checkQris(text, 15000, merchant)).toEqual({ ok: false, fault });
});
