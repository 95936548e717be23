// Makes the scanner that an address names. It hands over what was read and does not know what it means.
import { DeviceError, type Scan, type ScanSink, type Scanner } from '../device.ts';
import { createInputDevice, parseInputAddress } from '../keypad/line.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createScanDecoder, type ScanFraming } from './codec.ts';
import { createScannerInput } from './input.ts';
import { createScanRate } from './rate.ts';

export interface ScannerOptions extends ScanFraming {
  /** `hid:…` and `reports:…` for a scanner that types or speaks HID-POS, else `serial:…`, `unix:…` or `tcp:…`. */
  at: string;
  onScan: ScanSink;
  /** For the rate at which readings are let through. */
  clock: Clock;
  /** The same text again, sooner than this after it was last seen, is the same look at it. */
  rereadMs?: number | undefined;
}

/** One connection to a scanner, not yet open. @throws DeviceError when `at` is no address of one. */
export function createScanner({
  at,
  onScan,
  clock,
  rereadMs,
  ...framing
}: ScannerOptions): Scanner {
  const address = parseInputAddress(at);
  if (address.kind === 'terminal') {
    throw new DeviceError('not-found', 'a terminal is no scanner; write serial:/dev/PATH');
  }
  const name = `scanner ${at}`;
  const input = createScannerInput(name, address);
  const decoder = createScanDecoder(framing);
  const rate = createScanRate(rereadMs);
  /** How many were dropped when the last good reading came: noise before it is over. */
  let droppedBefore = 0;
  const readings = (received: Uint8Array, nowMs: number): Scan[] => {
    const heard = input.hear(received, nowMs);
    if (heard === undefined) return [];
    return 'scan' in heard ? [heard.scan] : decoder.feed(heard.characters, nowMs);
  };
  return createInputDevice({
    name,
    connect: input.connect,
    onBytes: (received) => {
      const nowMs = clock.monotonicMs();
      const scans = readings(received, nowMs);
      if (scans.length > 0) droppedBefore = decoder.dropped;
      for (const scan of scans) {
        if (rate.admits(scan, nowMs)) onScan(scan);
      }
    },
    complaint: () => {
      const complaint = input.complaint();
      if (complaint !== undefined) return complaint;
      if (decoder.dropped !== droppedBefore) {
        return (
          `${name}: what it sends is dropped: it has not the prefix of the configuration, ` +
          'or is too long, or has not its suffix; kios learn scanner finds out what it sends'
        );
      }
      const babble = rate.babble(clock.monotonicMs());
      return babble === 0 ? undefined : `${name} babbles: ${babble} readings were left out`;
    },
  });
}
