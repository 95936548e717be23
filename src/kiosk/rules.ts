// The rules of this run, out of configuration and enrolment.
import { maxCount } from '../../drivers/dispenser/line-protocol.ts';
import { printerProfiles } from '../../drivers/printer/profiles.ts';
import type { KioskConfig } from './config.ts';
import type { Identity } from './identity.ts';
import type { Part, Rules } from './state.ts';

export function rulesOf(config: KioskConfig, { enrolment }: Identity): Rules {
  const required: Part[] = ['journal', 'relay'];
  required.push(config.qrOn === 'paper' ? 'printer' : 'display');
  if (config.keypad !== undefined) required.push('keypad');
  else if (config.scanner !== undefined) required.push('scanner');
  const { dispenser } = config;
  if (dispenser.at !== 'none') required.push('dispenser');
  return {
    limits: enrolment.limits,
    payee: { nmid: enrolment.merchant.nmid, pan: enrolment.merchant.pan },
    catalogue: new Map(Object.entries(config.catalogue)),
    required,
    qrOn: config.qrOn,
    acceptBlindPrinter: blindPrinterAccepted(config),
    receipts: config.printer?.receipts ?? false,
    maxPieces: dispenser.at === 'none' ? Number.MAX_SAFE_INTEGER : maxCount,
    ...(dispenser.idrPerPulse === undefined ? {} : { idrPerPulse: dispenser.idrPerPulse }),
  };
}

/** Only for a printer that cannot answer at all; one that can and does not has not printed. */
function blindPrinterAccepted({ printer }: KioskConfig): boolean {
  if (printer === undefined) return false;
  return printer.acceptBlindPrinter && printerProfiles[printer.profile].status === 'none';
}
