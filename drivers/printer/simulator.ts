// A printer that is only there for bytes: listens like a network printer, answers like one, and shows its paper.
import { createServer, type Server, type Socket } from 'node:net';
import sharp from 'sharp';
import { EscPosInterpreter } from './interpreter.ts';
import type { Sheet } from './paper.ts';
import type { PrinterProfile } from './profiles.ts';

export type { Sheet } from './paper.ts';

export interface PrinterState {
  paper: 'ok' | 'low' | 'out';
  cover: 'closed' | 'open';
  /** Answers nothing, and prints. */
  silent: boolean;
  /** Takes nothing: every transfer is refused, as by a USB printer that answers NAK. */
  nak: boolean;
  cutterJammed: boolean;
}

export interface PrinterSimulatorOptions {
  /** Where it listens: a unix socket's path, or a TCP port of the loopback (0 takes a free one). */
  listen: { path: string } | { port: number };
  profile: PrinterProfile;
  onPaper: (sheet: Sheet) => void;
  /** Bytes have arrived, so many in all, and are not worked off yet: the moment to break something. */
  onBytes?: (received: number) => void;
}

export interface PrinterSimulator {
  /** What to write into `at` of the printer. */
  readonly at: string;
  set(state: Partial<PrinterState>): void;
  /** Bytes that arrived, status requests included. */
  bytesReceived(): number;
  unknownCommands(): number;
  /** Pulls the plug: what is in the cable is lost; what is in the printer stays there. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  close(): Promise<void>;
}

/** A buffer like a real one's, but large: behind it the line stands still. */
const maxHeldBytes = 64 * 1024;

const DLE = 0x10;
const EOT = 0x04;

/** Starts it. @throws Error when the address is taken. */
export async function createPrinterSimulator(
  options: PrinterSimulatorOptions,
): Promise<PrinterSimulator> {
  const printer = new VirtualPrinter(options);
  await printer.plug();
  return printer;
}

class VirtualPrinter implements PrinterSimulator {
  at = '';
  #listen: PrinterSimulatorOptions['listen'];
  readonly #interpreter: EscPosInterpreter;
  readonly #onBytes: (received: number) => void;
  readonly #sockets = new Set<Socket>();
  #state: PrinterState = {
    paper: 'ok',
    cover: 'closed',
    silent: false,
    nak: false,
    cutterJammed: false,
  };
  #server: Server | undefined;
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #received = 0;
  /** The beginning of a DLE EOT n that has not all arrived. */
  #realTime: number[] = [];

  constructor(options: PrinterSimulatorOptions) {
    this.#listen = options.listen;
    this.#onBytes = options.onBytes ?? (() => undefined);
    this.#interpreter = new EscPosInterpreter(options.profile, {
      onSheet: options.onPaper,
      onReply: (byte) => {
        this.#reply(byte);
      },
      fence: () => (this.#state.paper === 'out' ? 0x0c : this.#state.paper === 'low' ? 0x03 : 0),
    });
  }

  set(state: Partial<PrinterState>): void {
    this.#state = { ...this.#state, ...state };
    for (const socket of this.#sockets) this.#flow(socket);
    if (this.#printing()) this.#printHeld();
  }

  bytesReceived(): number {
    return this.#received;
  }

  unknownCommands(): number {
    return this.#interpreter.unknownCommands;
  }

  async plug(): Promise<void> {
    const server = createServer((socket) => {
      this.#connected(socket);
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen({ ...this.#listen, host: '127.0.0.1' }, resolve);
    });
    this.#server = server;
    const address = server.address();
    if (typeof address === 'string') this.at = `unix:${address}`;
    else if (address !== null) {
      this.#listen = { port: address.port }; // Comes back where it was.
      this.at = `tcp:127.0.0.1:${address.port}`;
    }
  }

  async unplug(): Promise<void> {
    const server = this.#server;
    this.#server = undefined;
    for (const socket of this.#sockets) socket.destroy();
    if (server === undefined) return;
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
    });
  }

  async close(): Promise<void> {
    await this.unplug();
  }

  #connected(socket: Socket): void {
    this.#sockets.add(socket);
    this.#flow(socket);
    socket.on('error', () => undefined); // Its `close` follows and is all that matters.
    socket.on('close', () => {
      this.#sockets.delete(socket);
      if (this.#state.nak) this.#drop(); // What was refused was still on the other side of the cable.
    });
    socket.on('data', (bytes) => {
      this.#take(bytes);
      this.#flow(socket);
    });
  }

  #flow(socket: Socket): void {
    if (this.#state.nak || this.#heldBytes > maxHeldBytes) socket.pause();
    else socket.resume();
  }

  /** Real-time requests are answered at once wherever they stand, even inside of a picture, as on a real printer. */
  #take(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#onBytes(this.#received);
    const rest: number[] = [];
    for (const byte of bytes) {
      const begun = this.#realTime;
      if (begun.length === 2 && byte >= 1 && byte <= 4) {
        this.#reply(this.#status(byte));
        this.#realTime = [];
      } else if (begun.length === 1 && byte === EOT) begun.push(byte);
      else {
        rest.push(...begun);
        this.#realTime = byte === DLE ? [byte] : [];
        if (byte !== DLE) rest.push(byte);
      }
    }
    this.#held.push(Uint8Array.from(rest));
    this.#heldBytes += rest.length;
    if (this.#printing()) this.#printHeld();
  }

  #printing(): boolean {
    const { paper, cover, cutterJammed, nak } = this.#state;
    return paper !== 'out' && cover === 'closed' && !cutterJammed && !nak;
  }

  #drop(): void {
    this.#held = [];
    this.#heldBytes = 0;
  }

  #printHeld(): void {
    const held = this.#held;
    this.#drop();
    for (const bytes of held) this.#interpreter.feed(bytes);
    for (const socket of this.#sockets) this.#flow(socket);
  }

  /** The four answers to DLE EOT, with their fixed bits 1 and 4. */
  #status(topic: number): number {
    const { paper, cover, cutterJammed } = this.#state;
    const out = paper === 'out';
    const open = cover === 'open';
    const bits: Record<number, number> = {
      1: this.#printing() ? 0 : 0x08,
      2: (open ? 0x04 : 0) | (out ? 0x20 : 0) | (cutterJammed ? 0x40 : 0),
      3: cutterJammed ? 0x08 : 0,
      4: out ? 0x6c : paper === 'low' ? 0x0c : 0,
    };
    return 0x12 | (bits[topic] ?? 0);
  }

  #reply(byte: number): void {
    if (this.#state.silent) return;
    for (const socket of this.#sockets) socket.write(Uint8Array.of(byte));
  }
}

/** Blank paper left and right of the print, and above and below it, in a picture of a sheet. */
const marginDots = 32;

/** The sheet as a PNG, black on white, with the paper's edges. */
export async function paperPng(sheet: Sheet): Promise<Buffer> {
  const grey = sheet.bitmap.map((dot) => (dot === 1 ? 0 : 255));
  const edge = { top: marginDots, bottom: marginDots, left: marginDots, right: marginDots };
  return sharp(grey, { raw: { width: sheet.widthDots, height: sheet.heightDots, channels: 1 } })
    .extend({ ...edge, background: 'white' })
    .toColourspace('b-w')
    .png()
    .toBuffer();
}
