// Makes the printer that a configuration names. Each object is one connection; `supervise` makes the next one.
import { DeviceError, type Printer } from '../device.ts';
import { openPort, parsePortAddress, type OpenLine, type PortAddress } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createFilePrinter } from './file-printer.ts';
import { openLpPort } from './lp-port.ts';
import { PortPrinter } from './port-printer.ts';
import type { PrinterProfile } from './profiles.ts';
import { claimUsbPrinter, listUsb, parseUsbPlace } from './usb-device.ts';
import { UsbPort } from './usb-port.ts';

export interface PrinterOptions {
  /**
   * `tcp:HOST:9100` · `unix:/PATH` · `serial:/dev/…?baudRate=19200&rtscts=1` · `lp:/dev/usb/lp0` ·
   * `usb:/dev/kios/usb-printer-…` or `usb:1-1.2` · `file:/PATH`.
   */
  at: string;
  profile: PrinterProfile;
  clock: Clock;
  /** From the first byte of a job to its proof; after that it is `unknown`. 20 s if not given. */
  jobTimeoutMs?: number;
}

/** @throws DeviceError `not-found` when the address cannot be understood. */
export function createPrinter(options: PrinterOptions): Printer {
  const { at, profile, clock } = options;
  if (at.startsWith('file:')) return createFilePrinter(fullPath(at, 'file'), profile);
  return new PortPrinter({
    name: `printer ${at}`,
    profile,
    clock,
    connect: printerLine(at, clock),
    ...(options.jobTimeoutMs === undefined ? {} : { jobTimeoutMs: options.jobTimeoutMs }),
  });
}

/** The way to the printer at an address, opened each time that it is called. @throws DeviceError as `createPrinter` */
export function printerLine(at: string, clock: Clock): OpenLine {
  if (at.startsWith('lp:')) {
    const path = fullPath(at, 'lp');
    // eslint-disable-next-line @typescript-eslint/require-await -- opening a device file does not wait.
    return async (onBytes, signal) => openLpPort(path, clock, onBytes, signal);
  }
  if (at.startsWith('usb:')) return usbLine(at, clock);
  const address = portOf(at);
  return async (onBytes, signal) => openPort(address, onBytes, signal);
}

/** Where printers of every make take bytes (HP JetDirect). */
const rawPrintPort = 9100;

function portOf(at: string): PortAddress {
  // What is wrong with a port that is meant as one, its own reader says best.
  if (/^(tcp|unix|serial):/.test(at)) return parsePortAddress(at, rawPrintPort);
  throw new DeviceError(
    'not-found',
    `"${at}" is no printer; write lp:/dev/usb/lp0, usb:/dev/kios/usb-printer-…, ` +
      'serial:/dev/PATH?baudRate=9600, tcp:HOST:9100, unix:/PATH or file:/PATH',
  );
}

function usbLine(at: string, clock: Clock): OpenLine {
  const place = parseUsbPlace(at.slice('usb:'.length));
  if (place === undefined) {
    throw new DeviceError(
      'not-found',
      `"${at}" is no place; write usb:/dev/kios/usb-printer-…, or its port as in /sys/bus/usb/devices, usb:1-1.2`,
    );
  }
  return async (onBytes, signal) => {
    const line = await claimUsbPrinter(place, at, await listUsb(at));
    const port = new UsbPort(line, at, clock, onBytes);
    if (!signal.aborted) return port;
    await port.close();
    throw new DeviceError('canceled', `opening ${at} was called off`);
  };
}

function fullPath(at: string, kind: 'lp' | 'file'): string {
  const path = at.slice(kind.length + 1);
  if (path.startsWith('/')) return path;
  throw new DeviceError('not-found', `"${at}" has no full path; write ${kind}:/…`);
}
