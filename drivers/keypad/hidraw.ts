// Reports of a USB HID device through hidraw, by node-hid. It knows no keys and does not keep the device from the console.
import { constants } from 'node:fs';
import { access, readFile, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import type { HIDAsync } from 'node-hid';
import { DeviceError } from '../device.ts';
import { openError } from '../ports.ts';
import type { InputLine } from './line.ts';

/** Also what a relay board is spoken to with: feature reports, the first byte its id or 0. */
export interface HidrawLine extends InputLine {
  /** @throws DeviceError `disconnected` */
  sendFeature(report: Uint8Array): Promise<void>;
  /** @throws DeviceError `disconnected` */
  getFeature(id: number, length: number): Promise<Uint8Array>;
}

/**
 * Opens a hidraw node, or a link to one such as `/dev/kios/hid-…`. `onReport` gets one report a call.
 * @throws DeviceError `not-found`, `busy` (no permission), `canceled`
 */
export async function openHidraw(
  path: string,
  onReport: (report: Uint8Array) => void,
  signal: AbortSignal,
): Promise<HidrawLine> {
  await checkNode(path);
  const hid = await openHid(path);
  if (signal.aborted) {
    await hid.close();
    throw new DeviceError('canceled', `opening ${path} was called off`);
  }
  const closed = Promise.withResolvers<DeviceError | undefined>();
  let closing: Promise<void> | undefined;
  // What is already gone cannot be closed, and needs it no more.
  const close = (): Promise<void> => (closing ??= hid.close().catch(() => undefined));
  hid.on('data', onReport);
  // node-hid has no event for an unplugged device but this one (node-hid#520), and not always a message in it.
  hid.on('error', (cause: unknown) => {
    closed.resolve(new DeviceError('disconnected', `${path} was unplugged`, { cause }));
    void close();
  });
  // node-hid begins to read in the next turn, and a device that was closed before then throws where nobody catches it.
  await new Promise<void>((resolve) => {
    process.nextTick(resolve);
  });
  const asked = async <T>(asking: Promise<T>): Promise<T> => {
    try {
      return await asking;
    } catch (error) {
      throw new DeviceError(
        'disconnected',
        `${path} takes no report: ${(error as Error).message}`,
        {
          cause: error,
        },
      );
    }
  };
  return {
    closed: closed.promise,
    close: async () => {
      await close();
      closed.resolve(undefined);
    },
    sendFeature: async (report) => {
      await asked(hid.sendFeatureReport(Buffer.from(report)));
    },
    getFeature: async (id, length) => asked(hid.getFeatureReport(id, length)),
  };
}

/**
 * What the device says of its reports, as the kernel has read it when it was plugged in; undefined where that cannot be
 * had. sysfs has it for everybody to read, so it costs no permission and no question to the device.
 * @param classFolder for tests: `/sys/class/hidraw`
 */
export async function readHidrawDescriptor(
  path: string,
  classFolder = '/sys/class/hidraw',
): Promise<Uint8Array | undefined> {
  try {
    const node = basename(await realpath(path));
    return await readFile(`${classFolder}/${node}/device/report_descriptor`);
  } catch {
    return undefined; // Why the device itself cannot be opened is told by the opening.
  }
}

/** node-hid says only that it could not open; the kernel says why. */
async function checkNode(path: string): Promise<void> {
  try {
    await access(path, constants.R_OK | constants.W_OK);
  } catch (error) {
    const known = openError(path, error as Error);
    if (known.kind !== 'busy') throw known;
    throw new DeviceError(
      'busy',
      `${path}: no permission; install the udev rules of systemd/ (they give it to the group kios) and plug it in again`,
      { cause: error },
    );
  }
}

async function openHid(path: string): Promise<HIDAsync> {
  try {
    // Loaded here: its native part costs a kiosk without HID devices time and memory.
    const { HIDAsync: hid } = await import('node-hid');
    return await hid.open(path);
  } catch (error) {
    throw new DeviceError(
      'not-found',
      `${path}: no HID device opens there (${(error as Error).message}); write the hidraw node of the device that is meant; kios devices lists them`,
      { cause: error },
    );
  }
}
