// Entries of the journal for people: one line each, and without what must not leave the kiosk. PURE.
import { formatRupiah } from '../protocol/money.ts';
import { shortSaleId } from '../protocol/ids.ts';

const hidden = '[hidden]';
/** Whoever has one of these could pay, claim or open something with it. */
const secretNames: ReadonlySet<string> = new Set([
  'qrString',
  'proof',
  'technicianCode',
  // Some type their code where the amount is.
  'digits',
]);
/** Keys that say nothing of a code. */
const plainKeys: ReadonlySet<unknown> = new Set([
  'enter',
  'cancel',
  'clear',
  'backspace',
  'language',
]);
/**
 * Barcodes of goods; not the QR of a claim slip, of a technician's card or of QRIS, nor a piece of one, or one with what a
 * scanner has added: a claim's code is eleven digits.
 */
const plainScan = /^(?!.*(LAIM|EKNIS))(?!.*(?<!\d)\d{11}(?!\d))[0-9A-Z-]{1,20}$/i;

/** A body without QR texts, codes, keys and signatures; equal to it where it has none. */
export function withoutSecrets(body: unknown): unknown {
  if (Array.isArray(body)) return body.map(withoutSecrets);
  if (typeof body !== 'object' || body === null) return body;
  return Object.fromEntries(
    Object.entries(body).map(([name, value]: [string, unknown]) => [
      name,
      isSecret(name, value) ? hidden : withoutSecrets(value),
    ]),
  );
}

function isSecret(name: string, value: unknown): boolean {
  if (secretNames.has(name)) return true;
  switch (name) {
    case 'key':
      return !plainKeys.has(value);
    case 'code':
      return typeof value === 'string' && /\d{4}/.test(value);
    case 'text':
      return typeof value !== 'string' || !plainScan.test(value);
    default:
      return false;
  }
}

/** What an entry says, in some words. @param body without secrets */
export function entryWords(kind: string, body: unknown): string {
  if (typeof body !== 'object' || body === null) return kind;
  if (kind === 'state') return `state ${phaseWords(body)}`;
  if (kind !== 'event') return `${kind} ${JSON.stringify(body).slice(0, maxWords)}`;
  const { kind: what, atMs: _at, freshId: _id, ...rest } = body as Record<string, unknown>;
  const words = Object.entries(rest).flatMap(([name, value]) => fieldWords(name, value));
  return [String(what), ...words].join(' ').slice(0, maxWords);
}

/** One line of a terminal or two. */
const maxWords = 200;

function phaseWords(state: object): string {
  const phase: unknown = 'phase' in state ? state.phase : undefined;
  if (typeof phase !== 'object' || phase === null) return '';
  const { at, sale, outcome, because, codes, digits } = phase as Record<string, unknown>;
  return [at, outcome, because, codes, digits, saleWords(sale)]
    .filter((word) => word !== undefined && word !== '')
    .join(' ');
}

function fieldWords(name: string, value: unknown): string[] {
  if (value === undefined || value === null) return [];
  if (name === 'amountIdr') return [formatRupiah(Number(value))];
  if (typeof value === 'string') return [`${name}=${value}`];
  if (name === 'told' && !Array.isArray(value)) {
    const { saleId, verdict, amountIdr, fulfilment, seq } = value as Record<string, unknown>;
    const told = { verdict, saleId, amountIdr, fulfilment, seq };
    return Object.entries(told).flatMap(([field, one]) => fieldWords(field, one));
  }
  return [`${name}=${JSON.stringify(value)}`];
}

function saleWords(sale: unknown): string {
  if (typeof sale !== 'object' || sale === null) return '';
  const { saleId, amountIdr, verdict } = sale as Record<string, unknown>;
  return `${shortSaleId(String(saleId))} ${formatRupiah(Number(amountIdr))} ${String(verdict)}`;
}
