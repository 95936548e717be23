// What the kiosk knows, what can happen to it and what it can do about it. Types and
// constants only. PURE.
import type { Fulfilment, SaleItem } from '../protocol/sale.ts';
import type { Payee } from '../protocol/qris.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Verdict } from '../protocol/verdict.ts';
import type { CancelBody } from '../protocol/api.ts';
import type { DispenseResult, Key, Scan } from '../../drivers/device.ts';

/** Everything whose failure has a name on the screen. */
export const parts = [
  'keypad',
  'scanner',
  'display',
  'printer',
  'dispenser',
  'relay',
  'broker',
  'journal',
] as const;
export type Part = (typeof parts)[number];
export type PartHealth = { ok: true } | { ok: false; code: ErrorCode };

/** A thing that can be scanned and sold. */
export interface CatalogueItem {
  id: string;
  name: string;
  priceIdr: number;
}

/** What stands fixed while the process runs: from the configuration and the enrolment. */
export interface Rules {
  limits: { minIdr: number; maxIdr: number };
  payee: Payee;
  /** By barcode. */
  catalogue: ReadonlyMap<string, CatalogueItem>;
  /** Parts without which nothing may be sold (rule 8). */
  required: readonly Part[];
  /** Where the QR goes: onto the display, or onto paper when there is no display for it. */
  qrOn: 'display' | 'paper';
  /** A printer that cannot prove a QR slip is accepted only when the operator says so. */
  acceptBlindPrinter: boolean;
  /** A receipt is printed after each sale. */
  receipts: boolean;
  /** What one pulse of the dispenser costs where an amount is typed; undefined: any amount is one hand-over. */
  idrPerPulse?: number;
  /** Most things that the dispenser can hand over in one sale. */
  maxPieces: number;
}

export type StopReason = CancelBody['reason'];

/** The sale in hand. `amountIdr`, `items` and the id never change after it was minted. */
export interface OpenSale {
  saleId: string;
  amountIdr: number;
  items: readonly SaleItem[];
  /** The last verdict that came with a proof. */
  verdict: Verdict;
  /** Monotonic: the QR is hidden from here on; unset until a QR was accepted. */
  deadlineMs?: number;
  /** The boot in which it was minted or its deadline set: monotonic numbers mean nothing in another. */
  bootId: string;
}

/** Where the kiosk is with the customer in front of it. Exactly one at a time. */
export type Phase =
  | { at: 'idle' }
  | { at: 'entering'; digits: string; notice?: ErrorCode; untilMs: number }
  | { at: 'basket'; items: readonly SaleItem[]; notice?: ErrorCode; untilMs: number }
  /** Something is missing, or the input was refused: says what, then goes back to idle. */
  | { at: 'blocked'; codes: readonly ErrorCode[]; untilMs: number }
  /** The charge is asked for. `sent`: whether any request may have reached the relay. */
  | {
      at: 'charging';
      sale: OpenSale;
      sent: 'no' | 'maybe';
      tries: number;
      retryAtMs: number;
      untilMs: number;
    }
  /** After a restart: the relay is asked what became of the sale before anything is shown. */
  | { at: 'checking'; sale: OpenSale; tries: number; retryAtMs: number }
  | {
      at: 'paying';
      sale: OpenSale;
      qrString: string;
      deadlineMs: number;
      totalMs: number;
      lookAtMs: number;
    }
  | {
      at: 'stopping';
      sale: OpenSale;
      reason: StopReason;
      because?: ErrorCode;
      tries: number;
      retryAtMs: number;
      sinceMs: number;
    }
  /** The relay answers but cannot bring the charge to an end: it is handed over for good. */
  | { at: 'abandoning'; sale: OpenSale; because?: ErrorCode }
  | { at: 'dispensing'; sale: OpenSale }
  | {
      at: 'result';
      noReceipt?: true;
      outcome: Outcome;
      sale: OpenSale;
      because?: ErrorCode;
      untilMs: number;
    };

/** How a sale ended, in the customer's eyes. */
export type Outcome =
  | 'done'
  | 'cancelled'
  | 'expired'
  | 'denied'
  /** Nothing ever left the kiosk. */
  | 'unsent'
  | 'abandoned'
  /** Money came and no goods did, or nobody can say: there is a claim. */
  | 'claim';

/** A fulfilment that the relay has not yet taken. */
export interface Report {
  saleId: string;
  result: Exclude<Fulfilment, 'unreported'>;
  detail?: string;
  tries: number;
  retryAtMs: number;
}

/** As many unreported sales as the kiosk carries before it stops selling. */
export const maxReports = 50;

export interface State {
  bootId: string;
  language: 'id' | 'en';
  parts: Readonly<Record<Part, PartHealth>>;
  phase: Phase;
  reports: readonly Report[];
  /** Catch-up cursor and the ledger that it belongs to. */
  cursor: string;
  ledgerId: string;
}

/** A sale document whose proof was verified, with the moment from which its durations count. */
export interface Told {
  saleId: string;
  amountIdr: number;
  verdict: Verdict;
  seq: number;
  prev: number;
  ledgerId: string;
  fulfilment?: Fulfilment;
  qrString?: string;
  reason?: string;
  expiresInMs?: number;
  settledAgoMs?: number;
  /** Monotonic: when the request was sent that this answers; for MQTT, when it arrived. */
  askedAtMs: number;
}

/** How a request to the relay failed. `unsent`: it certainly never left. `lost`: nobody knows. `refused`: a 4xx. */
export type RequestFailure =
  | { kind: 'unsent'; code: ErrorCode }
  | { kind: 'lost'; code: ErrorCode }
  | { kind: 'refused'; code: ErrorCode; retryable: boolean };

export type Request = 'charge' | 'look' | 'stop' | 'report';

export type KioskEvent = { atMs: number } & (
  | { kind: 'restarted'; bootId: string }
  | { kind: 'part'; part: Part; health: PartHealth }
  /** `freshId`: a sale id to use if this key starts a sale. */
  | { kind: 'key'; key: Key; freshId: string }
  | { kind: 'scan'; scan: Scan }
  | { kind: 'told'; via: 'http' | 'mqtt'; told: Told }
  | { kind: 'request-failed'; request: Request; saleId: string; failure: RequestFailure }
  | { kind: 'reported'; saleId: string }
  | { kind: 'caught-up'; told: readonly Told[]; ledgerId: string; more: boolean }
  | { kind: 'dispensed'; saleId: string; result: DispenseResult }
  | { kind: 'dispenser-recalled'; saleId: string; result: DispenseResult | 'never' }
  | {
      kind: 'printed';
      slip: SlipKind;
      saleId: string;
      result: 'printed' | 'unknown' | 'failed';
      /** What was wrong, where the printer could say. */
      code?: ErrorCode;
    }
  /** The QR could not be drawn so that a phone can read it. */
  | { kind: 'not-shown'; saleId: string }
  | { kind: 'woke' }
);

/** One kind of event. */
export type EventOf<K extends KioskEvent['kind']> = Extract<KioskEvent, { kind: K }>;

export type SlipKind = 'qr' | 'receipt' | 'claim';

export type Effect =
  | { kind: 'charge'; saleId: string; amountIdr: number; items: readonly SaleItem[] }
  | { kind: 'look'; saleId: string }
  | { kind: 'stop'; saleId: string; amountIdr: number; reason: StopReason }
  | { kind: 'report'; saleId: string; result: Report['result']; detail?: string }
  | { kind: 'dispense'; saleId: string; amountIdr: number; items: readonly SaleItem[] }
  | { kind: 'recall-dispenser'; saleId: string }
  | { kind: 'print'; slip: SlipKind; sale: OpenSale; qrString?: string; leftMs?: number }
  | { kind: 'catch-up'; since: string }
  | { kind: 'ack'; upTo: number };

/** Every duration of the machine, in milliseconds. */
export const patience = {
  /** Nobody touches a half-typed amount or a basket for this long: it is put away. */
  entryMs: 60_000,
  noticeMs: 4_000,
  resultMs: 8_000,
  claimMs: 60_000,
  /** A charge that is not known by then is stopped. */
  chargeMs: 30_000,
  /** A relay that answers but cannot end the charge by then is handed it as abandoned. */
  stopMs: 20_000,
  /** The kiosk hides its QR a little before the relay's deadline, never after it. */
  hideEarlyMs: 2_000,
  /** How often the relay is asked for a sale: while MQTT is up, and while it is down. */
  lookMs: 10_000,
  lookAloneMs: 2_500,
  /** PROTOCOL.md §6 "Served". */
  servedAfterDeadlineMs: 60_000,
  servedAfterBootMs: 120_000,
} as const;

/** The wait before repeat number `tries`, 0.5 s doubling to 10 s. */
export function retryDelayMs(tries: number): number {
  return Math.min(500 * 2 ** Math.min(tries, 10), 10_000);
}

/** What a part is called when it is not there. */
export const lostCode: Readonly<Record<Part, ErrorCode>> = {
  keypad: 'keypad-lost',
  scanner: 'scanner-lost',
  display: 'display-lost',
  printer: 'printer-lost',
  dispenser: 'dispenser-lost',
  relay: 'relay-unreachable',
  broker: 'broker-unreachable',
  journal: 'journal-failed',
};

/** At the start of a run nobody has heard of any part; what is required counts as missing until it reports. */
export function unheardParts(required: readonly Part[]): State['parts'] {
  const of = (part: Part): PartHealth =>
    required.includes(part) ? { ok: false, code: lostCode[part] } : { ok: true };
  return {
    keypad: of('keypad'),
    scanner: of('scanner'),
    display: of('display'),
    printer: of('printer'),
    dispenser: of('dispenser'),
    relay: of('relay'),
    broker: of('broker'),
    journal: of('journal'),
  };
}

/** A kiosk that has never run. */
export function newState(cursor: string, ledgerId: string): State {
  return {
    bootId: '',
    language: 'id',
    parts: unheardParts([]),
    phase: { at: 'idle' },
    reports: [],
    cursor,
    ledgerId,
  };
}
