// Byte ports: the ways by which bytes reach a device, all with one face. A port knows no device language.
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { SerialPort } from 'serialport';
import { DeviceError, type DeviceErrorKind } from './device.ts';

/**
 * Where a device is, as written in a configuration:
 * `tcp:HOST:PORT` · `unix:PATH` · `serial:PATH?baudRate=9600&rtscts=1`.
 */
export type PortAddress =
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'unix'; path: string }
  | { kind: 'serial'; path: string; baudRate: number; rtscts: boolean };

/** One open line. Single use. */
export interface BytePort {
  /** Resolves when the bytes have been handed to the kernel and its buffer has drained. @throws DeviceError */
  write(bytes: Uint8Array): Promise<void>;
  close(): Promise<void>;
  /** Undefined after our own `close`, else why the line is gone. Never rejects. */
  readonly closed: Promise<DeviceError | undefined>;
}

const tcpDefaultPort = 9100;
const defaultBaudRate = 9600;

/** Understands an address. @throws DeviceError `not-found` with the forms that are understood. */
export function parsePortAddress(text: string): PortAddress {
  const [kind, rest] = splitOnce(text, ':');
  if (kind === 'unix' && rest.startsWith('/')) return { kind, path: rest };
  if (kind === 'tcp') {
    const match = /^(\[[0-9a-fA-F:]+\]|[^:\s/]+)(?::(\d{1,5}))?$/.exec(rest);
    const port = Number(match?.[2] ?? tcpDefaultPort);
    if (match?.[1] !== undefined && port >= 1 && port <= 65_535) {
      return { kind, host: match[1].replace(/^\[|\]$/g, ''), port };
    }
  }
  if (kind === 'serial' && rest.startsWith('/')) {
    const [path, query] = splitOnce(rest, '?');
    const options = new URLSearchParams(query);
    const baudRate = Number(options.get('baudRate') ?? defaultBaudRate);
    if (Number.isInteger(baudRate) && baudRate >= 300 && baudRate <= 4_000_000) {
      return { kind, path, baudRate, rtscts: options.get('rtscts') === '1' };
    }
  }
  throw new DeviceError(
    'not-found',
    `"${text}" is no port; write tcp:HOST:PORT, unix:/PATH or serial:/dev/PATH?baudRate=9600`,
  );
}

/**
 * Opens a line.
 * @throws DeviceError `not-found`, `busy`, `timeout`, `canceled`
 */
export async function openPort(
  address: PortAddress,
  onBytes: (bytes: Uint8Array) => void,
  signal: AbortSignal,
): Promise<BytePort> {
  const stream = address.kind === 'serial' ? serialStream(address) : socketStream(address);
  const where = address.kind === 'tcp' ? `${address.host}:${address.port}` : address.path;
  await opened(stream, where, signal);
  return streamPort(stream, where, onBytes);
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)];
}

/** Connecting to a printer that is switched off must not hang: TCP alone would try for two minutes. */
const openTimeoutMs = 5000;

interface Opening {
  stream: Duplex;
  /** The event by which the stream says that it is open. */
  event: 'connect' | 'open';
}

function socketStream(address: Exclude<PortAddress, { kind: 'serial' }>): Opening {
  const socket =
    address.kind === 'tcp'
      ? createConnection({ host: address.host, port: address.port, keepAlive: true, noDelay: true })
      : createConnection({ path: address.path });
  return { stream: socket, event: 'connect' };
}

function serialStream(address: Extract<PortAddress, { kind: 'serial' }>): Opening {
  const { path, baudRate, rtscts } = address;
  // lock: two programs on one line would each get half of the bytes.
  const stream = new SerialPort({ path, baudRate, rtscts, lock: true, autoOpen: false });
  stream.open();
  return { stream, event: 'open' };
}

async function opened(opening: Opening, where: string, signal: AbortSignal): Promise<void> {
  const { stream, event } = opening;
  const limit = AbortSignal.any([signal, AbortSignal.timeout(openTimeoutMs)]);
  await new Promise<void>((resolve, reject) => {
    const settle = (error?: DeviceError): void => {
      limit.removeEventListener('abort', onAbort);
      stream.off('error', onError);
      stream.off(event, onOpen);
      if (error === undefined) {
        resolve();
        return;
      }
      stream.on('error', () => undefined); // A late error of a line that we gave up on says nothing new.
      stream.destroy();
      reject(error);
    };
    const onAbort = (): void => {
      settle(
        signal.aborted
          ? new DeviceError('canceled', `opening ${where} was called off`)
          : new DeviceError('timeout', `${where} did not open within ${openTimeoutMs / 1000} s`),
      );
    };
    const onError = (error: Error): void => {
      settle(openError(where, error));
    };
    const onOpen = (): void => {
      settle();
    };
    stream.once(event, onOpen);
    stream.once('error', onError);
    limit.addEventListener('abort', onAbort, { once: true });
    if (limit.aborted) onAbort();
  });
}

function streamPort(
  { stream }: Opening,
  where: string,
  onBytes: (bytes: Uint8Array) => void,
): BytePort {
  const closed = Promise.withResolvers<DeviceError | undefined>();
  let ours = false;
  stream.on('data', onBytes);
  stream.on('error', (error) => {
    closed.resolve(new DeviceError('disconnected', `${where}: ${error.message}`, { cause: error }));
    stream.destroy();
  });
  stream.on('end', () => stream.destroy());
  stream.on('close', () => {
    closed.resolve(
      ours ? undefined : new DeviceError('disconnected', `${where} was unplugged or closed`),
    );
  });
  return {
    closed: closed.promise,
    write: async (bytes) => {
      await new Promise<void>((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error == null) resolve();
          else
            reject(
              new DeviceError(ours ? 'canceled' : 'disconnected', `${where}: ${error.message}`),
            );
        });
      });
    },
    close: async () => {
      ours = true;
      stream.destroy();
      await closed.promise;
    },
  };
}

/** Turns an operating system's error at opening into ours, with the sentence that mends it. */
export function openError(where: string, error: Error): DeviceError {
  const code = (error as NodeJS.ErrnoException).code ?? '';
  const text = `${code} ${error.message}`;
  const tell = (kind: DeviceErrorKind, sentence: string): DeviceError =>
    new DeviceError(kind, `${where}: ${sentence}`, { cause: error });
  if (/ENOENT|ENXIO|ENODEV|No such file|ENOTFOUND/.test(text)) {
    return tell('not-found', 'nothing is there; is it plugged in and switched on?');
  }
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH/.test(text)) {
    return tell('not-found', 'nothing answers there; is it switched on and in this network?');
  }
  if (/EACCES|EPERM|[Pp]ermission denied/.test(text)) {
    return tell('busy', 'no permission; add the user of kios to the group of the device (ls -l)');
  }
  if (/EBUSY|Resource temporarily unavailable|Cannot lock/.test(text)) {
    return tell('busy', 'another program uses it; close that program');
  }
  return tell('disconnected', error.message);
}
