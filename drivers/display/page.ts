// A page somewhere else (the bench's) as a display, over a byte port. The page says its size first; then it gets the
// rows that change, from the first to the last in one message, so that it never shows half of a QR.
import assert from 'node:assert/strict';
import { wait, type Clock } from '../../src/lib/clock.ts';
import { DeviceError, type Display, type Frame, type Geometry, type Health } from '../device.ts';
import { openPort, type BytePort, type PortAddress } from '../ports.ts';
import { createFrameQueue } from './frame-queue.ts';
import { bytesOf } from './blit.ts';
import { createGeometryDecoder, encodeRows, rowsBytes } from './page-codec.ts';
import { changeSince } from './frame-change.ts';
import { changedSpan, type RowRun } from './rows.ts';

export interface PageOptions {
  address: PortAddress;
  /** As it is written in the configuration. */
  at: string;
  clock: Clock;
}

/** A page that has accepted the connection says its size at once. */
const greetingTimeoutMs = 3000;

/** A page that takes a whole picture in no such time stands still, and what it shows may be long out of date. */
const showTimeoutMs = 5000;

export function createPageDisplay(options: PageOptions): Display {
  return new PageDisplay(options);
}

class PageDisplay implements Display {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #options: PageOptions;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #greeted = Promise.withResolvers<undefined>();
  readonly #queue = createFrameQueue<Frame>((frame) => this.#draw(frame));
  readonly #decoder = createGeometryDecoder();
  #health: Health = { state: 'opening' };
  #port: BytePort | undefined;
  #geometry: Geometry | undefined;
  #frame: Frame | undefined;
  /** A copy of its pixels: a frame is its painter's own. */
  #shown: Uint16Array | undefined;
  /** Where messages are made, one at a time: a picture each would be a megabyte of garbage a screen. */
  #room: Uint8Array | undefined;
  #over = false;
  #lost: DeviceError | undefined;

  constructor(options: PageOptions) {
    this.#options = options;
    this.name = `display ${options.at}`;
    this.closed = this.#ended.promise;
  }

  get geometry(): Geometry {
    if (this.#geometry === undefined) throw new DeviceError('canceled', `${this.name} is not open`);
    return this.#geometry;
  }

  async open(signal: AbortSignal): Promise<void> {
    const { address, clock } = this.#options;
    const port = await openPort(
      address,
      (bytes) => {
        this.#hear(bytes);
      },
      signal,
    );
    this.#port = port;
    void port.closed.then((error) => {
      this.#end(error);
    });
    const stopWaiting = new AbortController();
    const limit = AbortSignal.any([signal, stopWaiting.signal]);
    await Promise.race([this.#greeted.promise, this.closed, wait(clock, greetingTimeoutMs, limit)]);
    stopWaiting.abort();
    if (this.#geometry !== undefined && !this.#isOver() && !signal.aborted) {
      this.#health = { state: 'up' };
      return;
    }
    const canceled = signal.aborted || this.#isOver();
    const reason =
      (this.#isOver() ? await this.closed : undefined) ??
      (canceled
        ? new DeviceError('canceled', `opening ${this.name} was called off`)
        : new DeviceError('timeout', `${this.name} did not say its size`));
    await this.close();
    throw reason;
  }

  async close(): Promise<void> {
    this.#end(undefined);
    await this.#port?.close();
  }

  health(): Health {
    return this.#health;
  }

  async show(frame: Frame): Promise<void> {
    return this.#queue.show(frame);
  }

  async #draw(frame: Frame): Promise<void> {
    const port = this.#port;
    if (port === undefined || this.#over) {
      throw this.#lost ?? new DeviceError('canceled', `${this.name} is closed`);
    }
    const { width, height } = this.geometry;
    assert(frame.width === width && frame.height === height, 'a frame of another size');
    const span = this.#take(frame);
    if (span === undefined) return;
    const cancelLimit = this.#options.clock.after(showTimeoutMs, () => {
      this.#end(new DeviceError('timeout', `${this.name} stands still; it takes no picture`));
      void port.close('drop');
    });
    try {
      this.#room ??= new Uint8Array(rowsBytes(width, height));
      await port.write(encodeRows(frame, span, this.#room));
    } catch (error) {
      throw this.#lost ?? error;
    } finally {
      cancelLimit();
    }
  }

  /** Which rows the page does not have yet; undefined: it has them all. */
  #take(frame: Frame): RowRun | undefined {
    const { width, height, pixels } = frame;
    const shown = this.#shown;
    const changed = changeSince(this.#frame, frame) ?? { y: 0, height };
    this.#frame = frame;
    if (shown === undefined) {
      this.#shown = pixels.slice();
      return { first: 0, count: height };
    }
    const [from, to] = [changed.y * width, (changed.y + changed.height) * width];
    const [old, fresh] = [shown.subarray(from, to), pixels.subarray(from, to)];
    const span = changedSpan(bytesOf(old), bytesOf(fresh), 2 * width);
    old.set(fresh);
    return span && { ...span, first: changed.y + span.first };
  }

  #hear(bytes: Uint8Array): void {
    const geometries = this.#decoder.push(bytes);
    if (geometries === undefined) {
      this.#end(new DeviceError('protocol', `${this.name} talks nonsense; is it a page of kios?`));
      void this.#port?.close();
      return;
    }
    for (const geometry of geometries) {
      if (this.#geometry === undefined) {
        this.#geometry = geometry;
        this.#greeted.resolve(undefined);
      } else if (!sameGeometry(this.#geometry, geometry)) {
        this.#end(new DeviceError('disconnected', `${this.name} has another size now`));
        void this.#port?.close();
      }
    }
  }

  #isOver(): boolean {
    return this.#over;
  }

  #end(error: DeviceError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#lost = error;
    this.#health =
      error === undefined
        ? { state: 'down' }
        : { state: 'down', fault: error.kind, detail: error.message };
    this.#ended.resolve(error);
  }
}

function sameGeometry(a: Geometry, b: Geometry): boolean {
  return a.width === b.width && a.height === b.height && a.widthMm === b.widthMm;
}
