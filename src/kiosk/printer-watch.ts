// Watches the paper between sales: a kiosk that must print learns of an empty printer before it charges, not after.
import { DeviceError, type Printer } from '../../drivers/device.ts';
import { isStatusFault, type StatusFault } from '../../drivers/printer/status.ts';
import type { Supervised } from '../../drivers/supervise.ts';
import { wait, type Clock } from '../lib/clock.ts';
import type { ErrorCode } from '../protocol/errors.ts';
import type { Part, PartHealth, State } from './state.ts';

/** Each look wakes the kiosk five times. */
const everyMs = 15_000;
const untilOpenMs = 1_000;

export interface PrinterWatchOptions {
  printer: Supervised<Printer>;
  clock: Clock;
  /** False while a slip may be printing: the question would stand in its way. */
  mayAsk: () => boolean;
  onPart: (part: Part, health: PartHealth) => void;
  signal: AbortSignal;
}

/**
 * No slip is being printed for anybody. A kiosk that refuses a customer for want of paper must look then as well: who keeps
 * pressing Enter would keep it from finding the new roll.
 */
export function isQuiet({ phase }: State): boolean {
  return ['idle', 'entering', 'basket', 'asking', 'blocked'].includes(phase.at);
}

/** Asks for as long as the kiosk runs. A printer that cannot say is taken for good, as `acceptBlindPrinter` decides. */
export async function watchPaper(options: PrinterWatchOptions): Promise<void> {
  const { printer, clock, mayAsk, onPart, signal } = options;
  while (!signal.aborted) {
    const open = printer.current();
    if (open?.paper !== undefined && mayAsk()) onPart('printer', await paperHealth(open, signal));
    await wait(clock, open === undefined ? untilOpenMs : everyMs, signal);
  }
}

async function paperHealth(printer: Printer, signal: AbortSignal): Promise<PartHealth> {
  try {
    const paper = await printer.paper?.(signal);
    if (paper === 'out') return { ok: false, code: 'printer-paper-out' };
    if (paper === 'cover-open') return { ok: false, code: 'printer-cover-open' };
    return { ok: true };
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    return { ok: false, code: printerCode(error) };
  }
}

const faultCodes: Readonly<Record<StatusFault, ErrorCode>> = {
  'paper-out': 'printer-paper-out',
  'cover-open': 'printer-cover-open',
  cutter: 'printer-cutter',
  overheat: 'printer-overheat',
  error: 'printer-error',
  offline: 'printer-offline',
};

/** Whether a code is a printer's fault, and not one of the slip that it was to print. */
export function isPrinterCode(code: ErrorCode): boolean {
  return code === 'printer-lost' || Object.values(faultCodes).includes(code);
}

/** What a printer's fault is called on the screen; one that says nothing is not there. */
export function printerCode({ reason }: DeviceError): ErrorCode {
  return isStatusFault(reason) ? faultCodes[reason] : 'printer-lost';
}
