// Finds a USB printer by its port and claims it with the package `usb`, which is loaded only here. The kernel's own
// driver, where there is one, is put aside and named, so that it can be given back.
/// <reference types="w3c-web-usb" />
import { existsSync, realpathSync } from 'node:fs';
import { DeviceError } from '../device.ts';
import { openError } from '../ports.ts';

/** Of the package's devices, what a printer needs. */
export interface UsbPrinterDevice {
  readonly bus: string;
  readonly address: number;
  readonly ports: readonly number[];
  /** Opens the device to read it, where it is not open. */
  readonly configuration?: { interfaces: readonly UsbInterface[] } | null | undefined;
  open(): Promise<void>;
  close(): Promise<void>;
  reset(): Promise<void>;
  claimInterface(interfaceNumber: number): Promise<void>;
  releaseInterface(interfaceNumber: number): Promise<void>;
  selectAlternateInterface(interfaceNumber: number, alternateSetting: number): Promise<void>;
  detachKernelDriver(interfaceNumber: number): Promise<void>;
  attachKernelDriver(interfaceNumber: number): Promise<void>;
  transferIn(
    endpoint: number,
    length: number,
    timeoutMs: number,
  ): Promise<{ data?: DataView | undefined }>;
  transferOut(endpoint: number, bytes: Uint8Array, timeoutMs: number): Promise<unknown>;
  controlTransferOut(setup: ControlSetup, bytes: Uint8Array, timeoutMs: number): Promise<unknown>;
}

interface ControlSetup {
  requestType: 'class';
  recipient: 'interface';
  request: number;
  value: number;
  index: number;
}

interface UsbInterface {
  interfaceNumber: number;
  alternates: readonly {
    alternateSetting: number;
    interfaceClass: number;
    interfaceProtocol: number;
    endpoints: readonly {
      endpointNumber: number;
      direction: 'in' | 'out';
      type: string;
      packetSize: number;
    }[];
  }[];
}

/** A claimed printer. */
export interface UsbLine {
  device: UsbPrinterDevice;
  interfaceNumber: number;
  outEndpoint: number;
  packetBytes: number;
  /** Undefined where the printer only takes. */
  inEndpoint: number | undefined;
  /** The kernel had a driver on it, which gets it back. */
  hadDriver: boolean;
  isThere: () => boolean;
}

/** USB printer class 1.1 §4.1; §4.1.2 has protocol 2 as the one that answers. */
const printerClass = 7;
/** Printers without usblp are often of no class at all. */
const vendorClass = 255;
const bidirectional = 2;

/** Bus and ports as in /sys/bus/usb/devices (`1-1.2`), or a link of ours to its node in /dev/bus/usb. */
export type UsbPlace = { ports: string } | { node: string };

/** Understands what follows `usb:`. Undefined when it is no place. */
export function parseUsbPlace(text: string): UsbPlace | undefined {
  if (text.startsWith('/')) return { node: text };
  return /^\d{1,3}-\d{1,3}(\.\d{1,3}){0,6}$/.test(text) ? { ports: text } : undefined;
}

/** @throws DeviceError `not-found` where the package is not installed or sees no USB */
export async function listUsb(where: string): Promise<readonly UsbPrinterDevice[]> {
  let usb;
  try {
    ({ usb } = await import('usb'));
  } catch (cause) {
    const message = `${where}: the package "usb" is not installed; print by lp:/dev/usb/lp… instead`;
    throw new DeviceError('not-found', message, { cause });
  }
  try {
    return await usb.getDevices();
  } catch (cause) {
    throw new DeviceError('not-found', `${where}: there is no USB on this machine`, { cause });
  }
}

/**
 * Opens and claims the printer at that place.
 * @throws DeviceError `not-found`, `busy`, `disconnected`
 */
export async function claimUsbPrinter(
  place: UsbPlace,
  where: string,
  devices: readonly UsbPrinterDevice[],
): Promise<UsbLine> {
  const device = devices.find(isAt(place, where));
  if (device === undefined) {
    throw new DeviceError(
      'not-found',
      `${where}: nothing is there; is it plugged in and switched on?`,
    );
  }
  try {
    await device.open();
    const found = printerInterface(device, where);
    const { interfaceNumber, alternateSetting, ...endpoints } = found;
    const hadDriver = await device.detachKernelDriver(interfaceNumber).then(
      () => true,
      () => false, // It had none.
    );
    await device.claimInterface(interfaceNumber);
    if (alternateSetting !== 0) {
      await device.selectAlternateInterface(interfaceNumber, alternateSetting);
    }
    const node = nodeOf(device);
    return { device, interfaceNumber, hadDriver, ...endpoints, isThere: () => existsSync(node) };
  } catch (error) {
    await device.close().catch(() => undefined);
    if (error instanceof DeviceError || !(error instanceof Error)) throw error;
    if (/busy/i.test(error.message)) {
      const message = `${where}: another program uses it; close that program`;
      throw new DeviceError('busy', message, { cause: error });
    }
    throw openError(where, error);
  }
}

function isAt(place: UsbPlace, where: string): (device: UsbPrinterDevice) => boolean {
  if ('ports' in place)
    return (device) => `${Number(device.bus)}-${device.ports.join('.')}` === place.ports;
  try {
    const node = realpathSync(place.node);
    return (device) => nodeOf(device) === node;
  } catch (error) {
    throw openError(where, error as Error);
  }
}

function nodeOf({ bus, address }: UsbPrinterDevice): string {
  const three = (n: number): string => String(n).padStart(3, '0');
  return `/dev/bus/usb/${three(Number(bus))}/${three(address)}`;
}

/** The interface to print at: of the printer class before any other, one that answers before one that only takes. */
function printerInterface(
  { configuration }: UsbPrinterDevice,
  where: string,
): Pick<UsbLine, 'interfaceNumber' | 'outEndpoint' | 'packetBytes' | 'inEndpoint'> & {
  alternateSetting: number;
} {
  const all = (configuration?.interfaces ?? []).flatMap(({ interfaceNumber, alternates }) =>
    alternates.flatMap((one) => {
      const bulk = one.endpoints.filter(({ type }) => type === 'bulk');
      const out = bulk.find(({ direction }) => direction === 'out');
      const into = bulk.find(({ direction }) => direction === 'in');
      if (out === undefined || ![printerClass, vendorClass].includes(one.interfaceClass)) return [];
      const rank =
        (one.interfaceClass === printerClass ? 2 : 0) +
        (one.interfaceProtocol === bidirectional && into !== undefined ? 1 : 0);
      const { alternateSetting } = one;
      const ends = { outEndpoint: out.endpointNumber, packetBytes: out.packetSize };
      return [
        {
          rank,
          line: { interfaceNumber, alternateSetting, ...ends, inEndpoint: into?.endpointNumber },
        },
      ];
    }),
  );
  const [best] = all.sort((a, b) => b.rank - a.rank);
  if (best === undefined) throw new DeviceError('not-found', `${where} is no printer`);
  return best.line;
}
