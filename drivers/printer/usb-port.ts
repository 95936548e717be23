// A USB printer without the kernel's usblp, as a byte port over libusb's kind of transfers. Bytes go out a packet at a
// time, and none is ever sent twice: a transfer that was given up does not say how much of it arrived.
import { DeviceError } from '../device.ts';
import type { BytePort, Rest } from '../ports.ts';
import { wait, type Clock } from '../../src/lib/clock.ts';
import type { UsbLine, UsbPrinterDevice } from './usb-device.ts';

/** Longer than any job: a printer that takes nothing is given up by `close`, never by a transfer. */
const writeTimeoutMs = 60_000;

/**
 * How long closing may wait for the reading to end. Not shorter: an answer that comes in the moment in which a transfer
 * times out is lost with it (seen on a kernel with 250 ms), and a lost answer is a slip that is not proved.
 */
const readTimeoutMs = 2_000;
const readBytes = 64;
/** Printers with nothing to say either do not answer at all, or at once with nothing. */
const emptyPauseMs = 20;
/** A printer that only takes cannot be heard leaving; it is looked for. */
const lookMs = 500;
const softResetTimeoutMs = 500;

export class UsbPort implements BytePort {
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #line: UsbLine;
  readonly #where: string;
  readonly #clock: Clock;
  readonly #over = new AbortController();
  readonly #reading: Promise<void>;
  #turn: Promise<void> = Promise.resolve();
  #writing = false;
  #closing: Promise<void> | undefined;

  /** @param line opened and claimed; given back by `close` */
  constructor(line: UsbLine, where: string, clock: Clock, onBytes: (bytes: Uint8Array) => void) {
    this.closed = this.#ended.promise;
    this.#line = line;
    this.#where = where;
    this.#clock = clock;
    this.#reading =
      line.inEndpoint === undefined ? this.#look() : this.#read(line.inEndpoint, onBytes);
  }

  /** Resolves when the printer has taken the last packet. */
  async write(bytes: Uint8Array): Promise<void> {
    const turn = this.#turn.then(async () => this.#send(bytes));
    this.#turn = turn.catch(() => undefined);
    return turn;
  }

  async close(rest: Rest = 'deliver'): Promise<void> {
    await (this.#closing ??= this.#giveBack(rest, undefined));
  }

  async #send(bytes: Uint8Array): Promise<void> {
    const { device, outEndpoint, packetBytes } = this.#line;
    for (let at = 0; at < bytes.length; at += packetBytes) {
      if (this.#over.signal.aborted) {
        throw new DeviceError('canceled', `${this.#where} was closed by us`);
      }
      this.#writing = true;
      try {
        await device.transferOut(outEndpoint, bytes.slice(at, at + packetBytes), writeTimeoutMs);
      } catch (error) {
        throw this.#lost(error);
      } finally {
        this.#writing = false;
      }
    }
  }

  async #read(endpoint: number, onBytes: (bytes: Uint8Array) => void): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      try {
        const { data } = await this.#line.device.transferIn(endpoint, readBytes, readTimeoutMs);
        if (data === undefined || data.byteLength === 0) {
          await wait(this.#clock, emptyPauseMs, signal);
        } else onBytes(new Uint8Array(data.buffer, data.byteOffset, data.byteLength));
      } catch (error) {
        if (!isTimeout(error)) this.#lost(error);
      }
    }
  }

  async #look(): Promise<void> {
    const { signal } = this.#over;
    while (!signal.aborted) {
      if (!this.#line.isThere()) this.#lost(undefined);
      await wait(this.#clock, lookMs, signal);
    }
  }

  #lost(cause: unknown): DeviceError {
    const error = new DeviceError('disconnected', `${this.#where} was unplugged`, { cause });
    this.#closing ??= this.#giveBack('deliver', error);
    return error;
  }

  /**
   * What is to be dropped is dropped here, by the printer class' SOFT_RESET, which "flushes all buffers" (USB printer class
   * 1.1, §4.2.3); clones may not obey it. A write under way is cut off by a reset of the port, whatever the rest is worth:
   * while a transfer runs the package lets go of nothing.
   */
  async #giveBack(rest: Rest, error: DeviceError | undefined): Promise<void> {
    const { device, interfaceNumber, hadDriver } = this.#line;
    this.#over.abort();
    if (error !== undefined) this.#ended.resolve(error);
    if (this.#writing) await quietly(async () => device.reset());
    else if (rest === 'drop') await quietly(async () => softReset(device, interfaceNumber));
    await Promise.all([this.#turn, this.#reading]);
    await quietly(async () => device.releaseInterface(interfaceNumber));
    if (hadDriver) await quietly(async () => device.attachKernelDriver(interfaceNumber));
    await quietly(async () => device.close());
    this.#ended.resolve(error);
  }
}

async function softReset(device: UsbPrinterDevice, index: number): Promise<unknown> {
  const setup = {
    requestType: 'class',
    recipient: 'interface',
    request: 2,
    value: 0,
    index,
  } as const;
  return device.controlTransferOut(setup, new Uint8Array(), softResetTimeoutMs);
}

/** What is gone cannot be given back. The package also throws where it could reject. */
async function quietly(attempt: () => Promise<unknown>): Promise<void> {
  await attempt().catch(() => undefined);
}

/** The package tells its outcomes by words alone: nusb's TransferError::Cancelled. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.includes('Cancelled');
}
