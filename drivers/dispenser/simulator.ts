// A vend board that is only there for bytes: keeps its orders as a real one does, counts its pulses, and can break.
import type { Socket } from 'node:net';
import type { Clock } from '../../src/lib/clock.ts';
import { createVirtualPort, type VirtualPlace, type VirtualPort } from '../virtual-port.ts';
import { encodeBoardLine, parseHostLine, LineCutter, type BoardLine } from './line-protocol.ts';

/** Orders that the board remembers, the oldest forgotten first. */
const maxRemembered = 64;

export interface VendBoardOptions {
  listen: VirtualPlace;
  clock: Clock;
  /** How long one item takes to fall. */
  pulseMs: number;
  onPulse?: (id: string) => void;
}

export interface VendBoardSimulator {
  /** What to write into `at` of the dispenser. */
  readonly at: string;
  /** Motor pulses of an order, ever. */
  pulses(id: string): number;
  /** The motor stops before the item number `item` (1 = before anything moves); undefined mends it. */
  jamAt(item: number | undefined): void;
  /** A mute board hears and moves, and answers nothing. */
  setMute(mute: boolean): void;
  /** Pulls the cable: the motor runs on. */
  unplug(): Promise<void>;
  plug(): Promise<void>;
  /** The board's own power goes away and comes back: what was running is unknown for ever. */
  cutPower(): void;
  close(): Promise<void>;
}

/** Starts it. @throws Error when the address is taken. */
export async function createVendBoardSimulator(
  options: VendBoardOptions,
): Promise<VendBoardSimulator> {
  const board = new VirtualBoard(options);
  await board.start();
  return board;
}

type Remembered = Exclude<BoardLine, { kind: 'I' }>;

class VirtualBoard implements VendBoardSimulator {
  readonly #options: VendBoardOptions;
  /** Written before the motor moves, and kept through a power cut. */
  readonly #memory = new Map<string, Remembered>();
  readonly #pulses = new Map<string, number>();
  #port: VirtualPort | undefined;
  #running: { id: string; count: number; moved: number } | undefined;
  #cancelMotor: () => void = () => undefined;
  #jamAt: number | undefined;
  #mute = false;

  constructor(options: VendBoardOptions) {
    this.#options = options;
  }

  async start(): Promise<void> {
    this.#port = await createVirtualPort(this.#options.listen, (socket) => {
      this.#connected(socket);
    });
  }

  get at(): string {
    return this.#port?.at ?? '';
  }

  pulses(id: string): number {
    return this.#pulses.get(id) ?? 0;
  }

  jamAt(item: number | undefined): void {
    this.#jamAt = item;
  }

  setMute(mute: boolean): void {
    this.#mute = mute;
  }

  cutPower(): void {
    this.#cancelMotor();
    const id = this.#running?.id;
    this.#running = undefined;
    if (id !== undefined) this.#memory.set(id, { kind: 'U', id });
  }

  async plug(): Promise<void> {
    await this.#port?.plug();
  }

  async unplug(): Promise<void> {
    await this.#port?.unplug();
  }

  async close(): Promise<void> {
    this.#cancelMotor();
    await this.unplug();
  }

  #connected(socket: Socket): void {
    const cutter = new LineCutter();
    socket.on('data', (bytes) => {
      for (const text of cutter.take(bytes)) this.#obey(text);
    });
  }

  #obey(text: string): void {
    const line = parseHostLine(text);
    if (line === undefined) return; // Damaged: the host asks again.
    if (line.kind === 'I') {
      this.#send({ kind: 'I', name: 'simulator' });
      return;
    }
    const { id } = line;
    const known = this.#memory.get(id);
    if (known !== undefined) this.#send(known);
    else if (line.kind === 'Q') this.#send({ kind: 'N', id });
    else if (this.#running !== undefined) this.#send({ kind: 'B', id });
    else this.#start(id, line.count);
  }

  #start(id: string, count: number): void {
    this.#running = { id, count, moved: 0 };
    this.#remember({ kind: 'R', id });
    this.#turn();
  }

  /** One item more, or the end. */
  #turn(): void {
    const job = this.#running;
    if (job === undefined) return;
    const { id, count, moved } = job;
    if (moved < count && moved + 1 !== this.#jamAt) {
      job.moved += 1;
      this.#pulses.set(id, this.pulses(id) + 1);
      this.#options.onPulse?.(id);
      this.#cancelMotor = this.#options.clock.after(this.#options.pulseMs, () => {
        this.#turn();
      });
      return;
    }
    this.#running = undefined;
    this.#remember(moved === count ? { kind: 'D', id } : { kind: 'F', id, moved });
  }

  #remember(line: Remembered): void {
    this.#memory.set(line.id, line);
    const [oldest] = this.#memory.keys();
    if (this.#memory.size > maxRemembered && oldest !== undefined) this.#memory.delete(oldest);
    this.#send(line);
  }

  #send(line: BoardLine): void {
    if (this.#mute) return;
    this.#port?.send(encodeBoardLine(line));
  }
}
