// A virtual scanner: sends the bytes of a real one at a byte port: as characters, as typed keys, or as HID-POS reports.
import type { Scan } from '../device.ts';
import { bootDescriptor } from '../keypad/hid-boot-keyboard.ts';
import { encodeMessage } from '../keypad/report-frames.ts';
import { createVirtualPort } from '../virtual-port.ts';
import { encodeScan, type ScanFraming } from './codec.ts';
import { posDescriptor, posReports } from './pos-scanner.ts';
import { wedgeReports } from './wedge.ts';

/** It listens at a unix socket, or loopback TCP on a free port. */
export type ScannerSimulatorOptions = ({ path: string } | { tcp: true }) &
  ScanFraming & {
    /** `characters`, as a serial scanner does (the default), `keys`, as one that is a USB keyboard, or `hid-pos`. */
    speaks?: 'characters' | 'keys' | 'hid-pos';
  };

export interface ScannerSimulator {
  /** The address for `createScanner`. */
  readonly at: string;
  /** Reads a code; false when nobody has the scanner open, and the reading is lost as it would be in life. */
  scan(scan: Scan): boolean;
  /** Sends bytes as they are, or one report as it is: what a broken scanner would send. */
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
  const descriptor = { characters: undefined, keys: bootDescriptor, 'hid-pos': posDescriptor }[
    speaks
  ];
  const port = await createVirtualPort(
    'path' in place ? { path: place.path } : { port: 0 },
    (socket) => {
      socket.resume();
      if (descriptor !== undefined) socket.write(encodeMessage(descriptor));
    },
  );
  const send = (bytes: Uint8Array): boolean =>
    port.send(descriptor === undefined ? bytes : encodeMessage(bytes));
  const piecesOf = (scan: Scan): readonly Uint8Array[] => {
    if (speaks === 'hid-pos') return posReports(scan);
    const bytes = encodeScan(scan, options);
    return speaks === 'keys' ? wedgeReports(bytes.toString('latin1')) : [bytes];
  };
  return {
    at: descriptor === undefined ? port.at : `reports:${port.at}`,
    scan: (scan) =>
      piecesOf(scan)
        .map(send)
        .every((taken) => taken),
    send,
    whenOpened: port.whenOpened,
    unplug: port.unplug,
    plug: port.plug,
  };
}
