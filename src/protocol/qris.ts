// QRIS: the EMVCo merchant-presented text inside the QR, taken apart, checked and put together. PURE.
// Sources: EMVCo "QR Code Specification for Payment Systems: Merchant-Presented Mode" 1.1; ASPI's QRIS profile.

/** One data object: two-digit tag, two-digit decimal length, value. */
export type Tlv = readonly [tag: string, value: string];

/** EMVCo 3.3.5.1 leaves the whole text at 512 characters at most. */
const maxLength = 512;

/** CRC-16/CCITT-FALSE (poly 0x1021, init 0xFFFF, nothing reflected), as tag 63 carries it: four upper-case hex digits. */
export function crc16(text: string): string {
  let crc = 0xffff;
  for (let i = 0; i < text.length; i++) {
    crc ^= text.charCodeAt(i) << 8;
    for (let bit = 0; bit < 8; bit++) {
      crc = (crc & 0x8000) !== 0 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff;
    }
  }
  return crc.toString(16).toUpperCase().padStart(4, '0');
}

/** Splits one level of TLVs. Undefined when a length does not fit, a tag is not two digits, or one comes twice. */
export function parseTlv(text: string): Map<string, string> | undefined {
  const objects = new Map<string, string>();
  let at = 0;
  while (at < text.length) {
    const head = /^(\d{2})(\d{2})$/.exec(text.slice(at, at + 4));
    const tag = head?.[1];
    const length = Number(head?.[2]);
    if (tag === undefined || length < 1 || at + 4 + length > text.length) return undefined;
    if (objects.has(tag)) return undefined;
    objects.set(tag, text.slice(at + 4, at + 4 + length));
    at += 4 + length;
  }
  return objects;
}

/** Writes TLVs in the given order. Values are 1 to 99 characters. */
export function formatTlv(objects: readonly Tlv[]): string {
  return objects
    .map(([tag, value]) => `${tag}${value.length.toString().padStart(2, '0')}${value}`)
    .join('');
}

/** Appends tag 63 with the CRC over everything before its value. */
export function withCrc(text: string): string {
  return `${text}6304${crc16(`${text}6304`)}`;
}

/** What a wallet reads out of a QRIS text. */
export interface Qris {
  /** Merchant name, tag 59. */
  merchant: string;
  city: string;
  /** National merchant id, tag 51.02. */
  nmid?: string;
  /** The acquirer's merchant PAN, tag 26–45 sub-tag 01. */
  pan?: string;
  /** Tag 54 in whole rupiah; absent on a static code. */
  amountIdr?: number;
  currency: string;
  country: string;
  /** Tag 01 = 12: made for one payment. */
  dynamic: boolean;
  terminal?: string;
}

export type QrisFault = 'qr-malformed' | 'qr-crc' | 'qr-currency' | 'qr-amount' | 'qr-merchant';

export type QrisParse = { ok: true; qris: Qris } | { ok: false; fault: QrisFault };

/** Takes a QRIS text apart after checking its shape and its CRC. Never throws, whatever the text. */
export function parseQris(text: string): QrisParse {
  if (text.length > maxLength) return { ok: false, fault: 'qr-malformed' };
  const top = parseTlv(text);
  const crc = top?.get('63');
  if (top?.get('00') !== '01' || crc === undefined || !text.startsWith('000201')) {
    return { ok: false, fault: 'qr-malformed' };
  }
  if (!text.endsWith(`6304${crc}`)) return { ok: false, fault: 'qr-malformed' };
  if (crc !== crc16(text.slice(0, -4))) return { ok: false, fault: 'qr-crc' };
  const merchant = top.get('59');
  const city = top.get('60');
  const amount = parseAmount(top.get('54'));
  if (merchant === undefined || city === undefined || amount === 'bad') {
    return { ok: false, fault: 'qr-malformed' };
  }
  const nmid = sub(top.get('51'), '02');
  const pan = acquirerPan(top);
  const terminal = sub(top.get('62'), '07');
  return {
    ok: true,
    qris: {
      merchant,
      city,
      currency: top.get('53') ?? '',
      country: top.get('58') ?? '',
      dynamic: top.get('01') === '12',
      ...(nmid === undefined ? {} : { nmid }),
      ...(pan === undefined ? {} : { pan }),
      ...(amount === undefined ? {} : { amountIdr: amount }),
      ...(terminal === undefined ? {} : { terminal }),
    },
  };
}

/** Who must be paid: what enrolment pinned. The name alone proves nothing, so it is not part of this. */
export interface Payee {
  nmid: string;
  pan: string;
}

/** The check before a QR is shown or printed: CRC, rupiah, Indonesia, the amount charged, and our own merchant. */
export function checkQris(text: string, amountIdr: number, payee: Payee): QrisParse {
  const parsed = parseQris(text);
  if (!parsed.ok) return parsed;
  const { qris } = parsed;
  // ISO 4217 numeric code of the rupiah; a dynamic code is made for one payment.
  if (qris.currency !== '360' || qris.country !== 'ID' || !qris.dynamic) {
    return { ok: false, fault: 'qr-currency' };
  }
  if (qris.amountIdr !== amountIdr) return { ok: false, fault: 'qr-amount' };
  if (qris.nmid !== payee.nmid || qris.pan !== payee.pan) {
    return { ok: false, fault: 'qr-merchant' };
  }
  return parsed;
}

function sub(template: string | undefined, tag: string): string | undefined {
  return template === undefined ? undefined : parseTlv(template)?.get(tag);
}

/** The PAN of the first domestic acquirer template (tags 26 to 45). */
function acquirerPan(top: Map<string, string>): string | undefined {
  for (const [tag, value] of top) {
    if (tag >= '26' && tag <= '45') return sub(value, '01');
  }
  return undefined;
}

/** Tag 54: digits with at most two decimals. Rupiah have none, so `15000.50` is refused. */
function parseAmount(text: string | undefined): number | undefined | 'bad' {
  if (text === undefined) return undefined;
  const match = /^(\d{1,10})(?:\.0{0,2})?$/.exec(text);
  return match?.[1] === undefined ? 'bad' : Number(match[1]);
}
