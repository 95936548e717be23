// A printer that is only there for bytes: listens like a network printer, answers like one, and shows its paper.
import type { Socket } from 'node:net';
import sharp from 'sharp';
import { createVirtualPort, type VirtualPlace, type VirtualPort } from '../virtual-port.ts';
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
  listen: VirtualPlace;
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
  await printer.start(options.listen);
  return printer;
}

class VirtualPrinter implements PrinterSimulator {
  readonly #interpreter: EscPosInterpreter;
  readonly #onBytes: (received: number) => void;
  #port: VirtualPort | undefined;
  #state: PrinterState = {
    paper: 'ok',
    cover: 'closed',
    silent: false,
    nak: false,
    cutterJammed: false,
  };
  #held: Uint8Array[] = [];
  #heldBytes = 0;
  #received = 0;
  /** The beginning of a DLE EOT n that has not all arrived. */
  #realTime: number[] = [];

  constructor(options: PrinterSimulatorOptions) {
    this.#onBytes = options.onBytes ?? (() => undefined);
    this.#interpreter = new EscPosInterpreter(options.profile, {
      onSheet: options.onPaper,
      onReply: (byte) => {
        this.#reply(byte);
      },
      fence: () => (this.#state.paper === 'out' ? 0x0c : this.#state.paper === 'low' ? 0x03 : 0),
    });
  }

  async start(listen: VirtualPlace): Promise<void> {
    this.#port = await createVirtualPort(listen, (socket) => {
      this.#connected(socket);
    });
  }

  get at(): string {
    return this.#port?.at ?? '';
  }

  set(state: Partial<PrinterState>): void {
    this.#state = { ...this.#state, ...state };
    this.#flowAll();
    if (this.#printing()) this.#printHeld();
  }

  bytesReceived(): number {
    return this.#received;
  }

  unknownCommands(): number {
    return this.#interpreter.unknownCommands;
  }

  async plug(): Promise<void> {
    await this.#port?.plug();
  }

  async unplug(): Promise<void> {
    await this.#port?.unplug();
  }

  async close(): Promise<void> {
    await this.unplug();
  }

  #connected(socket: Socket): void {
    this.#flow(socket);
    socket.on('close', () => {
      if (this.#state.nak) this.#drop(); // What was refused was still on the other side of the cable.
    });
    socket.on('data', (bytes) => {
      this.#take(bytes);
      this.#flow(socket);
    });
  }

  #flowAll(): void {
    for (const socket of this.#port?.sockets ?? []) this.#flow(socket);
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
    this.#flowAll();
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
    this.#port?.send(Uint8Array.of(byte));
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
