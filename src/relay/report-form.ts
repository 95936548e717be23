// What the day close has to say, before it is text or CSV; and what a day is in Indonesia. PURE.
import { type Balance, type BalanceRow, type Sum } from './balance.ts';
import { type Finding, type Theirs } from './finding.ts';
import { type DaySales, type Span } from './store/day.ts';

/** The hours of a zone before UTC. None of them knows summer time. */
export const zones = { WIB: 7, WITA: 8, WIT: 9 } as const;
export type Zone = keyof typeof zones;

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

export interface DayHead {
  /** `2026-11-21` */
  day: string;
  zone: Zone;
  span: Span;
  merchantName: string;
  environment: string;
  /** Midtrans is not asked. */
  offline: boolean;
  writtenAtMs: number;
}

/** One sale as it is listed. */
export interface SaleLine extends BalanceRow {
  theirs: Theirs;
  findings: readonly Finding[];
  /** Its money settled in this day, so it counts in this day's sums; a sale is listed on two days at most, counted on one. */
  counted: boolean;
}

/** A notice of an order that is not ours. */
export interface NoticeLine {
  orderId: string;
  receivedAtMs: number;
  theirs: Theirs;
  finding: Finding;
}

export interface KioskSum {
  kioskId: string;
  /** Sales begun that day. */
  begun: number;
  balance: Balance;
}

export interface Summary {
  kiosks: readonly KioskSum[];
  begun: number;
  balance: Balance;
  /** Rule 9 holds for the sums. */
  balanced: boolean;
  /** Sales of other days of which money went back on this one, and how much of theirs has gone back. */
  goneBack: Sum;
  /** Things found, by their kind, the most frequent first. */
  found: readonly { kind: string; count: number }[];
  /** The first of them, in words. */
  kept: readonly (SaleLine | NoticeLine)[];
  /** There were so many unknown orders that the rest was not read. */
  noticesCut: boolean;
}

/** How a report is written. Every answer is whole lines, with their ends. */
export interface ReportForm {
  head(): string;
  /** Before the sales of one kind. */
  part(which: DaySales): string;
  sale(line: SaleLine): string;
  notice(line: NoticeLine): string;
  end(summary: Summary): string;
}

/** The day, from midnight to midnight there. Undefined: there is no such day. */
export function spanOf(day: string, zone: Zone): Span | undefined {
  const midnight = /^\d{4}-\d{2}-\d{2}$/.test(day) ? Date.parse(`${day}T00:00:00.000Z`) : NaN;
  if (Number.isNaN(midnight) || new Date(midnight).toISOString().slice(0, 10) !== day) {
    return undefined;
  }
  const fromMs = midnight - zones[zone] * hourMs;
  return { fromMs, toMs: fromMs + dayMs };
}

/** `2026-11-21 10:31:07` there. */
export function localTime(ms: number, zone: Zone): string {
  const there = new Date(ms + zones[zone] * hourMs).toISOString();
  return `${there.slice(0, 10)} ${there.slice(11, 19)}`;
}

/** What Midtrans says, in a word. */
export function theirWord(theirs: Theirs): string {
  switch (theirs.kind) {
    case 'not-asked':
      return 'not asked';
    case 'silent':
      return 'no answer';
    case 'absent':
      return 'unknown';
    case 'found':
      return theirs.status.state;
  }
}
