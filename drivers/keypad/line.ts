// What keypads and scanners share: the address, and one device object around one line. It knows no key and no barcode.
import assert from 'node:assert/strict';
import { DeviceError, type Device, type Health } from '../device.ts';
import { openPort, parsePortAddress, type BytePort, type PortAddress } from '../ports.ts';

/**
 * Where an input device is, as written in a configuration: `hid:/dev/kios/hid-…` · `reports:` and a port, for HID
 * reports over a byte port · `serial:…`, `unix:…`, `tcp:…`, for characters · `terminal`.
 */
export type InputAddress =
  | { kind: 'hid'; path: string }
  | { kind: 'reports'; port: PortAddress }
  | { kind: 'characters'; port: PortAddress }
  | { kind: 'terminal' };

/** Understands an address. @throws DeviceError `not-found` with the forms that are understood. */
export function parseInputAddress(text: string): InputAddress {
  if (text === 'terminal') return { kind: 'terminal' };
  if (text.startsWith('hid:/')) return { kind: 'hid', path: text.slice('hid:'.length) };
  try {
    if (text.startsWith('reports:')) {
      return { kind: 'reports', port: parsePortAddress(text.slice('reports:'.length)) };
    }
    return { kind: 'characters', port: parsePortAddress(text) };
  } catch (error) {
    throw new DeviceError(
      'not-found',
      `"${text}" is no address of a keypad or scanner; write hid:/dev/kios/hid-…, ` +
        'serial:/dev/PATH?baudRate=9600, terminal (a keypad), unix:/PATH, tcp:HOST:PORT or reports:unix:/PATH',
      { cause: error },
    );
  }
}

/** An open connection that only speaks to us. */
export type InputLine = Pick<BytePort, 'close' | 'closed'>;

/** Opens a line. @throws DeviceError */
export type Connect = (
  onBytes: (bytes: Uint8Array) => void,
  signal: AbortSignal,
) => Promise<InputLine>;

/** The way to a device that sends characters. */
export function connectCharacters({
  port,
}: Extract<InputAddress, { kind: 'characters' }>): Connect {
  return (onBytes, signal) => openPort(port, onBytes, signal);
}

export interface InputDeviceOptions {
  name: string;
  connect: Connect;
  onBytes: (bytes: Uint8Array) => void;
  /** One sentence while the device is up and yet something is wrong with what it sends. */
  complaint?: () => string | undefined;
}

/** One connection: opened once, told about once when it ends, silent from the moment that it is closed. */
export function createInputDevice(options: InputDeviceOptions): Device {
  const { name, connect, onBytes, complaint } = options;
  const closed = Promise.withResolvers<DeviceError | undefined>();
  const closing = new AbortController();
  let health: Health = { state: 'opening' };
  let opening: Promise<InputLine> | undefined;

  const fell = (error: DeviceError): void => {
    health = { state: 'down', fault: error.kind, detail: error.message };
  };
  const deliver = (bytes: Uint8Array): void => {
    if (!closing.signal.aborted) onBytes(bytes);
  };
  const connectOnce = async (signal: AbortSignal): Promise<InputLine> => {
    const line = await connect(deliver, AbortSignal.any([signal, closing.signal]));
    if (!signal.aborted && !closing.signal.aborted) return line;
    await line.close();
    throw new DeviceError('canceled', `opening ${name} was called off`);
  };

  return {
    name,
    closed: closed.promise,
    health: () => {
      const detail = health.state === 'up' ? complaint?.() : undefined;
      return detail === undefined ? health : { ...health, fault: 'protocol', detail };
    },
    open: async (signal) => {
      assert(opening === undefined, `${name} was opened twice, and an object is one connection`);
      opening = connectOnce(signal);
      try {
        const line = await opening;
        health = { state: 'up' };
        void line.closed.then((error) => {
          if (error !== undefined) fell(error);
          closed.resolve(closing.signal.aborted ? undefined : error);
        });
      } catch (error) {
        if (error instanceof DeviceError) fell(error);
        throw error;
      }
    },
    close: async () => {
      closing.abort();
      if (health.state !== 'down') fell(new DeviceError('canceled', `${name} was closed`));
      const line = await opening?.catch(() => undefined); // Its caller was told why it failed.
      await line?.close();
      closed.resolve(undefined);
    },
  };
}
