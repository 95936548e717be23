// A virtual scanner: sends the bytes of a real one at a byte port, as characters or as typed keys.
import type { Scan } from '../device.ts';
import { createVirtualPort } from '../virtual-port.ts';
import { encodeScan, type ScanFraming } from './codec.ts';
import { wedgeReports } from './wedge.ts';

/** It listens at a unix socket, or loopback TCP on a free port. */
export type ScannerSimulatorOptions = ({ path: string } | { tcp: true }) &
  ScanFraming & {
    /** `characters`, as a serial scanner does (the default), or `reports`, as one that is a USB keyboard. */
    speaks?: 'characters' | 'reports';
  };

export interface ScannerSimulator {
  /** The address for `createScanner`. */
  readonly at: string;
  /** Reads a code; false when nobody has the scanner open, and the reading is lost as it would be in life. */
  scan(scan: Scan): boolean;
  /** Sends bytes as they are: what a broken scanner would send. */
  send(bytes: Uint8Array): boolean;
  /** Resolves when somebody has the scanner open. */
  whenOpened(): Promise<void>;
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/** Starts plugged in; `unplug` also ends it. */
export async function createScannerSimulator(
  options: ScannerSimulatorOptions,
): Promise<ScannerSimulator> {
  const { speaks = 'characters', ...place } = options;
  const port = await createVirtualPort('path' in place ? place : { port: 0 });
  return {
    at: speaks === 'reports' ? `reports:${port.at}` : port.at,
    scan: (scan) => {
      const bytes = encodeScan(scan, options);
      return port.send(speaks === 'reports' ? wedgeReports(bytes.toString('latin1')) : bytes);
    },
    send: port.send,
    whenOpened: port.whenOpened,
    unplug: port.unplug,
    plug: port.plug,
  };
}
