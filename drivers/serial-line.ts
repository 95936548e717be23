// A serial port by `serialport`, with its holes closed: a hang-up always ends it, letting go gives it back, and what is
// to be dropped does not come out later.
import { read } from 'node:fs';
import { promisify } from 'node:util';
import { SerialPort } from 'serialport';
import type { Rest } from './ports.ts';

const readAsync = promisify(read);

export interface SerialLine {
  stream: SerialPort;
  /** Closes the file and its lock, also while it is still opening. Ends in the stream's `close` event. */
  release: (rest: Rest) => Promise<void>;
}

export interface SerialPlace {
  path: string;
  baudRate: number;
  rtscts: boolean;
  xonxoff?: boolean;
}

/** How `serialport` is to open this line. */
export function serialOptions({
  path,
  baudRate,
  rtscts,
  xonxoff = false,
}: SerialPlace): ConstructorParameters<typeof SerialPort>[0] {
  const flow = { rtscts, xon: xonxoff, xoff: xonxoff };
  // lock: two programs on one line would each get half of the bytes.
  // hupcl: closing would let DTR fall and the next opening raise it, which starts boards of the Arduino kind anew.
  return { path, baudRate, ...flow, lock: true, hupcl: false, autoOpen: false };
}

/** Starts to open; the stream's `open` or `error` event says what came of it. */
export function openSerialLine(place: SerialPlace): SerialLine {
  const stream = new SerialPort(serialOptions(place));
  stream.once('open', () => {
    if (stream.port !== undefined) endAtHangUp(stream.port);
  });
  stream.open();
  // `destroy` of serialport keeps the file and its lock, and the line could not be opened again.
  const close = async (): Promise<void> => {
    await new Promise<void>((resolve) => {
      stream.close(() => {
        resolve();
      });
    });
  };
  return {
    stream,
    release: async (rest) => {
      if (stream.opening) stream.once('open', () => void close());
      else if (stream.isOpen) {
        if (rest === 'drop') await flush(stream);
        await close();
      }
    },
  };
}

/** Empties the kernel's buffers (tcflush). Otherwise closing waits for a device that takes nothing, up to 30 s. */
async function flush(stream: SerialPort): Promise<void> {
  // A write that waits for room would fill the buffer again at once.
  if (stream.port !== undefined && 'poller' in stream.port) stream.port.poller.stop();
  await new Promise<void>((resolve) => {
    stream.flush(() => {
      resolve(); // A line that is gone holds nothing.
    });
  });
}

/**
 * A terminal line that has hung up reads as zero bytes, for ever (n_tty in raw mode with VMIN 1: otherwise EAGAIN).
 * serialport reads on in that case, at full speed and silently, when the cable is pulled while bytes are coming
 * (serialport/bindings-cpp#162). So the read is ours: zero bytes are the end.
 */
function endAtHangUp(port: NonNullable<SerialPort['port']>): void {
  if (!('poller' in port)) return; // Windows has no such thing.
  port.read = async (buffer, offset, length) => {
    while (port.fd !== null) {
      try {
        const { bytesRead } = await readAsync(port.fd, buffer, offset, length, null);
        if (bytesRead === 0) throw new Error('the line hung up');
        return { buffer, bytesRead };
      } catch (error) {
        if (!isNothingYet(error)) throw error;
      }
      await readable(port);
    }
    throw Object.assign(new Error('the port is closed'), { canceled: true });
  };
}

function isNothingYet(error: unknown): boolean {
  return error instanceof Error && 'code' in error && /^(EAGAIN|EINTR)$/.test(String(error.code));
}

/** Waits for bytes. Rejects when the port is closed meanwhile, or gone. */
async function readable(port: Extract<SerialPort['port'], { poller: unknown }>): Promise<void> {
  if (port.fd === null) return;
  await new Promise<void>((resolve, reject) => {
    port.poller.once('readable', (error) => {
      if (error === null) resolve();
      else reject(error);
    });
  });
}
