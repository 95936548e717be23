// A relay as a pulsed wire. Unless the board times its pulses, the timing is ours: then a killed process leaves the relay
// as it is until the next one opens the board, which switches off before anything else (README.md).
import { DeviceError } from '../device.ts';
import { wait, type Clock } from '../../src/lib/clock.ts';
import type { PulseLine, TrainOutcome } from './pulse-line.ts';
import type { PulseTrain } from './pulse-train.ts';
import type { OpenBoard, RelayBoard } from './relay-board.ts';

/** A pulse longer than this and half of itself may have moved one thing more than was paid. */
const lateMs = 50;

export class RelayLine implements PulseLine {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #openBoard: OpenBoard;
  readonly #clock: Clock;
  #board: RelayBoard | undefined;
  #running: Promise<TrainOutcome> | undefined;
  #over = false;

  constructor(name: string, openBoard: OpenBoard, clock: Clock) {
    this.name = name;
    this.#openBoard = openBoard;
    this.#clock = clock;
    this.closed = this.#ended.promise;
  }

  async open(signal: AbortSignal): Promise<void> {
    const board = await this.#openBoard(signal);
    this.#board = board;
    void board.closed.then((error) => {
      this.#end(error);
    });
    await board.off();
    if (this.#over) throw new DeviceError('canceled', `${this.name} was closed while it opened`);
  }

  async close(): Promise<void> {
    this.#end(undefined);
    await this.#running;
    await this.#board?.close();
  }

  async run(train: PulseTrain, signal: AbortSignal): Promise<TrainOutcome> {
    const board = this.#board;
    if (board === undefined || this.#over || signal.aborted || this.#running !== undefined) {
      return 'refused';
    }
    this.#running = this.#pulses(board, train, signal);
    const outcome = await this.#running;
    this.#running = undefined;
    return outcome;
  }

  async #pulses(board: RelayBoard, train: PulseTrain, signal: AbortSignal): Promise<TrainOutcome> {
    try {
      for (let pulse = 0; pulse < train.pulses; pulse++) {
        if (!(await this.#pulse(board, train.pulseMs, signal))) return 'lost';
        await wait(this.#clock, train.gapMs, signal);
      }
      return 'made';
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      await board.off().catch(() => undefined); // What is gone cannot be switched; the next opening does.
      this.#end(error);
      return 'lost';
    }
  }

  /** False: its length was not the one that was ordered. */
  async #pulse(board: RelayBoard, pulseMs: number, signal: AbortSignal): Promise<boolean> {
    const calledOff = (): boolean => signal.aborted;
    if (calledOff()) return false;
    if (board.flash !== undefined) {
      await board.flash(pulseMs);
      await wait(this.#clock, pulseMs, signal); // It ends by itself.
      return !calledOff();
    }
    const beganMs = this.#clock.monotonicMs();
    await board.on?.();
    await wait(this.#clock, pulseMs, signal);
    await board.off();
    const tookMs = this.#clock.monotonicMs() - beganMs;
    return !calledOff() && tookMs <= pulseMs + Math.max(lateMs, pulseMs / 2);
  }

  #end(error: DeviceError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended.resolve(error);
  }
}
