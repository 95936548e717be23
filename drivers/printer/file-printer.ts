// A printer that is a plain file: the bytes of each job are appended. It never writes to a device.
import { constants, open, type FileHandle } from 'node:fs/promises';
import { DeviceError, type Health, type PrintDocument, type Printer } from '../device.ts';
import type { PrintOutcome } from '../device.ts';
import { openError } from '../ports.ts';
import { encodeDocument } from './escpos.ts';
import type { PrinterProfile } from './profiles.ts';

/** Not blocking, so that a FIFO that nobody reads cannot hold a thread. */
const flags = constants.O_WRONLY | constants.O_APPEND | constants.O_CREAT | constants.O_NONBLOCK;

export function createFilePrinter(path: string, profile: PrinterProfile): Printer {
  return new FilePrinter(path, profile);
}

class FilePrinter implements Printer {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #path: string;
  readonly #profile: PrinterProfile;
  #file: FileHandle | undefined;
  #state: Health['state'] = 'opening';

  constructor(path: string, profile: PrinterProfile) {
    this.name = `printer file ${path}`;
    this.closed = this.#ended.promise;
    this.#path = path;
    this.#profile = profile;
  }

  async open(signal: AbortSignal): Promise<void> {
    let file: FileHandle;
    try {
      file = await open(this.#path, flags, 0o600);
    } catch (error) {
      throw openError(this.#path, error as Error);
    }
    const plain = (await file.stat()).isFile();
    if (!plain || signal.aborted || this.#state === 'down') {
      await file.close();
      if (plain) throw new DeviceError('canceled', `opening ${this.#path} was called off`);
      throw new DeviceError('not-found', `${this.#path} is no plain file; write lp:${this.#path}`);
    }
    this.#file = file;
    this.#state = 'up';
  }

  async close(): Promise<void> {
    this.#state = 'down';
    const file = this.#file;
    this.#file = undefined;
    await file?.close();
    this.#ended.resolve(undefined);
  }

  health(): Health {
    return { state: this.#state };
  }

  /** A file has no paper to run out of. */
  async paper(): Promise<'ok'> {
    return Promise.resolve('ok');
  }

  /** `printed` when the bytes are on the disk. A job that fails half-way is taken off the end again. */
  async print(document: PrintDocument, signal: AbortSignal): Promise<PrintOutcome> {
    const file = this.#file;
    if (file === undefined) return this.#failed('disconnected', 'is not open');
    if (signal.aborted) return this.#failed('canceled', 'called off');
    try {
      const before = (await file.stat()).size;
      try {
        await file.appendFile(encodeDocument(document, this.#profile));
        await file.datasync();
      } catch (error) {
        await file.truncate(before);
        throw error;
      }
      return { result: 'printed' };
    } catch (error) {
      if (!(error instanceof Error)) throw error;
      return this.#failed(error instanceof RangeError ? 'protocol' : 'hardware', error.message);
    }
  }

  #failed(kind: DeviceError['kind'], why: string): PrintOutcome {
    return { result: 'failed', error: new DeviceError(kind, `${this.name}: ${why}`) };
  }
}
