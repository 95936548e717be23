// The listening end of `page:`: a screen that is only there for bytes, for tests and for the bench's page.
import { rm } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import type { Frame, Geometry } from '../device.ts';
import { createRowsDecoder, encodeGeometry, type RowsMessage } from './page-codec.ts';

export interface DisplaySimulatorOptions {
  /** A unix socket's path, or a TCP port of the loopback (0 takes a free one). */
  listen: { path: string } | { port: number };
  geometry: Geometry;
  /** Called after each message with the whole picture; it is a copy. */
  onFrame?: (frame: Frame) => void;
}

export interface DisplaySimulator {
  /** The address for `createDisplay`. */
  readonly at: string;
  /** What the screen shows; undefined before the first frame of a connection. */
  frame(): Frame | undefined;
  /** Pixels that came over the line since the start: changed rows alone should come. */
  readonly receivedPixels: number;
  /** Messages that made no sense; each ended its connection. */
  readonly faults: number;
  /** Becomes another screen: whoever has it open loses it at its next word. */
  resize(geometry: Geometry): void;
  /** Cuts the line, and nobody can open it until `plug`. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
}

/** Starts plugged in; `unplug` also ends it. */
export async function createDisplaySimulator(
  options: DisplaySimulatorOptions,
): Promise<DisplaySimulator> {
  const simulator = new PageSimulator(options);
  await simulator.plug();
  return simulator;
}

class PageSimulator implements DisplaySimulator {
  receivedPixels = 0;
  faults = 0;
  readonly #onFrame: (frame: Frame) => void;
  #listen: DisplaySimulatorOptions['listen'];
  #geometry: Geometry;
  #server: Server | undefined;
  #socket: Socket | undefined;
  #frame: Frame | undefined;

  constructor(options: DisplaySimulatorOptions) {
    this.#listen = options.listen;
    this.#geometry = options.geometry;
    this.#onFrame = options.onFrame ?? (() => undefined);
  }

  get at(): string {
    return 'path' in this.#listen
      ? `page:unix:${this.#listen.path}`
      : `page:tcp:127.0.0.1:${this.#listen.port}`;
  }

  frame(): Frame | undefined {
    return this.#frame && { ...this.#frame, pixels: this.#frame.pixels.slice() };
  }

  resize(geometry: Geometry): void {
    this.#geometry = geometry;
    this.#socket?.write(encodeGeometry(geometry));
  }

  async plug(): Promise<void> {
    if (this.#server !== undefined) return;
    const server = createServer((socket) => {
      this.#accept(socket);
    });
    this.#server = server;
    const listen = this.#listen;
    if ('path' in listen) await rm(listen.path, { force: true }); // Left behind by a killed process.
    const listening = Promise.withResolvers<undefined>();
    server.once('error', listening.reject);
    server.once('listening', () => {
      listening.resolve(undefined);
    });
    if ('path' in listen) server.listen(listen.path);
    else server.listen(listen.port, '127.0.0.1');
    await listening.promise;
    const address = server.address();
    if (address !== null && typeof address === 'object') this.#listen = { port: address.port };
  }

  async unplug(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    if (server === undefined) return;
    const ended = new Promise<void>((resolve) =>
      server.close(() => {
        resolve();
      }),
    );
    this.#socket?.destroy();
    await ended;
  }

  #accept(socket: Socket): void {
    // One kiosk has the screen: the newest one, as after its restart.
    this.#socket?.destroy();
    this.#socket = socket;
    this.#frame = undefined;
    const decoder = createRowsDecoder();
    socket.on('error', () => undefined); // `close` follows, and there is nothing to keep.
    socket.on('data', (bytes) => {
      const messages = decoder.push(bytes);
      if (messages === undefined) {
        this.faults++;
        socket.destroy();
        return;
      }
      if (socket === this.#socket) for (const message of messages) this.#take(message);
    });
    socket.write(encodeGeometry(this.#geometry));
  }

  #take(message: RowsMessage): void {
    const { width, height, first, pixels } = message;
    const before = this.#frame;
    const same = before?.width === width && before.height === height;
    const frame: Frame = same ? before : { width, height, pixels: new Uint16Array(width * height) };
    frame.pixels.set(pixels, first * width);
    this.#frame = frame;
    this.receivedPixels += pixels.length;
    this.#onFrame({ width, height, pixels: frame.pixels.slice() });
  }
}
