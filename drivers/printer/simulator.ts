// A printer that is only there for bytes: listens like a network printer, answers like one, and shows its paper.
import type { Socket } from 'node:net';
import sharp from 'sharp';
import { systemClock } from '../../src/lib/clock.ts';
import { createVirtualPort, type VirtualPlace, type VirtualPort } from '../virtual-port.ts';
import { EscPosInterpreter } from './interpreter.ts';
import type { Sheet } from './paper.ts';
import type { PrinterProfile } from './profiles.ts';
import { clearAnswer, clearRequest } from './status.ts';

export type { Sheet } from './paper.ts';

/** Questions that a printer may know; `clear` is DLE DC4 8. */
const questions = ['dle-eot', 'asb', 'gs-r', 'clear'] as const;
export type Question = (typeof questions)[number];

export interface PrinterState {
  paper: 'ok' | 'low' | 'out';
  cover: 'closed' | 'open';
  /** Answers nothing, and prints. */
  silent: boolean;
  /** The questions that it knows; it prints nothing of the others. */
  knows: readonly Question[];
  /** Each answer comes so much later. */
  lateMs: number;
  /** How many bytes more it works off before its paper ends, in the middle of a slip. */
  paperBytes: number;
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
/** The real-time commands that it looks for, without the operand of DLE EOT. */
const realTime = [[DLE, 0x04], [...clearRequest]] as const;

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
    knows: questions,
    lateMs: 0,
    paperBytes: Infinity,
    nak: false,
    cutterJammed: false,
  };
  #held: Uint8Array = new Uint8Array();
  #received = 0;
  /** The beginning of a real-time command that has not all arrived. */
  #realTime: number[] = [];

  constructor(options: PrinterSimulatorOptions) {
    this.#onBytes = options.onBytes ?? (() => undefined);
    this.#interpreter = new EscPosInterpreter(options.profile, {
      onSheet: options.onPaper,
      onQuestion: (question) => {
        this.#reply(question, question === 'asb' ? this.#asb() : [this.#paper()]);
      },
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
      if (this.#state.nak) this.#held = new Uint8Array(); // What was refused was on the other side of the cable.
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
    if (this.#state.nak || this.#held.length > maxHeldBytes) socket.pause();
    else socket.resume();
  }

  /** Real-time requests are answered at once wherever they stand, even inside of a picture, as on a real printer. */
  #take(bytes: Uint8Array): void {
    this.#received += bytes.length;
    this.#onBytes(this.#received);
    let rest: number[] = [];
    for (const byte of bytes) {
      const begun = [...this.#realTime, byte];
      this.#realTime = [];
      if (begun.length === 3 && begun[1] === realTime[0][1] && byte >= 1 && byte <= 4) {
        this.#reply('dle-eot', [this.#status(byte)]);
      } else if (begun.join() === realTime[1].join() && this.#state.knows.includes('clear')) {
        rest = [];
        this.#drop();
        this.#reply('clear', clearAnswer);
      } else if (realTime.some((command) => begins(command, begun))) this.#realTime = begun;
      else {
        rest.push(...begun.slice(0, -1));
        if (byte === DLE) this.#realTime = [byte];
        else rest.push(byte);
      }
    }
    this.#held = Buffer.concat([this.#held, Uint8Array.from(rest)]);
    if (this.#printing()) this.#printHeld();
  }

  #printing(): boolean {
    const { paper, cover, cutterJammed, nak } = this.#state;
    return paper !== 'out' && cover === 'closed' && !cutterJammed && !nak;
  }

  #drop(): void {
    this.#held = new Uint8Array();
    this.#interpreter.forget();
  }

  #printHeld(): void {
    const { paperBytes } = this.#state;
    const now = this.#held.subarray(0, paperBytes);
    this.#held = this.#held.slice(now.length);
    const over = now.length === paperBytes;
    const left = over ? Infinity : paperBytes - now.length;
    this.#state = { ...this.#state, paperBytes: left, ...(over ? { paper: 'out' } : {}) };
    this.#interpreter.feed(now);
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

  /** The answer to GS r 1, and the third byte of an automatic status. */
  #paper(): number {
    return { out: 0x0c, low: 0x03, ok: 0 }[this.#state.paper];
  }

  #asb(): number[] {
    const { cover, cutterJammed } = this.#state;
    const printer = 0x10 | (this.#printing() ? 0 : 0x08) | (cover === 'open' ? 0x20 : 0);
    return [printer, cutterJammed ? 0x08 : 0, this.#paper(), 0x0f];
  }

  #reply(question: Question, answer: readonly number[]): void {
    const { silent, knows, lateMs } = this.#state;
    if (silent || !knows.includes(question)) return;
    const send = (): void => void this.#port?.send(Uint8Array.from(answer));
    if (lateMs === 0) send();
    else systemClock.after(lateMs, send);
  }
}

function begins(command: readonly number[], bytes: readonly number[]): boolean {
  return bytes.length < command.length + 1 && bytes.every((byte, i) => byte === command[i]);
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
