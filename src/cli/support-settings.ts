// The settings of a kiosk that may leave it, by name: whatever is not listed stays. PURE.
import type { KioskConfig } from '../kiosk/config.ts';

/** A new setting is no part of a support bundle until somebody has thought of it here. */
export const shownSettings = [
  'stateDir',
  'qrOn',
  'language',
  'timeZone',
  'logLevel',
  'keypad.at',
  'scanner.at',
  'scanner.prefix',
  'scanner.suffix',
  'scanner.aim',
  'scanner.rereadMs',
  'display.at',
  'display.rotation',
  'display.panelWidthMm',
  'printer.at',
  'printer.profile',
  'printer.status',
  'printer.proof',
  'printer.clearsBuffer',
  'printer.receipts',
  'printer.acceptBlindPrinter',
  'dispenser.at',
  'dispenser.idrPerPulse',
  'dispenser.anyAmount',
  'askAgainS',
] as const;

/** By their names; those that are not set are left out. */
export function configuredSettings(config: KioskConfig): Record<string, unknown> {
  const shown = shownSettings.map((name) => [name, valueAt(config, name)] as const);
  return {
    ...Object.fromEntries(shown.filter(([, value]) => value !== undefined)),
    catalogueItems: Object.keys(config.catalogue).length,
    hasPriceLabels: config.priceLabels !== undefined,
    hasTechnicianCode: config.technicianCode !== undefined,
  };
}

function valueAt(config: object, name: string): unknown {
  return name.split('.').reduce<unknown>((value, word) => {
    if (typeof value !== 'object' || value === null) return undefined;
    return Object.entries(value).find(([key]) => key === word)?.[1];
  }, config);
}
