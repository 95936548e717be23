// The rules of this run, out of configuration and enrolment.
import { maxCount } from '../../drivers/dispenser/line-protocol.ts';
import { profileOf } from '../../drivers/printer/profiles.ts';
import type { PriceLabelLayout } from '../../drivers/scanner/price-label.ts';
import type { Payee } from '../protocol/qris.ts';
import type { KioskConfig } from './config.ts';
import type { Identity } from './identity.ts';
import type { Part, QrPlace } from './state.ts';

/** A thing that can be scanned and sold. */
export interface CatalogueItem {
  id: string;
  name: string;
  priceIdr: number;
}

/** Items whose labels carry their price. */
export interface PriceLabels extends PriceLabelLayout {
  /** By prefix and item digits. */
  items: ReadonlyMap<string, Omit<CatalogueItem, 'priceIdr'>>;
}

/** What stands fixed while the process runs: from the configuration and the enrolment. */
export interface Rules {
  limits: { minIdr: number; maxIdr: number };
  payee: Payee;
  /** By barcode. */
  catalogue: ReadonlyMap<string, CatalogueItem>;
  priceLabels?: PriceLabels;
  /** Parts without which nothing may be sold (rule 8). */
  required: readonly Part[];
  /** Where the QR goes. */
  qrOn: QrPlace;
  /** The other place serves as well, while that one is out of order. */
  qrElsewhere?: true;
  /** A printer that cannot prove a QR slip is accepted only when the operator says so. */
  acceptBlindPrinter: boolean;
  /** A receipt is printed after each sale. */
  receipts: boolean;
  /** What one pulse of the dispenser costs where an amount is typed; undefined: any amount is one hand-over. */
  idrPerPulse?: number;
  /** Most things that the dispenser can hand over in one sale. */
  maxPieces: number;
  /** The same amount again within so long of a payment is asked about first; undefined: never. */
  askAgainMs?: number;
  /** Opens the technician's screen; undefined: there is none. */
  technicianCode?: string;
}

/** @param identity of its enrolment, what limits a sale and who is paid. */
export function rulesOf(
  config: KioskConfig,
  { enrolment }: { enrolment: Pick<Identity['enrolment'], 'limits' | 'merchant'> },
): Rules {
  const required: Part[] = ['journal', 'relay'];
  required.push(config.qrOn === 'paper' ? 'printer' : 'display');
  if (config.keypad !== undefined) required.push('keypad');
  else if (config.scanner !== undefined) required.push('scanner');
  const { dispenser } = config;
  if (dispenser.at !== 'none') required.push('dispenser');
  return {
    limits: enrolment.limits,
    payee: { nmid: enrolment.merchant.nmid, pan: enrolment.merchant.pan },
    ...itemsOf(config),
    required,
    qrOn: config.qrOn,
    acceptBlindPrinter: blindPrinterAccepted(config),
    receipts: config.printer?.receipts ?? false,
    maxPieces: dispenser.at === 'none' ? Number.MAX_SAFE_INTEGER : maxCount,
    ...(dispenser.idrPerPulse === undefined ? {} : { idrPerPulse: dispenser.idrPerPulse }),
    ...(servesElsewhere(config) ? { qrElsewhere: true } : {}),
    ...(config.askAgainS === 0 ? {} : { askAgainMs: config.askAgainS * 1000 }),
    ...(config.technicianCode === undefined ? {} : { technicianCode: config.technicianCode }),
  };
}

/** What is sold at its price, and what at the price that its label says. */
function itemsOf({
  catalogue,
  priceLabels,
}: KioskConfig): Pick<Rules, 'catalogue' | 'priceLabels'> {
  const priced = new Map<string, CatalogueItem>();
  const labelled = new Map<string, Omit<CatalogueItem, 'priceIdr'>>();
  for (const [name, { id, name: words, priceIdr }] of Object.entries(catalogue)) {
    if (priceIdr === undefined) labelled.set(name, { id, name: words });
    else priced.set(name, { id, name: words, priceIdr });
  }
  const labels =
    priceLabels === undefined ? {} : { priceLabels: { ...priceLabels, items: labelled } };
  return { catalogue: priced, ...labels };
}

/** There is a display and a printer that can be trusted with a QR: each serves for the other. */
function servesElsewhere(config: KioskConfig): boolean {
  const { display, printer } = config;
  if (display === undefined || printer === undefined) return false;
  return profileOf(printer).proof !== 'none' || blindPrinterAccepted(config);
}

/** Only for a printer that can prove nothing; one that can and does not has not printed. */
function blindPrinterAccepted({ printer }: KioskConfig): boolean {
  if (printer === undefined) return false;
  return printer.acceptBlindPrinter && profileOf(printer).proof === 'none';
}
