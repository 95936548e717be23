// Set-up sheets: what a technician holds before the kiosk's scanner, signed and short enough for a cheap one. What is not
// signed by a key that the reader trusts must never be obeyed. Computes, does no I/O.
import { createPublicKey, sign, verify, type KeyObject } from 'node:crypto';
import { z } from 'zod';
import { publicJwk } from './api.ts';
import { kioskId } from './ids.ts';
import { netClaims } from './root-request.ts';

/** The name that several kiosks of one place share. A label: nothing is believed by it. */
export const siteName = z
  .string()
  .regex(/^[a-z0-9-]{2,20}$/, '2 to 20 lower-case letters, digits or -, such as kuta-square');

/**
 * "KIOS" on the keys of a telephone. The rest is one decimal number: digits lie on the same keys in every layout that a
 * scanner which types may be set to, know neither CapsLock nor capitals, and are packed three into ten bits by a QR
 * (ISO/IEC 18004, 7.4.3), so they cost no more than bytes would.
 */
const mark = '5467';
/** Of one reading (drivers/scanner). */
const maxDigits = 512;
/** More digits in a row, also typed with Shift, than a barcode of goods has (GS1-128: 48 characters). */
const longDigits = /[\d!@#$%^&*()]{49}/;
/** So many bytes, as a decimal number, fit beside the mark. */
const maxBytes = 210;
const minBytes = 80;
/** The first byte is never 0: a number forgets leading zeros. */
const version = 1;
const signatureBytes = 64;
/** No other thing that these keys sign begins so. */
const context = Buffer.from('kios-sheet\n');
/** Unit separator: no field holds a control character. */
const separator = '\x1f';

/** Seconds since 1970 UTC. */
const instantS = z.int().min(0).max(0xffffffff);
const field = (max: number): z.ZodString =>
  z
    .string()
    .max(max)
    .regex(/^\P{Cc}*$/u);

/** For one kiosk, or for all of a site. */
const addressee = z.union([z.strictObject({ kioskId }), z.strictObject({ site: siteName })]);
export type Addressee = z.infer<typeof addressee>;

/** What a sheet may set of the configuration (`config/kiosk.example.yaml`). */
export const sheetSettings = z.strictObject({
  language: z.enum(['id', 'en']).optional(),
  timeZone: z.enum(['Asia/Jakarta', 'Asia/Makassar', 'Asia/Jayapura']).optional(),
  panelWidthMm: z
    .number('30 to 2000 millimetres')
    .min(30, '30 to 2000 millimetres')
    .max(2000, '30 to 2000 millimetres')
    .optional(),
  rotation: z
    .union([z.literal(0), z.literal(90), z.literal(180), z.literal(270)], '0, 90, 180 or 270')
    .optional(),
});
export type SheetSettings = z.infer<typeof sheetSettings>;

const enrolSheet = z.strictObject({
  kind: z.literal('enrol'),
  issuedS: instantS,
  deadlineS: instantS,
  site: siteName.optional(),
  relayUrl: z.url().max(80),
  code: z.string().regex(/^[0-9A-Z]{8,16}$/),
  /** The relay's signing key: `x` of its JWK. */
  pin: publicJwk.shape.x,
});
export type EnrolSheet = z.infer<typeof enrolSheet>;

const wifiSheet = z.strictObject({
  kind: z.literal('wifi'),
  issuedS: instantS,
  deadlineS: instantS,
  to: addressee,
  ssid: netClaims.shape.ssid.and(field(32)),
  psk: netClaims.shape.psk,
  security: z.enum(['wpa-psk', 'sae']),
  hidden: z.boolean(),
});
export type WifiSheet = z.infer<typeof wifiSheet>;

const settingsSheet = z.strictObject({
  kind: z.literal('settings'),
  issuedS: instantS,
  deadlineS: instantS,
  to: addressee,
  settings: sheetSettings,
});
export type SettingsSheet = z.infer<typeof settingsSheet>;

const sheet = z.discriminatedUnion('kind', [enrolSheet, wifiSheet, settingsSheet]);
export type Sheet = z.infer<typeof sheet>;

/**
 * The text of a sheet's QR: digits alone.
 * @throws RangeError when it would be too long for a scanner; zod's error when it is no sheet
 */
export function signSheet(what: Sheet, privateKey: KeyObject): string {
  const fields = fieldsOf(sheet.parse(what)).join(separator);
  const body = Buffer.concat([Buffer.of(version), Buffer.from(fields)]);
  const signature = sign(null, Buffer.concat([context, body]), privateKey);
  const whole = Buffer.concat([body, signature]);
  if (whole.length > maxBytes) {
    throw new RangeError(`${whole.length - maxBytes} characters too long for one QR`);
  }
  return `${mark}${BigInt(`0x${whole.toString('hex')}`)}`;
}

/**
 * Whether a reading may be a sheet or a piece of one, torn or read twice: such a text must go into no journal and no log.
 * What is shorter holds none of a password: two names and two times stand before it.
 */
export function maybeSheet(text: string): boolean {
  return isSheet(text) || longDigits.test(text);
}

/** Whether a reading looks like a whole sheet, signed by whomever. */
export function isSheet(text: string): boolean {
  return bytesOf(text) !== undefined;
}

/**
 * What a sheet says.
 * @param keys those whose signature counts
 * @returns undefined for what is no sheet, or signed by nobody of these
 */
export function openSheet(text: string, keys: readonly KeyObject[]): Sheet | undefined {
  const whole = bytesOf(text);
  if (whole === undefined) return undefined;
  const body = whole.subarray(0, -signatureBytes);
  const signed = Buffer.concat([context, body]);
  const signature = whole.subarray(-signatureBytes);
  const isTrusted = keys.some(
    (key) => key.asymmetricKeyType === 'ed25519' && verify(null, signed, key, signature),
  );
  return isTrusted ? sheetOf(body) : undefined;
}

/**
 * An enrolment's sheet that is signed by the key that it carries itself: whole, but of anybody. For a kiosk to which nobody
 * has given a key of its operator.
 */
export function openOwnSheet(text: string): EnrolSheet | undefined {
  const whole = bytesOf(text);
  const said = whole === undefined ? undefined : sheetOf(whole.subarray(0, -signatureBytes));
  if (said?.kind !== 'enrol') return undefined;
  const key = createPublicKey({ key: { kty: 'OKP', crv: 'Ed25519', x: said.pin }, format: 'jwk' });
  const opened = openSheet(text, [key]);
  return opened?.kind === 'enrol' ? opened : undefined;
}

/** What a reading says that it is, by whomever: for words alone, nothing of it may be obeyed. */
export function kindOfAny(text: string): Sheet['kind'] | undefined {
  const whole = bytesOf(text);
  return whole === undefined ? undefined : sheetOf(whole.subarray(0, -signatureBytes))?.kind;
}

/** Whether a kiosk of this name and site is meant. */
export function isFor(to: Addressee, own: { kioskId: string; site?: string | undefined }): boolean {
  return 'kioskId' in to ? to.kioskId === own.kioskId : to.site === own.site;
}

/** Undefined for what is no sheet. A scanner of another layout types the digits with Shift; an unknown prefix is left out. */
function bytesOf(text: string): Buffer | undefined {
  if (text.length > maxDigits) return undefined;
  const digits = text.replace(/[!@#$%^&*()]/g, (typed) => String(')!@#$%^&*('.indexOf(typed)));
  const number = /5467(\d{190,508})$/.exec(digits)?.[1];
  if (number === undefined) return undefined;
  const hex = BigInt(number).toString(16);
  const whole = Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex');
  const fits = whole.length >= minBytes && whole.length <= maxBytes && whole[0] === version;
  return fits ? whole : undefined;
}

function fieldsOf(what: Sheet): string[] {
  const times = [what.issuedS.toString(36), what.deadlineS.toString(36)];
  switch (what.kind) {
    case 'enrol':
      return ['e', ...times, what.site ?? '', what.relayUrl, what.code, what.pin];
    case 'wifi': {
      const flags = `${what.security === 'sae' ? 's' : 'w'}${what.hidden ? 'h' : ''}`;
      return ['w', ...times, toText(what.to), flags, what.ssid, what.psk ?? ''];
    }
    case 'settings': {
      const { language, timeZone, panelWidthMm, rotation } = what.settings;
      const values = [language, timeZone, panelWidthMm, rotation];
      return ['s', ...times, toText(what.to), ...values.map((value) => String(value ?? ''))];
    }
  }
}

function sheetOf(body: Buffer): Sheet | undefined {
  const [kind, issued = '', deadline = '', ...rest] = body
    .subarray(1)
    .toString('utf8')
    .split(separator);
  const times = { issuedS: parseInt(issued, 36), deadlineS: parseInt(deadline, 36) };
  const said = kind === 'e' ? enrolOf(rest) : kind === 'w' ? wifiOf(rest) : settingsOf(kind, rest);
  return sheet.safeParse({ ...said, ...times }).data;
}

function enrolOf([site = '', relayUrl, code, pin, ...more]: string[]): object {
  if (more.length > 0) return {};
  return { kind: 'enrol', ...(site === '' ? {} : { site }), relayUrl, code, pin };
}

function wifiOf([to = '', flags = '', ssid, psk = '', ...more]: string[]): object {
  if (more.length > 0 || !/^[sw]h?$/.test(flags)) return {};
  const security = flags.startsWith('s') ? 'sae' : 'wpa-psk';
  const hidden = flags.endsWith('h');
  return { kind: 'wifi', to: addresseeOf(to), ssid, security, hidden, ...(psk && { psk }) };
}

function settingsOf(kind: string | undefined, [to = '', ...values]: string[]): object {
  if (kind !== 's' || values.length !== 4) return {};
  const [language, timeZone, width = '', turn = ''] = values;
  const settings = {
    ...(language && { language }),
    ...(timeZone && { timeZone }),
    ...(width && { panelWidthMm: Number(width) }),
    ...(turn && { rotation: Number(turn) }),
  };
  return { kind: 'settings', to: addresseeOf(to), settings };
}

function toText(to: Addressee): string {
  return 'kioskId' in to ? `k${to.kioskId}` : `s${to.site}`;
}

function addresseeOf(text: string): object {
  return text.startsWith('k') ? { kioskId: text.slice(1) } : { site: text.slice(1) };
}
