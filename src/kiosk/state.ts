// What the kiosk knows, what can happen to it and what it can do about it. Types and
// constants only. PURE.
import type { Fulfilment, SaleItem } from '../protocol/sale.ts';
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
  /** Not one of the machine's: who runs it may take it out of service. */
  'operator',
] as const;
export type Part = (typeof parts)[number];
export type PartHealth = { ok: true } | { ok: false; code: ErrorCode };

/** Where a customer finds the QR. */
export type QrPlace = 'display' | 'paper';

export type StopReason = CancelBody['reason'];

/** The sale in hand. `amountIdr`, `items`, `pieces` and the id never change after it was minted. */
export interface OpenSale {
  saleId: string;
  amountIdr: number;
  items: readonly SaleItem[];
  /** What the dispenser hands over for it, by the prices of that moment: whatever is configured later, this was bought. */
  pieces: number;
  /** The last verdict that came with a proof. */
  verdict: Verdict;
  /** Monotonic: the QR is hidden from here on; unset until a QR was accepted. */
  deadlineMs?: number;
  /** Where its QR was given to the customer. */
  qrOn?: QrPlace;
  /** The boot in which it was minted or its deadline set: monotonic numbers mean nothing in another. */
  bootId: string;
}

/** Where the kiosk is with the customer in front of it. Exactly one at a time. */
export type Phase =
  /** `zeros`: so many were typed since CLEAR, and nothing else: two of them lead to the entry of a claim code. */
  | { at: 'idle'; zeros?: number }
  | { at: 'entering'; digits: string; notice?: ErrorCode; untilMs: number }
  | { at: 'basket'; items: readonly SaleItem[]; notice?: ErrorCode; untilMs: number }
  /** This amount was paid a moment ago: once more? */
  | { at: 'asking'; amountIdr: number; items: readonly SaleItem[]; untilMs: number }
  /**
   * The technician looks. `slips`: those of the past, once asked for; `support`: the QR for whoever helps; `paper`: what
   * became of the last print; `sheet`: of a set-up sheet.
   */
  | {
      at: 'technician';
      slips?: readonly PastSlip[];
      support?: true;
      paper?: 'asked' | 'printing' | 'printed' | 'unknown' | ErrorCode;
      sheet?: 'taking' | 'taken' | ErrorCode;
      untilMs: number;
    }
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
  /** After a restart (`sinceMs`): the relay is asked what became of the sale before anything is shown. */
  | { at: 'checking'; sale: OpenSale; tries: number; retryAtMs: number; sinceMs?: number }
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
      /** Stopped while the relay was asked about it after a restart, which was then. */
      restartMs?: number;
      /** A restart came between: whoever turned away before it is not waited for. */
      left?: true;
    }
  /** The relay answers but cannot bring the charge to an end: it is handed over for good. */
  | { at: 'abandoning'; sale: OpenSale; because?: ErrorCode }
  /** With a `dispenseId`: for a claim, by the relay's grant. */
  | { at: 'dispensing'; sale: OpenSale; dispenseId?: string }
  /** A claim code is being typed. */
  | { at: 'claiming'; digits: string; notice?: ErrorCode; untilMs: number }
  /** The kiosk looks in its journal whose code it is. */
  | { at: 'seeking'; code: string; untilMs: number }
  /** The relay is asked for a grant. `sent`: whether any request may have reached it. */
  | {
      at: 'redeeming';
      sale: OpenSale;
      dispenseId: string;
      sent: 'no' | 'maybe';
      tries: number;
      retryAtMs: number;
      untilMs: number;
    }
  | {
      at: 'result';
      /** The receipt, or the claim slip, did not come out. */
      noSlip?: true;
      /** The claim slip is on paper for certain: its customer has the code. */
      hasSlip?: true;
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
  /** It was paid unseen, and the money went back. */
  | 'refunded'
  /** Nothing ever left the kiosk. */
  | 'unsent'
  | 'abandoned'
  /** Money came and no goods did, or nobody can say: there is a claim. */
  | 'claim';

/** A fulfilment that the relay has not yet taken; with a `dispenseId`, what became of that redemption. */
export interface Report {
  saleId: string;
  dispenseId?: string;
  result: Exclude<Fulfilment, 'unreported'>;
  detail?: string;
  tries: number;
  retryAtMs: number;
  /** How often the relay has said that it has this otherwise. */
  refusals?: number;
}

/** As many unreported sales as the kiosk carries before it stops selling. */
export const maxReports = 50;

/** Whether the relay has the ledger that this kiosk knows (PROTOCOL.md §8). Nothing is sold unless it is `same`. */
export type LedgerCheck = {
  /** When the journal was last posted, so that a relay that contradicts itself is not posted it without end. */
  postedAtMs?: number;
} &
  /** Not known since the relay was last away; `because`: what it said when it was asked. */
  (
    | { at: 'unknown'; retryAtMs: number; because?: ErrorCode }
    /** Asked again at that moment: a broker of its own holds our line while the relay behind it is restored. */
    | { at: 'same'; retryAtMs?: number }
    /** It was restored: it is given what this kiosk's journal knows. */
    | { at: 'posting'; tries: number; retryAtMs: number }
    /** It has that, and asks Midtrans. */
    | { at: 'waiting'; retryAtMs: number }
  );

/** What the kiosk remembers of claims between two customers. */
export interface ClaimDesk {
  /** Sales whose money waits for its customer, the newest last; at most `maxOpenClaims`. */
  open: readonly string[];
  /** Wrong codes since the last lock or grant. */
  wrong: number;
  /** No code is taken before this moment. */
  lockedUntilMs?: number;
}

/** Older ones are still honoured; only the hint on the idle screen forgets them. */
export const maxOpenClaims = 20;
export const maxWrongCodes = 5;

export interface State {
  bootId: string;
  language: 'id' | 'en';
  parts: Readonly<Record<Part, PartHealth>>;
  phase: Phase;
  reports: readonly Report[];
  /** Catch-up cursor and the ledger that it belongs to. */
  cursor: string;
  ledgerId: string;
  ledger: LedgerCheck;
  claims: ClaimDesk;
  /** Sales whose QR slip has yet to be taken back on paper (voids.ts), the newest last. */
  voids?: readonly { sale: OpenSale; tries: number; isPrinting: boolean }[];
  /** The last payment, while the same amount again would be asked about. Monotonic, so of this boot alone. */
  paid?: { amountIdr: number; untilMs: number };
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
  /** The relay's signature, for a relay that forgets. */
  proof?: string;
}

/** A past sale that a claim code belongs to. */
export interface FoundClaim {
  saleId: string;
  amountIdr: number;
  items: readonly SaleItem[];
  /** As they were bought. */
  pieces: number;
  verdict: Verdict;
  /** Its goods came out at this kiosk, for the sale or for the claim: never again, whatever the relay says. */
  honoured: boolean;
}

/** How a request to the relay failed. `unsent`: it certainly never left. `lost`: nobody knows. `refused`: a 4xx. */
export type RequestFailure =
  | { kind: 'unsent'; code: ErrorCode }
  | { kind: 'lost'; code: ErrorCode }
  | { kind: 'refused'; code: ErrorCode; retryable: boolean };

export type Request = 'charge' | 'look' | 'stop' | 'report' | 'redeem';

export type KioskEvent = { atMs: number } & (
  | { kind: 'restarted'; bootId: string }
  | { kind: 'part'; part: Part; health: PartHealth }
  /** `freshId`: a sale id to use if this key starts a sale. */
  | { kind: 'key'; key: Key; freshId: string }
  | { kind: 'scan'; scan: Scan }
  | { kind: 'told'; via: 'http' | 'mqtt'; told: Told }
  | {
      kind: 'request-failed';
      request: Request;
      saleId: string;
      dispenseId?: string;
      failure: RequestFailure;
    }
  | { kind: 'reported'; saleId: string; dispenseId?: string }
  | { kind: 'caught-up'; told: readonly Told[]; ledgerId: string; more: boolean }
  /** The relay did not say what has changed. */
  | { kind: 'catch-up-failed'; failure: RequestFailure }
  /** The relay has another ledger than the one that it was `asked` about. */
  | { kind: 'ledger-differs'; asked: string }
  /** The relay has taken what the journal knows. `recovering`: it still asks Midtrans. */
  | { kind: 'recovered'; post: RecoverPost; ledgerId: string; recovering: boolean }
  | { kind: 'recover-failed'; code: ErrorCode }
  /** `freshId`: a dispense id to use if this starts a redemption. */
  | { kind: 'claim-sought'; code: string; freshId: string; found?: FoundClaim }
  /** The relay's grant, verified. */
  | { kind: 'granted'; saleId: string; dispenseId: string; amountIdr: number }
  | {
      kind: 'dispensed';
      saleId: string;
      dispenseId?: string;
      result: DispenseResult | 'never';
    }
  | {
      kind: 'dispenser-recalled';
      saleId: string;
      dispenseId?: string;
      result: DispenseResult | 'never';
    }
  | {
      kind: 'printed';
      slip: SlipKind;
      /** None for a day sheet. */
      saleId?: string;
      result: 'printed' | 'unknown' | 'failed';
      /** What was wrong, where the printer could say. */
      code?: ErrorCode;
    }
  /** The newest slips of the past, the newest first; at most `maxPastSlips`. */
  | { kind: 'slips-found'; slips: readonly PastSlip[] }
  /** What became of a set-up sheet; never what it says. */
  | { kind: 'sheet'; result: 'taking' | 'taken' | ErrorCode }
  /** The QR could not be drawn so that a phone can read it. */
  | { kind: 'not-shown'; saleId: string }
  | { kind: 'woke' }
);

/** `nothing`: only asks whether the relay still recovers. */
export type RecoverPost = 'all' | 'nothing';

/** One kind of event. */
export type EventOf<K extends KioskEvent['kind']> = Extract<KioskEvent, { kind: K }>;

/**
 * `void`: takes back a QR slip that may be on paper. `day`: the day sheet. `reprint`: a copy of a slip of the past, which
 * never carries a payable QR. `test`: the page that shows whether the printer prints, asked for from afar.
 */
export type SlipKind = 'qr' | 'receipt' | 'claim' | 'void' | 'day' | 'reprint' | 'test';

/** A slip of the past that a technician may have again. */
export interface PastSlip {
  saleId: string;
  amountIdr: number;
  slip: 'receipt' | 'claim';
}
/** So many of them are offered, the newest first; a digit chooses one. */
export const maxPastSlips = 5;

export type Effect =
  | { kind: 'charge'; saleId: string; amountIdr: number; items: readonly SaleItem[] }
  | { kind: 'look'; saleId: string }
  | { kind: 'stop'; saleId: string; amountIdr: number; reason: StopReason }
  | {
      kind: 'report';
      saleId: string;
      dispenseId?: string;
      result: Report['result'];
      detail?: string;
    }
  | {
      kind: 'dispense';
      saleId: string;
      /** What the board is told, where it is not the sale's own id. */
      dispenseId?: string;
      pieces: number;
    }
  | { kind: 'recall-dispenser'; saleId: string; dispenseId?: string }
  | {
      kind: 'print';
      slip: 'qr' | 'receipt' | 'claim' | 'void';
      sale: OpenSale;
      qrString?: string;
      leftMs?: number;
    }
  | { kind: 'print'; slip: 'day' | 'test' }
  | { kind: 'print'; slip: 'reprint'; past: PastSlip }
  /** Asks the journal for the newest slips of the past. */
  | { kind: 'seek-slips' }
  | { kind: 'catch-up'; since: string }
  | { kind: 'ack'; upTo: number }
  | { kind: 'recover'; post: RecoverPost; since: string }
  | { kind: 'seek-claim'; code: string }
  | { kind: 'redeem'; saleId: string; amountIdr: number; dispenseId: string };

/** Every duration of the machine, in milliseconds. */
export const patience = {
  /** Nobody touches a half-typed amount or a basket for this long: it is put away. */
  entryMs: 60_000,
  noticeMs: 4_000,
  resultMs: 8_000,
  claimMs: 60_000,
  /** A key presses itself once more, or a hand does, within so long. */
  bounceMs: 700,
  /** A key that was meant for the screen before puts no claim code away. */
  readMs: 3_000,
  /** Nobody touches the technician's screen for this long: it is closed. */
  technicianMs: 30_000,
  /** Root's word on a set-up sheet is waited for on the technician's screen: it tries to join the Wi-Fi. */
  sheetMs: 95_000,
  /** A claim that is refused: what to do must be read. */
  refusedMs: 12_000,
  /** Five wrong claim codes lock the entry for so long (PROTOCOL.md §7). */
  lockMs: 600_000,
  /** A claim that was not granted by then is not served now. */
  redeemMs: 30_000,
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
