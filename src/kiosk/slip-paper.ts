// The document of a slip that the machine asked for, with the times of now in the kiosk's zone.
import type { PrintDocument } from '../../drivers/device.ts';
import type { Clock } from '../lib/clock.ts';
import { claimCode, formatClaimCode } from '../protocol/claim-code.ts';
import type { KioskConfig } from './config.ts';
import type { Identity } from './identity.ts';
import { scannedClaim } from './redeem.ts';
import { claimSlip, qrSlip, receiptSlip, type SlipContext } from './slips.ts';
import type { Effect, State } from './state.ts';

/** A QR slip says until when: now and what is left of its life. */
export function slipOf(
  effect: Extract<Effect, { kind: 'print' }>,
  state: State,
  { config, identity, clock }: { config: KioskConfig; identity: Identity; clock: Clock },
): PrintDocument {
  const { enrolment } = identity;
  const time = (ms: number): string => localTime(ms, config.timeZone);
  // Its day stands at the foot of the slip; beside the words the hour must fit into one line.
  const hour = (ms: number): string => time(ms).split(' ').slice(1).join(' ');
  const context: SlipContext = {
    language: state.language,
    merchant: enrolment.merchant,
    sandbox: enrolment.environment === 'sandbox',
    time: time(clock.nowMs()),
  };
  const { sale } = effect;
  switch (effect.slip) {
    case 'receipt':
      return receiptSlip(sale, context);
    case 'claim': {
      const code = claimCode(enrolment.claimSecret, sale.saleId);
      const scanned = config.scanner === undefined ? undefined : scannedClaim(code);
      return claimSlip(sale, formatClaimCode(code), context, scanned);
    }
    case 'qr':
      return qrSlip(
        sale,
        effect.qrString ?? '',
        hour(clock.nowMs() + (effect.leftMs ?? 0)),
        context,
      );
  }
}

const zoneWords = {
  'Asia/Jakarta': 'WIB',
  'Asia/Makassar': 'WITA',
  'Asia/Jayapura': 'WIT',
} as const;

/** `22-11-2026 14:03 WIB` */
function localTime(ms: number, timeZone: KioskConfig['timeZone']): string {
  const words = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    day: '2-digit',
    month: '2-digit',
    year: 'numeric',
    hour: '2-digit',
    minute: '2-digit',
  }).formatToParts(new Date(ms));
  const of = (type: string): string => words.find((word) => word.type === type)?.value ?? '';
  return `${of('day')}-${of('month')}-${of('year')} ${of('hour')}:${of('minute')} ${zoneWords[timeZone]}`;
}
