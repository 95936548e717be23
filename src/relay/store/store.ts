// What the relay keeps, as transactions named after what they are for. The decisions are the ledger's; here they are
// made durable, together with the change number, the outbox row and the claim, or not at all.
import { type PublicJwk } from '../../protocol/api.ts';
import { type LedgerEvent } from '../ledger.ts';
import { type Decision } from '../ledger-rules.ts';
import { type ClaimRow, type SaleRow } from '../sale-row.ts';
import { type BootStore } from './boots.ts';
import { type BrokerAccountStore } from './broker-accounts.ts';
import { type ClaimStore } from './claims.ts';
import { type CommandStore } from './commands.ts';
import { type ConfigStore } from './configs.ts';
import { type Database } from './database.ts';
import { type DayStore } from './day.ts';
import { type DepthStore } from './depths.ts';
import { type KeyStore } from './keys.ts';
import { type RecoveryStore } from './recovery.ts';
import { type ReleaseStore } from './releases.ts';
import { type KioskRow, type NoticeRow, type OutboxRow } from './schema.ts';

export type PutEvent = Extract<LedgerEvent, { type: 'put' }>;
export type CancelEvent = Extract<LedgerEvent, { type: 'cancel' }>;

export interface NewNotice {
  noticeId: string;
  saleId: string;
  body: string;
  chargeId: string | null;
  pending: boolean;
  /** Undefined: none that could be read. */
  amountIdr: number | undefined;
  /** It speaks of money that came. */
  settlement: boolean;
}

/** `crowded`: the sale has as many as it may have; one that stands was made due again in its place. */
export type Keeping = 'stored' | 'repeated' | 'crowded';

/** What became of a notice that came. */
export interface Kept {
  keeping: Keeping;
  /** The sale as it stands now; undefined: there is none. */
  sale: SaleRow | undefined;
  /** Stored just now and leased to whoever asked: the one to ask about. */
  notice: NoticeRow | undefined;
}

export type NoticeAnswer = Extract<LedgerEvent, { type: 'status-answered' }>;

/** What becomes of a notice. */
export type Judgement = Pick<NoticeRow, 'noticeId' | 'state' | 'nextAtMs'>;

/**
 * `replaced`: a newer boot lives; `copy`: one that was replaced speaks on. `late`: it was signed before the living boot
 * spoke. `too-many`: it has begun anew so often within a day that no further boot is noted.
 */
export type BootCheck = 'live' | 'replaced' | 'copy' | 'late' | 'too-many';

/** The boot in which a token was made, and when, by the kiosk's clock. */
export interface SignedBoot {
  bootId: string;
  signedAtMs: number;
}

/** `claimsHeld`: of its life before, which are the operator's from now on. */
export type Enrolment =
  | { kind: 'enrolled'; kiosk: KioskRow; cursor: string; repeated: boolean; claimsHeld: number }
  | { kind: 'refused' };

export interface Changes {
  sales: SaleRow[];
  more: boolean;
}

/** The sales and the decisions about them. */
export interface SaleStore {
  /** The row of a PUT: made now (`created`), or the one that stands. Undefined: another sale of this kiosk is open. */
  put(event: PutEvent): Promise<{ decision: Decision; created: boolean } | undefined>;
  /** A cancel; without a row it leaves a tombstone. @throws KiosError `rate-limited` when the kiosk has too many open. */
  cancel(event: CancelEvent): Promise<Decision>;
  /** Any other event on a row that exists. Undefined: there is none. */
  move(
    saleId: string,
    event: Exclude<LedgerEvent, { type: 'put' | 'cancel' }>,
  ): Promise<Decision | undefined>;
  sale(saleId: string): Promise<SaleRow | undefined>;
  /** Rows whose time to be looked at has come, a few of each kiosk; each is left alone for `leaseMs` then. */
  takeDue(limit: number, leaseMs: number): Promise<SaleRow[]>;
  /** Each sale of the kiosk that changed after `since`, in its latest state, oldest change first. */
  changes(kioskId: string, since: number, limit: number): Promise<Changes>;
  /** The sale that took this number, when no later one has replaced it. */
  saleAt(kioskId: string, seq: number): Promise<SaleRow | undefined>;
  claim(saleId: string): Promise<ClaimRow | undefined>;
}

/** Midtrans' notices as they came. */
export interface NoticeStore {
  /**
   * Stores it raw, leases it to the caller for `leaseMs`, and notes at its sale that a settlement was told of when its
   * amount agrees. One of an unknown order is stored as that, for *recover*.
   */
  keepNotice(notice: NewNotice, leaseMs: number): Promise<Kept>;
  /** Sales with notices that are unconfirmed and due, the longest waiting first. */
  salesNoticed(limit: number): Promise<string[]>;
  /**
   * The notices of one sale that are unconfirmed and due, or leased as `ours` says: each is left alone for `leaseMs` then.
   */
  takeNotices(saleId: string, leaseMs: number, ours?: readonly NoticeRow[]): Promise<NoticeRow[]>;
  /**
   * Brings the answer of get-status to the ledger, and settles the notices that it was asked for as `judge` says. `judge`
   * may be called again after a conflict with another relay. Undefined: there is no such sale.
   */
  answerNotices(
    saleId: string,
    event: NoticeAnswer,
    judge: (decision: Decision, nowMs: number) => Judgement[],
  ): Promise<Decision | undefined>;
  /** For notices that nobody can ask about. */
  settleNotices(judge: (nowMs: number) => Judgement[]): Promise<void>;
}

/** Verdicts on their way to the kiosks. */
export interface OutboxStore {
  /** Kiosks that are online and have verdicts whose time to be sent has come. */
  kiosksToTell(limit: number): Promise<string[]>;
  /** The verdicts to send to one kiosk now, oldest first. */
  dueOutbox(kioskId: string, limit: number): Promise<(OutboxRow & { sale: SaleRow })[]>;
  /**
   * Notes a sending, due again after `waitMs`; a row that moved on meanwhile stays due. Where nobody else publishes it is
   * durable with the next `kiosksToTell` only, unless it was acknowledged before: after a crash it is sent once more.
   */
  sent(row: Pick<OutboxRow, 'kioskId' | 'saleId' | 'seq'>, waitMs: number): Promise<void>;
  /** Everything unacknowledged of this kiosk is due at once: it has come back. */
  resend(kioskId: string): Promise<void>;
  /** The kiosk has stored everything up to `upTo`. False: that number was never given to it; nothing was taken off. */
  acked(kioskId: string, upTo: number): Promise<boolean>;
}

/** The kiosks: who they are, and which boot of them lives. */
export interface FleetStore {
  kiosk(kioskId: string): Promise<KioskRow | undefined>;
  noteBoot(kioskId: string, signed: SignedBoot): Promise<BootCheck>;
  noteStatus(kioskId: string, online: boolean, status: string | null): Promise<void>;
  /** The broker has started anew: nobody is connected. */
  allOffline(): Promise<void>;
  /** Its key is worth nothing from now on, and its life ends. False: there is no such kiosk. */
  revoke(kioskId: string): Promise<boolean>;
  addEnrolment(codeHash: string, kioskId: string, validMs: number): Promise<void>;
  enrol(
    codeHash: string,
    key: PublicJwk,
    more: { serial: string | null; claimSecret: string; brokerPassword: string | null },
  ): Promise<Enrolment>;
}

/**
 * What one sale's way through the relay needs. Every method is one transaction (or one read). They reject with the
 * database's own error when it cannot be used.
 */
export interface CoreStore extends SaleStore, NoticeStore, OutboxStore, FleetStore {
  /** Minted once, when the file was made; anew by `kios relay restored`. */
  readonly ledgerId: string;
  /** One durable step that says nothing. Throws when nothing can be stored, also where reading still goes. */
  check(): Promise<void>;
  close(): Promise<void>;
}

/** All that the relay keeps. */
export interface Store
  extends
    CoreStore,
    ClaimStore,
    RecoveryStore,
    KeyStore,
    DayStore,
    DepthStore,
    BootStore,
    BrokerAccountStore,
    CommandStore,
    ConfigStore,
    ReleaseStore,
    Pick<Database, 'holdKiosk' | 'announce' | 'onAnnounced' | 'nowMs'> {}
