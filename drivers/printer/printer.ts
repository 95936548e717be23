// Makes the printer that a configuration names. Each object is one connection; `supervise` makes the next one.
import { DeviceError, type Printer } from '../device.ts';
import { openPort, parsePortAddress } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createFilePrinter } from './file-printer.ts';
import { openLpPort } from './lp-port.ts';
import { PortPrinter } from './port-printer.ts';
import type { PrinterProfile } from './profiles.ts';

export interface PrinterOptions {
  /** `tcp:HOST:9100` · `unix:/PATH` · `serial:/dev/…?baudRate=19200&rtscts=1` · `lp:/dev/usb/lp0` · `file:/PATH`. */
  at: string;
  profile: PrinterProfile;
  clock: Clock;
  /** From the first byte of a job to its proof; after that it is `unknown`. 20 s if not given. */
  jobTimeoutMs?: number;
}

/** @throws DeviceError `not-found` when the address cannot be understood. */
export function createPrinter(options: PrinterOptions): Printer {
  const { at, profile, clock } = options;
  const local = localPath(at);
  if (local?.kind === 'file') return createFilePrinter(local.path, profile);
  const rest = { name: `printer ${at}`, profile, clock, ...jobTimeout(options) };
  if (local?.kind === 'lp') {
    return new PortPrinter({
      ...rest,
      // eslint-disable-next-line @typescript-eslint/require-await -- opening a device file does not wait.
      connect: async (onBytes, signal) => openLpPort(local.path, clock, onBytes, signal),
    });
  }
  const address = parsePortAddress(at);
  return new PortPrinter({
    ...rest,
    connect: async (onBytes, signal) => openPort(address, onBytes, signal),
  });
}

function jobTimeout({ jobTimeoutMs }: PrinterOptions): { jobTimeoutMs?: number } {
  return jobTimeoutMs === undefined ? {} : { jobTimeoutMs };
}

function localPath(at: string): { kind: 'lp' | 'file'; path: string } | undefined {
  const kind = (['lp', 'file'] as const).find((one) => at.startsWith(`${one}:`));
  if (kind === undefined) return undefined;
  const path = at.slice(kind.length + 1);
  if (!path.startsWith('/')) {
    throw new DeviceError('not-found', `"${at}" has no full path; write ${kind}:/…`);
  }
  return { kind, path };
}
