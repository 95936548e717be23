// The document of a slip that the machine asked for, with the times of now in the kiosk's zone. A copy is never payable, and
// brings no goods.
import type { PrintDocument } from '../../drivers/device.ts';
import { profileOf } from '../../drivers/printer/profiles.ts';
import { testPage } from '../../drivers/printer/test-page.ts';
import type { Clock } from '../lib/clock.ts';
import { claimCode, formatClaimCode } from '../protocol/claim-code.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { KioskConfig } from './config.ts';
import { daySlip, sumUp } from './day-sheet.ts';
import type { Identity } from './identity.ts';
import type { JournalFile } from './journal.ts';
import { scannedClaim } from './redeem.ts';
import {
  claimCopySlip,
  claimSlip,
  qrSlip,
  receiptSlip,
  voidSlip,
  type SlipContext,
  type SlipSale,
} from './slips.ts';
import type { PastSale } from './past-sale-row.ts';
import type { Effect, PastSlip, State } from './state.ts';
import { say } from './words.ts';
import { dayOf, localDay, localTime } from './zone.ts';

type Print = Extract<Effect, { kind: 'print' }>;

export interface SlipSources {
  config: KioskConfig;
  identity: Identity;
  clock: Clock;
  journal: Pick<JournalFile, 'find' | 'begun' | 'head'>;
  /** The relay's signed time minus ours; undefined: it was not heard since this start. */
  clockOffsetMs: () => number | undefined;
}

/**
 * What is to be printed, or why it cannot be.
 * @throws KiosError when the journal cannot be read
 */
export function slipOf(
  effect: Print,
  { language }: Pick<State, 'language'>,
  sources: SlipSources,
): PrintDocument | ErrorCode {
  const { config, identity, clock, clockOffsetMs } = sources;
  const { merchant, environment } = identity.enrolment;
  const offsetMs = clockOffsetMs();
  const nowMs = clock.nowMs() + (offsetMs ?? 0);
  const now = localTime(nowMs, config.timeZone);
  const context: SlipContext = {
    ...{ language, merchant, sandbox: environment === 'sandbox' },
    time: offsetMs === undefined ? say(language, 'clockUnset') : now,
  };
  switch (effect.slip) {
    case 'receipt':
      return receiptSlip(effect.sale, context);
    case 'claim':
      return claimOf(effect.sale, sources, context);
    case 'void':
      return voidSlip(effect.sale, context);
    case 'qr': {
      // It would say until when by a clock of which nobody knows whether it is right (PROTOCOL.md §8).
      if (offsetMs === undefined) return 'clock-unknown';
      const until = localTime(nowMs + (effect.leftMs ?? 0), config.timeZone);
      // Its day stands at the foot of the slip; beside the words the hour must fit into one line.
      const hour = until.split(' ').slice(1).join(' ');
      return qrSlip(effect.sale, effect.qrString ?? '', hour, context);
    }
    case 'day':
      // Sales bear the times of our own clock, right or wrong: the day is taken by the same one.
      return dayPaper(clock.nowMs(), sources, context);
    case 'test':
      return config.printer === undefined ? 'printer-lost' : testPage(profileOf(config.printer));
    case 'reprint':
      return copyOf(effect.past, sources, { ...context, copiedAt: context.time });
  }
}

/** Which slip a sale of the past left. */
export function toPastSlip({ saleId, amountIdr, fulfilment, honoured }: PastSale): PastSlip {
  const isOver = fulfilment === 'done' || honoured !== undefined;
  return { saleId, amountIdr, slip: isOver ? 'receipt' : 'claim' };
}

function claimOf(
  sale: SlipSale,
  { config, identity }: SlipSources,
  context: SlipContext,
): PrintDocument {
  const code = claimCode(identity.enrolment.claimSecret, sale.saleId);
  const scanned = config.scanner === undefined ? undefined : scannedClaim(code);
  return claimSlip(sale, formatClaimCode(code), context, scanned);
}

function copyOf(
  { saleId, slip }: Extract<Print, { slip: 'reprint' }>['past'],
  sources: SlipSources,
  context: SlipContext,
): PrintDocument | ErrorCode {
  const sale = sources.journal.find(saleId);
  if (sale === undefined) return 'journal-damaged';
  const at = (slip === 'receipt' ? sale.honouredAt : undefined) ?? sale.endedAt ?? sale.begunAt;
  const ms = Date.parse(at ?? '');
  const { timeZone } = sources.config;
  const time = Number.isNaN(ms) ? context.time : localTime(ms, timeZone);
  const ofThen = { ...context, time };
  return slip === 'receipt' ? receiptSlip(sale, ofThen) : claimCopySlip(sale, ofThen);
}

function dayPaper(
  nowMs: number,
  { config: { timeZone }, identity, journal }: SlipSources,
  context: SlipContext,
): PrintDocument {
  const { from, until } = dayOf(nowMs, timeZone);
  return daySlip(
    sumUp(journal.begun(from, until)),
    localDay(nowMs, timeZone),
    identity.enrolment.kioskId,
    journal.head(),
    ({ begunAt }) => localTime(Date.parse(begunAt ?? ''), timeZone),
    context,
  );
}
