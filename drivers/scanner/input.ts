// How a scanner's connection is understood: as characters, as typed keys, or as whole readings (HID-POS). Which of them a
// HID device is, it says itself; nothing is guessed from its timing.
import { DeviceError, type Scan } from '../device.ts';
import { connectHid } from '../keypad/hid-line.ts';
import { createKeyReports, hasKeys, pressesBetween } from '../keypad/key-reports.ts';
import { connectCharacters, type Connect, type InputAddress } from '../keypad/line.ts';
import type { ReportLayout } from '../keypad/report-descriptor.ts';
import { createPosReports, isPosScanner } from './pos-reports.ts';
import { characterOfPress } from './wedge.ts';

/** What one piece of a connection says. */
export type Heard = { characters: Uint8Array } | { scan: Scan } | undefined;

export interface ScannerInput {
  connect: Connect;
  /** Understands what the connection gave: a piece of a stream, or one report. `nowMs` is monotonic. */
  hear(received: Uint8Array, nowMs: number): Heard;
  /** One sentence of what is wrong with what it sends. */
  complaint(): string | undefined;
}

/** One for each connection. */
export function createScannerInput(
  name: string,
  address: Exclude<InputAddress, { kind: 'terminal' }>,
): ScannerInput {
  if (address.kind === 'characters') {
    return {
      connect: connectCharacters(address),
      hear: (characters) => ({ characters }),
      complaint: () => undefined,
    };
  }
  let reader: Reader | undefined;
  return {
    connect: connectHid(address, (layout) => {
      reader = readerOf(name, layout);
    }),
    hear: (report, nowMs) => reader?.hear(report, nowMs),
    complaint: () => reader?.complaint(),
  };
}

type Reader = Pick<ScannerInput, 'hear' | 'complaint'>;

function readerOf(name: string, layout: ReportLayout): Reader {
  if (isPosScanner(layout)) return posReader(name, layout);
  if (hasKeys(layout)) return wedgeReader(name, layout);
  throw new DeviceError(
    'protocol',
    `${name}: this device neither types nor speaks HID-POS; it is another interface of a scanner, or no scanner. ` +
      'Set the scanner to "USB keyboard", "HID-POS" or "COM port emulation" by its manual',
  );
}

function posReader(name: string, layout: ReportLayout): Reader {
  const reports = createPosReports(layout);
  let droppedBefore = 0;
  return {
    hear(report, nowMs) {
      const scan = reports.report(report, nowMs);
      if (scan === undefined) return undefined;
      droppedBefore = reports.dropped;
      return { scan };
    },
    complaint: () =>
      reports.dropped === droppedBefore
        ? undefined
        : `${name}: readings are dropped: they are empty, too long, or without an end`,
  };
}

function wedgeReader(name: string, layout: ReportLayout): Reader {
  const reports = createKeyReports(layout);
  let before: readonly number[] = [];
  return {
    hear(report) {
      const down = reports.report(report);
      if (down === undefined) return undefined;
      const typed = pressesBetween(before, down).flatMap((press) => characterOfPress(press) ?? []);
      before = down;
      return { characters: Uint8Array.from(typed) };
    },
    complaint: () =>
      reports.malformed === 0
        ? undefined
        : `${name} sends other reports than it has declared (${reports.malformed}); unplug it and plug it in again`,
  };
}
