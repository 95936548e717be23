// Byte ports: the ways by which bytes reach a device, all with one face. A port knows no device language.
import { createConnection } from 'node:net';
import type { Duplex } from 'node:stream';
import { DeviceError, type DeviceErrorKind } from './device.ts';

/**
 * Where a device is, as written in a configuration:
 * `tcp:HOST:PORT` · `unix:PATH` · `serial:PATH?baudRate=9600`, with `&rtscts=1` or `&xonxoff=1` for flow control.
 */
export type PortAddress =
  | { kind: 'tcp'; host: string; port: number }
  | { kind: 'unix'; path: string }
  | { kind: 'serial'; path: string; baudRate: number; rtscts: boolean; xonxoff?: true };

/**
 * What becomes of bytes that the kernel has taken and the device has not: they still go out after the close, or are
 * taken back. What is in the device already, nobody can take back; nor what went into a unix socket.
 */
export type Rest = 'deliver' | 'drop';

/** One open line. Single use. */
export interface BytePort {
  /**
   * Resolves when the kernel has taken the bytes, which says nothing about the device.
   * @throws DeviceError `canceled` after our own `close`, `disconnected` when the line is gone
   */
  write(bytes: Uint8Array): Promise<void>;
  /** The first call decides what becomes of the rest. Safe to call again. */
  close(rest?: Rest): Promise<void>;
  /** Undefined after our own `close`, else why the line is gone. Never rejects. */
  readonly closed: Promise<DeviceError | undefined>;
}

/** Opens a line, each time that it is called. @throws DeviceError */
export type OpenLine = (
  onBytes: (bytes: Uint8Array) => void,
  signal: AbortSignal,
) => Promise<BytePort>;

const defaultBaudRate = 9600;
const minBaudRate = 300;
const maxBaudRate = 4_000_000;

/**
 * Understands an address.
 * @param tcpPort of a `tcp:HOST` without one; where it is not given, a port must be named: another device's would be meant
 * @throws DeviceError `not-found` with the forms that are understood
 */
export function parsePortAddress(text: string, tcpPort?: number): PortAddress {
  const [kind, rest] = splitOnce(text, ':');
  if (kind === 'unix' && rest.startsWith('/')) return { kind, path: rest };
  if (kind === 'tcp') {
    const match = /^(\[[0-9a-fA-F:]+\]|[^:\s/?]+)(?::(\d{1,5}))?$/.exec(rest);
    const port = Number(match?.[2] ?? tcpPort);
    if (match?.[1] !== undefined && match[2] === undefined && tcpPort === undefined) {
      throw notUnderstood(`"${text}": name its port`);
    }
    if (match?.[1] !== undefined && port >= 1 && port <= 65_535) {
      return { kind, host: match[1].replace(/^\[|\]$/g, ''), port };
    }
  }
  if (kind === 'serial' && rest.startsWith('/')) {
    const [path, query] = splitOnce(rest, '?');
    return { kind, path, ...serialSettings(text, new URLSearchParams(query)) };
  }
  throw notUnderstood(`"${text}" is no port`);
}

const serialOptions = ['baudRate', 'rtscts', 'xonxoff'];

/** One that is not known is told, not ignored: a misspelt baud rate would be another one, and nobody would be told. */
function serialSettings(
  text: string,
  options: URLSearchParams,
): Omit<Extract<PortAddress, { kind: 'serial' }>, 'kind' | 'path'> {
  const names = [...options.keys()];
  const strange = names.find(
    (name, at) => !serialOptions.includes(name) || names.indexOf(name) !== at,
  );
  if (strange !== undefined) {
    const known = serialOptions.join(', ');
    throw notUnderstood(`"${text}": "${strange}" is unknown or twice; there are ${known}`);
  }
  const isOn = (name: string): boolean => {
    const value = options.get(name) ?? '0';
    if (value !== '0' && value !== '1') throw notUnderstood(`"${text}": ${name} is 0 or 1`);
    return value === '1';
  };
  const rate = options.get('baudRate') ?? String(defaultBaudRate);
  const baudRate = Number(rate);
  if (!/^\d{1,7}$/.test(rate) || baudRate < minBaudRate || baudRate > maxBaudRate) {
    const limits = `${minBaudRate} to ${maxBaudRate}`;
    throw notUnderstood(`"${text}": baudRate is a whole number from ${limits}`);
  }
  const xonxoff = isOn('xonxoff') ? { xonxoff: true as const } : {};
  return { baudRate, rtscts: isOn('rtscts'), ...xonxoff };
}

function notUnderstood(why: string): DeviceError {
  const forms = 'tcp:HOST:PORT, unix:/PATH or serial:/dev/PATH?baudRate=9600';
  return new DeviceError('not-found', `${why}; write ${forms}`);
}

/** Connecting to a printer that is switched off must not hang: TCP alone would try for two minutes. */
const openTimeoutMs = 5000;

/**
 * Opens a line.
 * @throws DeviceError `not-found`, `busy`, `timeout`, `canceled`
 */
export async function openPort(
  address: PortAddress,
  onBytes: (bytes: Uint8Array) => void,
  signal: AbortSignal,
  timeoutMs = openTimeoutMs,
): Promise<BytePort> {
  const where = address.kind === 'tcp' ? `${address.host}:${address.port}` : address.path;
  const canceled = new DeviceError('canceled', `opening ${where} was called off`);
  const calledOff = (): boolean => signal.aborted;
  if (calledOff()) throw canceled;
  let opening: Opening;
  if (address.kind === 'serial') {
    // Loaded for those who have such a line: a kiosk without one saves a quarter of a bare node's memory.
    const { openSerialLine } = await import('./serial-line.ts');
    if (calledOff()) throw canceled;
    opening = { event: 'open', ...openSerialLine(address) };
  } else {
    opening = socketStream(address);
  }
  const timeout = AbortSignal.timeout(timeoutMs);
  const limit = AbortSignal.any([signal, timeout]);
  await opened(opening, where, limit, () =>
    signal.aborted
      ? canceled
      : new DeviceError('timeout', `${where} did not open within ${timeoutMs / 1000} s`),
  );
  return streamPort(opening, where, onBytes);
}

function splitOnce(text: string, by: string): [string, string] {
  const at = text.indexOf(by);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + by.length)];
}

interface Opening {
  stream: Duplex;
  /** The event by which the stream says that it is open. */
  event: 'connect' | 'open';
  /** Gives the line back to the kernel, also while it is still opening. Ends in the stream's `close` event. */
  release: (rest: Rest) => Promise<void>;
}

function socketStream(address: Exclude<PortAddress, { kind: 'serial' }>): Opening {
  const socket =
    address.kind === 'tcp'
      ? createConnection({ host: address.host, port: address.port, keepAlive: true, noDelay: true })
      : createConnection({ path: address.path });
  return {
    stream: socket,
    event: 'connect',
    release: async (rest) => {
      // RFC 9293 §3.10.5: an abort drops what is queued; an ordinary end delivers it, be it minutes later.
      if (rest === 'drop' && address.kind === 'tcp') socket.resetAndDestroy();
      else socket.destroy();
      return Promise.resolve();
    },
  };
}

async function opened(
  { stream, event, release }: Opening,
  where: string,
  limit: AbortSignal,
  whyLimited: () => DeviceError,
): Promise<void> {
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
      void release('deliver'); // Nothing was written yet.
      reject(error);
    };
    const onAbort = (): void => {
      settle(whyLimited());
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
  });
}

function streamPort(
  { stream, release }: Opening,
  where: string,
  onBytes: (bytes: Uint8Array) => void,
): BytePort {
  const closed = Promise.withResolvers<DeviceError | undefined>();
  let released: Promise<void> | undefined;
  const letGo = async (rest: Rest): Promise<void> => (released ??= release(rest));
  let wrote = false;
  let ended = false;
  let ours = false;
  const canceled = (): DeviceError => new DeviceError('canceled', `${where} was closed by us`);
  const gone = (why: string, cause?: unknown): DeviceError =>
    new DeviceError('disconnected', `${where} ${why}`, { cause });
  let fault = gone('was unplugged or closed');
  stream.on('data', onBytes);
  stream.on('error', (error) => {
    fault = gone(`failed: ${error.message}`, error);
    void letGo('drop');
  });
  // Whoever stops talking in mid-job must not get the rest of it either: nobody would hear what became of it.
  stream.on('end', () => void letGo(wrote ? 'drop' : 'deliver'));
  stream.on('close', () => {
    ended = true;
    closed.resolve(ours ? undefined : fault);
  });
  return {
    closed: closed.promise,
    write: async (bytes) => {
      if (ours) throw canceled();
      if (ended) throw fault;
      wrote = true;
      await new Promise<void>((resolve, reject) => {
        stream.write(bytes, (error) => {
          if (error == null) resolve();
          else reject(ours ? canceled() : gone(`failed: ${error.message}`, error));
        });
      });
    },
    close: async (rest = 'deliver') => {
      ours ||= !ended;
      await letGo(rest);
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
  if (/ECONNREFUSED|EHOSTUNREACH|ENETUNREACH|EAI_AGAIN/.test(text)) {
    return tell('not-found', 'nothing answers there; is it switched on and in this network?');
  }
  if (/ENOTTY|Inappropriate ioctl/.test(text)) {
    return tell('not-found', 'that is no serial port; write the path of one');
  }
  if (/EACCES|EPERM|[Pp]ermission denied/.test(text)) {
    return tell(
      'busy',
      'no permission; add the user of kios to the group that owns it (serial: dialout, printer: lp, screen: video; see ls -l)',
    );
  }
  if (/EBUSY|Resource temporarily unavailable|Cannot lock/.test(text)) {
    return tell('busy', 'another program uses it; close that program');
  }
  return tell('disconnected', error.message);
}
