// Set-up sheets: what is written is read again, by whatever keyboard a scanner plays; and nothing that was not signed.
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, test } from 'vitest';
import { createScanDecoder } from '../../drivers/scanner/codec.ts';
import { publicJwk } from '../../src/protocol/api.ts';
import {
  isFor,
  isSheet,
  maybeSheet,
  openOwnSheet,
  openSheet,
  signSheet,
  type EnrolSheet,
  type Sheet,
} from '../../src/protocol/sheet.ts';

const { publicKey, privateKey } = generateKeyPairSync('ed25519');
const stranger = generateKeyPairSync('ed25519');
const pin = publicJwk.parse(publicKey.export({ format: 'jwk' })).x;
const times = { issuedS: 1_795_000_000, deadlineS: 1_795_086_400 };
const enrolment: EnrolSheet = {
  ...{ kind: 'enrol', ...times, site: 'kuta-square', relayUrl: 'https://relay.example.co.id' },
  ...{ code: '7K3MQ9TX2B4C', pin },
};
const { site: _none, ...siteless } = enrolment;
const wifi: Sheet = {
  ...{ kind: 'wifi', ...times, to: { kioskId: 'ksk01' }, ssid: 'Warung "Kopi"; é' },
  ...{ psk: ' rahasia\\123', security: 'wpa-psk', hidden: true },
};
const settings: Sheet = {
  ...{ kind: 'settings', ...times, to: { site: 'kuta-square' } },
  settings: { language: 'en', timeZone: 'Asia/Makassar', panelWidthMm: 154.5, rotation: 0 },
};

describe('what is written is read again', () => {
  test.each([enrolment, wifi, settings])('$kind', (sheet) => {
    expect(openSheet(signSheet(sheet, privateKey), [publicKey])).toEqual(sheet);
  });

  test.each<[string, Sheet]>([
    ['an open Wi-Fi of a site', wifiOf({ to: { site: 'kuta' }, ssid: 'gratis', security: 'sae' })],
    ['an enrolment without a site', siteless],
    ['one setting', { ...settings, settings: { rotation: 90 } }],
  ])('%s', (_what, sheet) => {
    expect(openSheet(signSheet(sheet, privateKey), [publicKey])).toEqual(sheet);
  });

  test('the longest Wi-Fi that there is fits one reading of a scanner', () => {
    const to = { site: 's'.repeat(20) };
    const longest = wifiOf({ to, ssid: 'n'.repeat(32), psk: 'p'.repeat(63), hidden: true });
    const text = signSheet(longest, privateKey);
    const decoder = createScanDecoder();
    const [scan] = decoder.feed(Buffer.from(`]Q1${text}\r`), 0);
    expect(openSheet(scan?.text ?? '', [publicKey])).toEqual(longest);
  });

  test('an address that is too long is refused when the sheet is made', () => {
    const relayUrl = `https://${'r'.repeat(60)}.id`;
    expect(() => signSheet({ ...enrolment, relayUrl }, privateKey)).toThrow(/too long/);
  });
});

describe('whatever the scanner is set to', () => {
  const text = signSheet(wifi, privateKey);

  test('digits alone, which every layout has on the same keys', () => {
    expect(text).toMatch(/^5467\d+$/);
  });

  test('a layout on which digits need Shift', () => {
    const typed = text.replace(/\d/g, (digit) => ')!@#$%^&*('.charAt(Number(digit)));
    expect(openSheet(typed, [publicKey])).toEqual(wifi);
  });

  test('a prefix that nobody has told the kiosk of', () => {
    expect(openSheet(`Q1:${text}`, [publicKey])).toEqual(wifi);
  });
});

describe('nothing that was not signed', () => {
  const text = signSheet(wifi, privateKey);

  test('by a key that the reader trusts', () => {
    expect(openSheet(text, [stranger.publicKey])).toBeUndefined();
    expect(openSheet(text, [])).toBeUndefined();
    expect(openSheet(text, [stranger.publicKey, publicKey])).toEqual(wifi);
  });

  test('one digit otherwise, anywhere', () => {
    for (let at = 4; at < text.length; at += 7) {
      const other = String((Number(text.charAt(at)) + 1) % 10);
      const changed = text.slice(0, at) + other + text.slice(at + 1);
      expect(openSheet(changed, [publicKey]), String(at)).toBeUndefined();
    }
  });

  test('cut off, lengthened, or something else', () => {
    for (const other of [text.slice(0, -3), `${text}000`, '5467', '8991002101234', 'hello', '']) {
      expect(openSheet(other, [publicKey])).toBeUndefined();
    }
    expect(isSheet('8991002101234')).toBe(false);
    expect(isSheet(text)).toBe(true);
  });

  test('a piece of one is known by its length; goods, slips and cards are none', () => {
    for (const piece of [text.slice(0, 60), text.slice(90, 150), text.slice(-60), text + text]) {
      expect(maybeSheet(piece)).toBe(true);
      expect(maybeSheet(`Q1:${piece}\x1d`)).toBe(true);
    }
    const gs1 = `01089910021012341727010110${'1'.repeat(20)}`;
    for (const other of ['8991002101234', 'KLAIM12345678901', 'TEKNISI314159', gs1, 'hello']) {
      expect(maybeSheet(other)).toBe(false);
    }
  });

  test('an enrolment by the key that it names is whole; by another key, or another kind, it is nothing', () => {
    expect(openOwnSheet(signSheet(enrolment, privateKey))).toEqual(enrolment);
    expect(openOwnSheet(signSheet(enrolment, stranger.privateKey))).toBeUndefined();
    expect(openOwnSheet(text)).toBeUndefined();
  });
});

test('a sheet is for one kiosk, or for a site', () => {
  const own = { kioskId: 'ksk01', site: 'kuta' };
  expect(isFor({ kioskId: 'ksk01' }, own)).toBe(true);
  expect(isFor({ kioskId: 'ksk02' }, own)).toBe(false);
  expect(isFor({ site: 'kuta' }, own)).toBe(true);
  expect(isFor({ site: 'kuta' }, { kioskId: 'ksk01' })).toBe(false);
});

function wifiOf(more: Partial<Extract<Sheet, { kind: 'wifi' }>>): Sheet {
  const plain = { security: 'wpa-psk', hidden: false } as const;
  return { kind: 'wifi', ...times, to: { kioskId: 'ksk01' }, ssid: 'x', ...plain, ...more };
}
