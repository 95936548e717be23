// The listening end of `page:`: a screen that is only there for bytes, for tests and for the bench's page.
import type { Socket } from 'node:net';
import type { Frame, Geometry } from '../device.ts';
import { createVirtualPort, type VirtualPlace, type VirtualPort } from '../virtual-port.ts';
import { createRowsDecoder, encodeGeometry, type RowsMessage } from './page-codec.ts';

export interface DisplaySimulatorOptions {
  listen: VirtualPlace;
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
  await simulator.start(options.listen);
  return simulator;
}

class PageSimulator implements DisplaySimulator {
  receivedPixels = 0;
  faults = 0;
  readonly #onFrame: (frame: Frame) => void;
  #geometry: Geometry;
  #port: VirtualPort | undefined;
  #socket: Socket | undefined;
  #frame: Frame | undefined;

  constructor(options: DisplaySimulatorOptions) {
    this.#geometry = options.geometry;
    this.#onFrame = options.onFrame ?? (() => undefined);
  }

  async start(listen: VirtualPlace): Promise<void> {
    this.#port = await createVirtualPort(listen, (socket) => {
      this.#accept(socket);
    });
  }

  get at(): string {
    return `page:${this.#port?.at ?? ''}`;
  }

  frame(): Frame | undefined {
    return this.#frame && { ...this.#frame, pixels: this.#frame.pixels.slice() };
  }

  resize(geometry: Geometry): void {
    this.#geometry = geometry;
    this.#socket?.write(encodeGeometry(geometry));
  }

  async plug(): Promise<void> {
    await this.#port?.plug();
  }

  async unplug(): Promise<void> {
    await this.#port?.unplug();
  }

  #accept(socket: Socket): void {
    // One kiosk has the screen: the newest one, as after its restart.
    this.#socket?.destroy();
    this.#socket = socket;
    this.#frame = undefined;
    const decoder = createRowsDecoder();
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
