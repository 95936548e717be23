// Makes the scanner that an address names. It hands over what was read and does not know what it means.
import { DeviceError, type ScanSink, type Scanner } from '../device.ts';
import { createBootKeyboard } from '../keypad/hid-boot-keyboard.ts';
import { connectTo, createInputDevice, parseInputAddress } from '../keypad/line.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createScanDecoder, type ScanFraming } from './codec.ts';
import { createScanRate } from './rate.ts';
import { characterOfPress } from './wedge.ts';

export interface ScannerOptions extends ScanFraming {
  /** `hid:…` and `reports:…` for a scanner that types, else `serial:…`, `unix:…` or `tcp:…`. */
  at: string;
  onScan: ScanSink;
  /** For the rate at which readings are let through. */
  clock: Clock;
}

/** One connection to a scanner, not yet open. @throws DeviceError when `at` is no address of one. */
export function createScanner({ at, onScan, clock, ...framing }: ScannerOptions): Scanner {
  const address = parseInputAddress(at);
  if (address.kind === 'terminal') {
    throw new DeviceError('not-found', 'a terminal is no scanner; write serial:/dev/PATH');
  }
  const name = `scanner ${at}`;
  const decoder = createScanDecoder(framing);
  const rate = createScanRate();
  const keyboard = createBootKeyboard();
  const typed = address.kind === 'hid' ? keyboard.report : keyboard.feed;
  /** How many were dropped when the last good reading came: noise before it is over. */
  let droppedBefore = 0;
  const bytesOf = (received: Uint8Array): Uint8Array =>
    address.kind === 'characters'
      ? received
      : Uint8Array.from(typed(received).flatMap((press) => characterOfPress(press) ?? []));
  return createInputDevice({
    name,
    connect: connectTo(address),
    onBytes: (received) => {
      const scans = decoder.feed(bytesOf(received));
      if (scans.length > 0) droppedBefore = decoder.dropped;
      for (const scan of scans) {
        if (rate.admits(scan, clock.monotonicMs())) onScan(scan);
      }
    },
    complaint: () => {
      if (keyboard.malformed > 0) {
        return `${name} does not send boot keyboard reports (${keyboard.malformed} of another length)`;
      }
      if (decoder.dropped !== droppedBefore) {
        return (
          `${name}: what it sends is dropped: it has not the prefix of the configuration, ` +
          'or is too long, or has not its suffix'
        );
      }
      const babble = rate.babble(clock.monotonicMs());
      return babble === 0 ? undefined : `${name} babbles: ${babble} readings were left out`;
    },
  });
}
