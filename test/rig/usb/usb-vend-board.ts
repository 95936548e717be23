// A vend board with a USB socket of its own: a serial line around the board's simulator, which is its motor and memory.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import {
  createVendBoardSimulator,
  type VendBoardSimulator,
} from '../../../drivers/dispenser/simulator.ts';
import { systemClock } from '../../../src/lib/clock.ts';
import { UsbSerial } from './usb-serial.ts';

export class UsbVendBoard {
  readonly #board: VendBoardSimulator;
  readonly #at: string;
  readonly #line: UsbSerial;
  #socket: Socket | undefined;
  /** The order of each pulse of its motor, in their order. */
  readonly pulses: string[];

  private constructor(board: VendBoardSimulator, at: string, pulses: string[]) {
    this.#board = board;
    this.#at = at;
    this.pulses = pulses;
    this.#line = new UsbSerial(
      { vendor: 0x2341, product: 0x0043, name: 'Vend Board' },
      {
        onBytes: (bytes) => this.#socket?.write(bytes),
        onUnplugged: () => this.#socket?.destroy(),
      },
    );
  }

  /** @param path where its motor's side listens; a free one  @param pulseMs how long one item takes to fall */
  static async create(path: string, pulseMs: number): Promise<UsbVendBoard> {
    const pulses: string[] = [];
    const board = await createVendBoardSimulator({
      ...{ listen: { path }, clock: systemClock, pulseMs },
      onPulse: (id) => void pulses.push(id),
    });
    return new UsbVendBoard(board, path, pulses);
  }

  async plug(port: string): Promise<void> {
    const socket = connect(this.#at);
    socket.on('error', () => undefined);
    socket.on('data', (bytes) => {
      this.#line.send(bytes);
    });
    await once(socket, 'connect');
    this.#socket = socket;
    await this.#line.device.plug(port);
  }

  /** Its power is its own: the motor runs on. */
  async unplug(): Promise<void> {
    await this.#line.device.unplug();
  }

  async end(): Promise<void> {
    await this.unplug();
    await this.#board.close();
  }
}
