// A vend board at the end of any byte port. It moves once for an order, whoever asks how often: the board remembers.
// This side never guesses: no answer is `unknown`, and `failed` means that nothing has moved.
import { DeviceError, type Dispenser, type DispenseOrder } from '../device.ts';
import type { DispenseResult, Health } from '../device.ts';
import type { BytePort } from '../ports.ts';
import type { Clock } from '../../src/lib/clock.ts';
import {
  encodeHostLine,
  isOrder,
  isOrderId,
  maxCount,
  parseBoardLine,
  LineCutter,
} from './line-protocol.ts';
import type { BoardLine, HostLine } from './line-protocol.ts';

/** A board answers within milliseconds; at 9600 baud the two lines take 100 ms. */
const answerTimeoutMs = 500;

/** How often one line is sent before the board counts as mute. Repeating is safe: the board knows the order's id. */
const maxSends = 3;

/**
 * And so often when its line was just opened: where that raises DTR, as it does on most USB adapters, a board of the Arduino
 * kind starts anew and hears nothing for two seconds. Closing and opening again would only start it anew.
 */
const maxOpeningSends = 10;

/** How often a running vend is asked about. */
const askAgainMs = 1000;

/** A coil takes 3 to 8 s to turn; a lift longer. For the whole order, `perItemMs` on top for each item. */
const vendBaseMs = 15_000;
const perItemMs = 10_000;

export interface LineDispenserOptions {
  name: string;
  /** Opens the line. @throws DeviceError */
  connect: (onBytes: (bytes: Uint8Array) => void, signal: AbortSignal) => Promise<BytePort>;
  clock: Clock;
  /** The longest that an order may run. Default 15 s and 10 s an item. */
  vendTimeoutMs?: number;
}

export class LineDispenser implements Dispenser {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #options: LineDispenserOptions;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #gone = new AbortController();
  readonly #cutter = new LineCutter();
  #port: BytePort | undefined;
  #state: Health['state'] = 'opening';
  #waiting: ((line: BoardLine) => boolean) | undefined;
  /** The last line that came while nobody waited: a quick board says "begun" and "done" in one breath. */
  #early: BoardLine | undefined;
  #badLines = 0;
  #busy = false;

  constructor(options: LineDispenserOptions) {
    this.#options = options;
    this.name = options.name;
    this.closed = this.#ended.promise;
  }

  /** Opens the line and makes sure that a board answers on it. */
  async open(signal: AbortSignal): Promise<void> {
    const port = await this.#options.connect((bytes) => {
      this.#take(bytes);
    }, signal);
    void port.closed.then((error) => {
      this.#end(error);
    });
    this.#port = port;
    if (this.#state === 'down') {
      await port.close();
      throw new DeviceError('canceled', `${this.name} was closed while it opened`);
    }
    const answer = await this.#ask({ kind: 'I' }, signal, maxOpeningSends);
    if (answer === undefined) {
      if (signal.aborted) throw new DeviceError('canceled', `opening ${this.name} was called off`);
      throw new DeviceError('timeout', `${this.name}: no vend board answers; check power and plug`);
    }
    this.#state = 'up';
  }

  async close(): Promise<void> {
    this.#end(undefined);
    await this.#port?.close();
  }

  health(): Health {
    if (this.#state !== 'up' || this.#badLines === 0) return { state: this.#state };
    return {
      state: 'up',
      detail: `${this.name}: ${this.#badLines} damaged lines; check the cable`,
    };
  }

  async dispense(order: DispenseOrder, signal: AbortSignal): Promise<DispenseResult | 'never'> {
    const { id, pieces: count } = order;
    if (!isOrder(order)) return 'never';
    if (this.#busy || this.#state !== 'up' || signal.aborted) return 'failed';
    this.#busy = true;
    try {
      const answer = await this.#ask({ kind: 'V', id, count }, signal);
      // Busy with another order: the board refuses and moves nothing.
      if (answer?.kind === 'B') return 'failed';
      return await this.#outcome(id, answer, this.#vendTimeoutMs(count), signal);
    } finally {
      this.#busy = false;
    }
  }

  /** `never` is the board's word: it keeps its last orders through a power cut and this is none of them. */
  async lastResult(id: string, signal: AbortSignal): Promise<DispenseResult | 'never'> {
    if (this.#busy) throw new DeviceError('busy', `${this.name} is dispensing`);
    if (this.#state !== 'up') throw new DeviceError('disconnected', `${this.name} is not open`);
    if (!isOrderId(id)) return 'never'; // No board was ever told such an id.
    this.#busy = true;
    try {
      const answer = await this.#ask({ kind: 'Q', id }, signal);
      if (answer === undefined) {
        const error = this.#silence(signal);
        await this.#fail(error);
        throw error;
      }
      if (answer.kind === 'N') return 'never';
      return await this.#outcome(id, answer, this.#vendTimeoutMs(maxCount), signal);
    } finally {
      this.#busy = false;
    }
  }

  /** Follows an order from the board's first answer to its last. */
  async #outcome(
    id: string,
    first: BoardLine | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<DispenseResult> {
    const { clock } = this.#options;
    const deadlineMs = clock.monotonicMs() + timeoutMs;
    let answer = first;
    while (answer?.kind === 'R') {
      const leftMs = deadlineMs - clock.monotonicMs();
      if (leftMs <= 0) return 'unknown';
      // The board tells the end by itself; asking again finds out when that line was lost.
      const told = await this.#next(id, Math.min(askAgainMs, leftMs), signal);
      if (signal.aborted || this.#state !== 'up') return 'unknown';
      answer = told ?? (await this.#ask({ kind: 'Q', id }, signal));
    }
    if (answer === undefined) await this.#fail(this.#silence(signal));
    if (answer?.kind === 'D') return 'done';
    return answer?.kind === 'F' && answer.moved === 0 ? 'failed' : 'unknown';
  }

  /** Sends a line until its answer comes; undefined when none came. */
  async #ask(
    line: HostLine,
    signal: AbortSignal,
    sends = maxSends,
  ): Promise<BoardLine | undefined> {
    const id = line.kind === 'I' ? undefined : line.id;
    for (let sent = 0; sent < sends && this.#state !== 'down' && !signal.aborted; sent++) {
      this.#early = undefined; // What came before the question is no answer to it.
      const answer = this.#next(id, answerTimeoutMs, signal);
      // A line that is gone says so through `closed`; the answer then times out or is called off.
      void this.#port?.write(encodeHostLine(line)).catch(() => undefined);
      const got = await answer;
      if (got !== undefined) return got;
    }
    return undefined;
  }

  /** The next line about this order (or, without one, the board's name); undefined when none came. */
  async #next(
    id: string | undefined,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<BoardLine | undefined> {
    return new Promise((resolve) => {
      const limit = AbortSignal.any([signal, this.#gone.signal]);
      const settle = (line: BoardLine | undefined): void => {
        cancel();
        limit.removeEventListener('abort', giveUp);
        this.#waiting = undefined;
        resolve(line);
      };
      const giveUp = (): void => {
        settle(undefined);
      };
      const cancel = this.#options.clock.after(timeoutMs, giveUp);
      limit.addEventListener('abort', giveUp, { once: true });
      this.#waiting = (line) => {
        const mine = line.kind === 'I' ? id === undefined : line.id === id;
        if (mine) settle(line);
        return mine;
      };
      if (limit.aborted) giveUp();
      else if (this.#early !== undefined) this.#waiting(this.#early);
      this.#early = undefined;
    });
  }

  #take(bytes: Uint8Array): void {
    for (const text of this.#cutter.take(bytes)) {
      const line = parseBoardLine(text);
      if (line === undefined) this.#badLines += 1;
      else if (this.#waiting?.(line) !== true) this.#early = line;
    }
  }

  /** A board that fell silent is not one to sell with: the line is opened anew, and stays down until it answers. */
  async #fail(error: DeviceError): Promise<void> {
    if (error.kind !== 'timeout') return;
    this.#end(error);
    await this.#port?.close();
  }

  #silence(signal: AbortSignal): DeviceError {
    if (signal.aborted) return new DeviceError('canceled', `${this.name}: called off`);
    if (this.#state !== 'up') return new DeviceError('disconnected', `${this.name} is gone`);
    return new DeviceError('timeout', `${this.name} does not answer`);
  }

  #vendTimeoutMs(count: number): number {
    return this.#options.vendTimeoutMs ?? vendBaseMs + perItemMs * count;
  }

  #end(error: DeviceError | undefined): void {
    this.#state = 'down';
    this.#gone.abort();
    this.#ended.resolve(error);
  }
}
