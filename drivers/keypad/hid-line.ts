// The way to a HID device: its own description first, then its reports. A device whose description does not fit is not
// opened. Over hidraw, and over a byte port for virtual devices.
import { DeviceError } from '../device.ts';
import { openPort, type PortAddress } from '../ports.ts';
import { bootDescriptor } from './hid-boot-keyboard.ts';
import { openHidraw, readHidrawDescriptor } from './hidraw.ts';
import type { Connect, InputAddress, InputLine } from './line.ts';
import { createMessageFrames } from './report-frames.ts';
import { parseReportDescriptor, type ReportLayout } from './report-descriptor.ts';

/** A virtual device describes itself at once. */
const describeTimeoutMs = 5000;

/**
 * Hears what a device is before its first report. Throws a DeviceError (`protocol`) for one of another kind.
 * A device that does not describe itself is taken for a boot keyboard.
 */
export type Accept = (layout: ReportLayout) => void;

/** Each call of the line's `onBytes` is one report. */
export function connectHid(
  address: Extract<InputAddress, { kind: 'hid' | 'reports' }>,
  accept: Accept,
): Connect {
  if (address.kind === 'reports') {
    return (onReport, signal) => openVirtual(address.port, accept, onReport, signal);
  }
  return async (onReport, signal) => {
    const descriptor = await readHidrawDescriptor(address.path);
    if (descriptor !== undefined) accept(layoutOf(descriptor));
    const line = await openHidraw(address.path, onReport, signal);
    if (descriptor === undefined) accept(layoutOf(bootDescriptor));
    return line;
  };
}

function layoutOf(descriptor: Uint8Array): ReportLayout {
  const layout = parseReportDescriptor(descriptor) ?? parseReportDescriptor(bootDescriptor);
  return layout ?? { numbered: false, fields: [], lengths: new Map() };
}

async function openVirtual(
  port: PortAddress,
  accept: Accept,
  onReport: (report: Uint8Array) => void,
  signal: AbortSignal,
): Promise<InputLine> {
  const described = Promise.withResolvers<undefined>();
  const broke = Promise.withResolvers<DeviceError>();
  const frames = createMessageFrames();
  let known = false;
  const describe = (descriptor: Uint8Array): void => {
    known = true;
    try {
      accept(layoutOf(descriptor));
      described.resolve(undefined);
    } catch (error) {
      described.reject(error);
    }
  };
  const line = await openPort(
    port,
    (bytes) => {
      for (const message of frames.feed(bytes)) {
        if (known) onReport(message);
        else describe(message);
      }
      if (frames.broken) broke.resolve(new DeviceError('protocol', 'it sends no HID reports'));
    },
    signal,
  );
  try {
    await firstOf(described.promise, Promise.race([line.closed, broke.promise]), signal);
  } catch (error) {
    await line.close();
    throw error;
  }
  return { close: async () => line.close(), closed: Promise.race([line.closed, broke.promise]) };
}

/** @throws DeviceError why there is no description */
async function firstOf(
  described: Promise<undefined>,
  ended: Promise<DeviceError | undefined>,
  signal: AbortSignal,
): Promise<void> {
  const timeout = AbortSignal.timeout(describeTimeoutMs);
  const limit = AbortSignal.any([signal, timeout]);
  const limited = Promise.withResolvers<undefined>();
  const onLimit = (): void => {
    limited.reject(
      signal.aborted
        ? new DeviceError('canceled', 'opening was called off')
        : new DeviceError('timeout', 'it does not say which reports it sends'),
    );
  };
  if (limit.aborted) onLimit();
  limit.addEventListener('abort', onLimit, { once: true });
  const end = ended.then((error) => {
    throw error ?? new DeviceError('canceled', 'it was closed while it opened');
  });
  try {
    await Promise.race([described, end, limited.promise]);
  } finally {
    limit.removeEventListener('abort', onLimit);
    end.catch(() => undefined); // Whoever lost the race has nothing to tell any more.
    limited.promise.catch(() => undefined);
    described.catch(() => undefined);
  }
}
