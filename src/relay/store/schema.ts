// The relay's tables as kysely sees them. Columns are snake_case in the database, camelCase here (CamelCasePlugin).
import { type ClaimRow, type SaleRow } from '../sale-row.ts';

export interface KioskRow {
  kioskId: string;
  /** `x` of its Ed25519 public key. */
  publicKey: string;
  serial: string | null;
  /** Secret of its claim codes, base64url. */
  claimSecret: string;
  /** The last change number given out. */
  seq: number;
  /** Everything up to here is on the kiosk's disk. */
  ackedSeq: number;
  enrolledAtMs: number;
  revokedAtMs: number | null;
  /** The live boot, by its tokens. */
  bootId: string | null;
  /** 1 while its status says so. */
  online: number;
  /** Its last status message, as JSON. */
  status: string | null;
  statusAtMs: number | null;
  /** What it says at an external broker that cannot check tokens; null where the broker asks us. */
  brokerPassword: string | null;
  /** 1: the broker must be told of this kiosk (let it in anew, or let it in no more). 2: it did not take that lately. */
  brokerDue: number;
}

/** One boot of a kiosk. A replaced one that speaks again is a second copy of the card. */
export interface BootRow {
  kioskId: string;
  bootId: string;
  /** When it was heard first: an older token of a boot that was never heard replaces it no more. */
  spokeAtMs: number;
  replacedAtMs: number | null;
}

/** A verdict that the kiosk has not acknowledged. One row a sale: only its latest state is worth telling. */
export interface OutboxRow {
  saleId: string;
  kioskId: string;
  seq: number;
  state: 'due' | 'sent';
  attempts: number;
  nextAtMs: number;
}

export type NoticeState = 'unconfirmed' | 'confirmed' | 'unknown-order' | 'stale';

/** A notification as it came. */
export interface NoticeRow {
  /** SHA-256 of the body: the same notice twice is one row. */
  noticeId: string;
  saleId: string;
  body: string;
  /** It names a charge other than the one in the row: ask by our own id. */
  chargeId: string | null;
  /** 1: the initial one, which any answer of get-status confirms. */
  pending: number;
  state: NoticeState;
  receivedAtMs: number;
  attempts: number;
  nextAtMs: number;
}

/** A one-time enrolment code; only its hash is kept. */
export interface EnrolmentRow {
  codeHash: string;
  kioskId: string;
  expiresAtMs: number;
  /** `x` of the key that used it. */
  usedBy: string | null;
}

/** One link of the relay's key chain (PROTOCOL.md §1). The private half is never here. */
export interface KeyRow {
  kid: string;
  /** Its place, from 1. Two rotations at once cannot both take it. */
  place: number;
  /** `x` of the public key. */
  publicKey: string;
  /** Compact JWS by the predecessor over `{ kid, publicKey }`; null for the first. */
  signed: string | null;
  createdAtMs: number;
  /** From here on it signs. Its predecessor stays good for what it has signed. */
  activeAtMs: number;
}

/** What an operator has asked of a kiosk (PROTOCOL.md §9), and what came of it. */
export interface CommandRow {
  /** A ULID: they sort by when they were given. */
  commandId: string;
  kioskId: string;
  name: string;
  /** JSON; null where it takes none. */
  argument: string | null;
  whenIdle: number;
  /** By the store's clock. */
  givenAtMs: number;
  deadlineAtMs: number;
  state: 'open' | 'done' | 'refused' | 'failed';
  /** The kiosk's own words about it. */
  why: string | null;
  answeredAtMs: number | null;
  /** When it is told again. */
  nextAtMs: number;
}

/** The release that a channel gets. */
export interface ReleaseRow {
  channel: string;
  version: string;
  /** Of the folder in which its bundles lie. */
  url: string;
  /** Of a hundred kiosks. */
  percent: number;
  /** SHA-256 of the bundle for such machines; null: there is none. */
  arm64: string | null;
  x64: string | null;
  setAtMs: number;
}

/** A kiosk that is in another channel than the default one. */
export interface KioskChannelRow {
  kioskId: string;
  channel: string;
}

/** A configuration that an operator has pushed: to one kiosk, or to all (`everyKiosk`). */
export interface ConfigRow {
  kioskId: string;
  /** The minute in which it was pushed, or one more than the last; rising over all of them. */
  version: number;
  /** JSON. */
  settings: string;
  pushedAtMs: number;
}

export interface MetaRow {
  name: string;
  value: string;
}

export interface Tables {
  sales: SaleRow;
  claims: ClaimRow;
  kiosks: KioskRow;
  boots: BootRow;
  outbox: OutboxRow;
  notices: NoticeRow;
  enrolments: EnrolmentRow;
  keys: KeyRow;
  commands: CommandRow;
  releases: ReleaseRow;
  kioskChannels: KioskChannelRow;
  configs: ConfigRow;
  meta: MetaRow;
}
