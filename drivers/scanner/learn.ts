// Hears what a scanner sends when a technician scans something: which of several places it is at, and every byte of it.
// It understands nothing and writes nothing.
import { DeviceError, type Device, type Scan } from '../device.ts';
import { createInputDevice, parseInputAddress } from '../keypad/line.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createScannerInput } from './input.ts';

/** A scanner sends a code at once; so long a pause ends it. */
const scanPauseMs = 400;
/** Shorter than any code of goods: a key of a keypad that stands there as well. */
const minScanBytes = 8;
const maxScanBytes = 2048;
/** A technician who went for an article is back by then. */
const patienceMs = 60_000;

/** What came, where: characters with all that stands around a code, or whole readings of a HID-POS scanner. */
export interface HeardScans {
  at: string;
  scans: readonly Uint8Array[];
  readings: readonly Scan[];
}

export interface HearOptions {
  /** Addresses at which it may be. */
  places: readonly string[];
  /** So many scans are heard. */
  count: number;
  clock: Clock;
  signal: AbortSignal;
  /** Told of each scan, and of each place that cannot be listened to. */
  onScan: (count: number, at: string) => void;
  onRefused: (error: DeviceError) => void;
  /** Told when it listens: how many places there are. */
  onListening: (places: number) => void;
}

/**
 * Listens until one place has sent so many scans; lets go of all of them.
 * @throws DeviceError `not-found` when no place can be listened to, `timeout`, `disconnected`, `canceled`
 */
export async function hearScans(options: HearOptions): Promise<HeardScans> {
  const { places, clock, signal, onRefused, onListening } = options;
  const outcome = Promise.withResolvers<HeardScans>();
  outcome.promise.catch(() => undefined); // It may fail before anybody waits for it.
  const ear = createEar(options, outcome.resolve);
  const devices = places.map((at) => listenAt(at, clock, ear.hear));
  const onAbort = (): void => {
    outcome.reject(new DeviceError('canceled', 'it was called off'));
  };
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    const opened = await Promise.all(
      devices.map(async (device) => openOr(device, signal, onRefused)),
    );
    const open = opened.filter((device) => device !== undefined);
    if (open.length === 0) throw new DeviceError('not-found', 'no scanner can be listened to');
    onListening(open.length);
    for (const device of open) {
      void device.closed.then((error) => {
        if (error !== undefined) outcome.reject(error);
      });
    }
    ear.begin((error) => {
      outcome.reject(error);
    });
    return await outcome.promise;
  } finally {
    signal.removeEventListener('abort', onAbort);
    ear.end();
    await Promise.all(devices.map(async (device) => device.close()));
  }
}

type Hear = (at: string, heard: { characters: Uint8Array } | { scan: Scan }) => void;

function listenAt(at: string, clock: Clock, hear: Hear): Device {
  const address = parseInputAddress(at);
  if (address.kind === 'terminal') throw new DeviceError('not-found', 'a terminal is no scanner');
  const input = createScannerInput(`scanner ${at}`, address);
  return createInputDevice({
    name: at,
    connect: input.connect,
    onBytes: (received) => {
      const heard = input.hear(received, clock.monotonicMs());
      if (heard !== undefined) hear(at, heard);
    },
  });
}

async function openOr(
  device: Device,
  signal: AbortSignal,
  onRefused: (error: DeviceError) => void,
): Promise<Device | undefined> {
  try {
    await device.open(signal);
    return device;
  } catch (error) {
    if (!(error instanceof DeviceError)) throw error;
    onRefused(error);
    return undefined;
  }
}

/** Puts what is heard together: the first place that sends a whole scan is the scanner's. */
function createEar(
  { count, clock, onScan }: HearOptions,
  done: (heard: HeardScans) => void,
): { hear: Hear; begin(fail: (error: DeviceError) => void): void; end(): void } {
  const parts = new Map<string, { bytes: number[]; cancel: () => void }>();
  const scans: Uint8Array[] = [];
  const readings: Scan[] = [];
  let scanner: string | undefined;
  let cancelPatience = (): void => undefined;
  let fail: (error: DeviceError) => void = () => undefined;

  const waitOn = (): void => {
    cancelPatience();
    cancelPatience = clock.after(patienceMs, () => {
      fail(new DeviceError('timeout', `nothing was scanned for ${patienceMs / 1000} s`));
    });
  };
  const heard = (at: string): void => {
    scanner = at;
    const sum = scans.length + readings.length;
    waitOn();
    onScan(sum, at);
    if (sum === count) done({ at, scans, readings });
  };
  const finish = (at: string): void => {
    const bytes = parts.get(at)?.bytes ?? [];
    parts.delete(at);
    if (bytes.length < minScanBytes || (scanner !== undefined && scanner !== at)) return;
    scans.push(Uint8Array.from(bytes));
    heard(at);
  };

  return {
    hear(at, what) {
      if (scans.length + readings.length >= count) return;
      if ('scan' in what) {
        readings.push(what.scan);
        heard(at);
        return;
      }
      const part = parts.get(at) ?? { bytes: [], cancel: () => undefined };
      part.cancel();
      part.bytes.push(...what.characters.subarray(0, maxScanBytes - part.bytes.length));
      part.cancel = clock.after(scanPauseMs, () => {
        finish(at);
      });
      parts.set(at, part);
    },
    begin(onFail) {
      fail = onFail;
      waitOn();
    },
    end() {
      cancelPatience();
      for (const { cancel } of parts.values()) cancel();
    },
  };
}
