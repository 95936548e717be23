// A device file as a byte port. Every call on it returns at once (O_NONBLOCK): a device that takes nothing can hold
// neither the program nor a thread of its pool, and no call is under way when the descriptor is closed.
import { closeSync, constants, openSync, readSync, writeSync } from 'node:fs';
import { DeviceError } from './device.ts';
import { openError, type BytePort } from './ports.ts';
import { wait, type Clock } from '../src/lib/clock.ts';

/** How often a full device is tried again. A page of 8 KiB takes USB about 10 ms. */
const retryMs = 5;

/** How often the device is looked at: 20 ms so that an answer is not late, and an unplug is seen at once. */
const pollMs = 20;

const readBytes = 256;

/** Reads without a byte taken from the line in one look: enough for any answer, too few to be kept busy by a flood. */
const maxReadsAtOnce = 8;

/**
 * Opens a device file; with `write` alone, what comes from the device is left to others.
 * @throws DeviceError `not-found`, `busy`
 */
export function openDeviceFile(path: string, direction: 'write' | 'both'): DeviceFile {
  const access = direction === 'write' ? constants.O_WRONLY : constants.O_RDWR;
  let fd: number;
  try {
    fd = openSync(path, access | constants.O_NONBLOCK | constants.O_NOCTTY);
  } catch (error) {
    throw openError(path, error as Error);
  }
  return {
    write: (bytes, at, length) => writeSync(fd, bytes, at, length),
    read: (into) => (direction === 'write' ? 0 : readSync(fd, into, 0, into.length, null)),
    close: () => {
      closeSync(fd);
    },
  };
}

/** The three calls on an open device. Each throws at once what the kernel says, EAGAIN among it. */
export interface DeviceFile {
  write(bytes: Uint8Array, at: number, length: number): number;
  read(into: Uint8Array): number;
  close(): void;
}

export class FilePort implements BytePort {
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #file: DeviceFile;
  readonly #path: string;
  readonly #clock: Clock;
  readonly #onBytes: (bytes: Uint8Array) => void;
  #cancelPoll: () => void;
  #open = true;

  constructor(file: DeviceFile, path: string, clock: Clock, onBytes: (bytes: Uint8Array) => void) {
    this.closed = this.#ended.promise;
    this.#file = file;
    this.#path = path;
    this.#clock = clock;
    this.#onBytes = onBytes;
    this.#cancelPoll = clock.after(pollMs, () => {
      this.#poll();
    });
  }

  /**
   * Has no time limit of its own: a device that takes nothing is given up by `close`, which rejects this. Ends with a
   * zero-byte write, by which usblp says that the transfer is over; to other devices it is nothing.
   */
  async write(bytes: Uint8Array): Promise<void> {
    let at = 0;
    while (at < bytes.length) at += await this.#writeSome(bytes, at, bytes.length - at);
    await this.#writeSome(bytes, 0, 0);
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the face of a port is asynchronous.
  async close(): Promise<void> {
    this.#end(undefined);
  }

  async #writeSome(bytes: Uint8Array, at: number, length: number): Promise<number> {
    while (this.#open) {
      try {
        return this.#file.write(bytes, at, length);
      } catch (error) {
        if (!isAgain(error)) throw this.#lost(error);
      }
      await wait(this.#clock, retryMs);
    }
    throw new DeviceError('canceled', `${this.#path} was closed`);
  }

  #poll(): void {
    const buffer = Buffer.alloc(readBytes);
    try {
      for (let i = 0; i < maxReadsAtOnce && this.#open; i++) {
        const got = this.#file.read(buffer);
        if (got > 0) {
          this.#onBytes(buffer.subarray(0, got));
          continue;
        }
        // End of file: a printer with one direction, or a line that was hung up, which only a write tells.
        this.#file.write(buffer, 0, 0);
        break;
      }
    } catch (error) {
      if (!isAgain(error)) this.#lost(error);
    }
    if (!this.#open) return;
    this.#cancelPoll = this.#clock.after(pollMs, () => {
      this.#poll();
    });
  }

  #lost(error: unknown): DeviceError {
    const lost = new DeviceError('disconnected', `${this.#path} was unplugged`, { cause: error });
    this.#end(lost);
    return lost;
  }

  #end(error: DeviceError | undefined): void {
    if (!this.#open) return;
    this.#open = false;
    this.#cancelPoll();
    this.#file.close();
    this.#ended.resolve(error);
  }
}

function isAgain(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'EAGAIN';
}
