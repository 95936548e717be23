// A dispenser behind one pulsed wire. The order is on the disk before the first pulse and never pulsed twice; without a
// drop sensor `done` means that every pulse went out, which is all that such a wire can know.
import { DeviceError, type Dispenser, type DispenseOrder } from '../device.ts';
import type { DispenseResult, Health } from '../device.ts';
import type { DropSensor } from './drop-sensor.ts';
import { isOrder } from './line-protocol.ts';
import type { OrderMemory, RememberedOrder } from './order-memory.ts';
import type { PulseLine, TrainOutcome } from './pulse-line.ts';
import { trainOf, type PulseShape, type PulseTrain } from './pulse-train.ts';

export interface PulseDispenserOptions {
  line: PulseLine;
  shape: PulseShape;
  /** Without it nothing is known of what an earlier run began. */
  memory?: OrderMemory;
  /** Counts what falls; then `done` means that so many fell. */
  sensor?: DropSensor;
}

export class PulseDispenser implements Dispenser {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly lastResult?: NonNullable<Dispenser['lastResult']>;
  readonly #options: PulseDispenserOptions;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #gone = new AbortController();
  #state: Health['state'] = 'opening';
  /** The order that has the wire. */
  #running: { id: string; result: Promise<DispenseResult> } | undefined;
  #detail: string | undefined;

  constructor(options: PulseDispenserOptions) {
    this.#options = options;
    this.name = `dispenser ${options.line.name}`;
    this.closed = this.#ended.promise;
    const { memory } = options;
    if (memory === undefined) return;
    this.lastResult = async (id, signal) => this.#lastResult(memory, id, signal);
  }

  async open(signal: AbortSignal): Promise<void> {
    const { line, sensor, memory } = this.#options;
    await memory?.load();
    for (const part of [sensor, line]) {
      if (part === undefined) continue;
      await part.open(signal);
      void part.closed.then((error) => {
        this.#end(error);
      });
    }
    if (this.#gone.signal.aborted || signal.aborted) {
      await this.close();
      throw new DeviceError('canceled', `opening ${this.name} was called off`);
    }
    this.#state = 'up';
  }

  async close(): Promise<void> {
    this.#end(undefined);
    await this.#running?.result;
    await this.#options.line.close();
    await this.#options.sensor?.close();
  }

  health(): Health {
    if (this.#state !== 'up' || this.#detail === undefined) return { state: this.#state };
    return { state: 'up', detail: this.#detail };
  }

  async dispense(order: DispenseOrder, signal: AbortSignal): Promise<DispenseResult | 'never'> {
    const { shape, memory } = this.#options;
    const { id, pieces } = order;
    if (!isOrder(order)) return 'never';
    if (this.#state !== 'up' || signal.aborted || this.#running !== undefined) return 'failed';
    if (memory?.find(id) !== undefined) {
      const known = await this.#lastResult(memory, id, signal);
      return known === 'never' ? 'unknown' : known;
    }
    return this.#hold(id, this.#begin(id, pieces, trainOf(shape, pieces), signal));
  }

  /** Nobody else gets the wire until this order is over. */
  async #hold(id: string, result: Promise<DispenseResult>): Promise<DispenseResult> {
    this.#running = { id, result };
    try {
      return await result;
    } finally {
      this.#running = undefined;
    }
  }

  async #begin(
    id: string,
    items: number,
    train: PulseTrain,
    signal: AbortSignal,
  ): Promise<DispenseResult> {
    const { line, memory, sensor } = this.#options;
    try {
      await memory?.put({ id, result: 'running', bootId: memory.bootId, train });
    } catch (error) {
      if (!(error instanceof DeviceError)) throw error;
      this.#detail = error.message;
      return 'failed';
    }
    const limit = AbortSignal.any([signal, this.#gone.signal]);
    const drops = sensor?.watch();
    try {
      const outcome = await line.run(train, limit);
      const result =
        outcome === 'made' && drops !== undefined
          ? this.#counted(await drops.until(items, limit), items)
          : resultOf[outcome];
      // What was left runs on: its end is found out later.
      if (outcome !== 'left') await this.#remember(id, result, train);
      return result;
    } finally {
      drops?.end();
    }
  }

  #counted(fell: number, items: number): DispenseResult {
    this.#detail =
      fell === items ? undefined : `${this.name}: ${fell} pieces fell for ${items} paid ones`;
    // Nothing seen may be a blind sensor: goods and money could both leave if that were called failed.
    return fell >= items ? 'done' : 'unknown';
  }

  /** The result stands whether it can be written or not; without it the next run asks the wire. */
  async #remember(id: string, result: DispenseResult, train: PulseTrain): Promise<void> {
    const { memory } = this.#options;
    if (memory === undefined) return;
    await memory.put({ id, result, bootId: memory.bootId, train }).catch((error: unknown) => {
      if (!(error instanceof DeviceError)) throw error;
      this.#detail = error.message;
    });
  }

  async #lastResult(
    memory: OrderMemory,
    id: string,
    signal: AbortSignal,
  ): Promise<DispenseResult | 'never'> {
    if (this.#running?.id === id) return this.#running.result;
    if (this.#running !== undefined) throw new DeviceError('busy', `${this.name} is dispensing`);
    if (this.#state !== 'up') throw new DeviceError('disconnected', `${this.name} is not open`);
    const order = memory.find(id);
    if (order === undefined) return memory.known ? 'never' : 'unknown';
    if (order.result !== 'running') return order.result;
    return this.#hold(id, this.#follow(order, memory, signal));
  }

  /** An order of an earlier run, or one that we were called off from. */
  async #follow(
    order: RememberedOrder,
    memory: OrderMemory,
    signal: AbortSignal,
  ): Promise<DispenseResult> {
    const { line, sensor } = this.#options;
    let outcome: TrainOutcome = 'lost';
    if (line.follow !== undefined && order.bootId === memory.bootId) {
      outcome = await line.follow(order.train, AbortSignal.any([signal, this.#gone.signal]));
    }
    // Whatever fell meanwhile, nobody has counted it.
    const result = sensor === undefined ? resultOf[outcome] : 'unknown';
    if (outcome !== 'left') await this.#remember(order.id, result, order.train);
    return result;
  }

  #end(error: DeviceError | undefined): void {
    if (this.#state === 'down') return;
    this.#state = 'down';
    this.#gone.abort();
    this.#ended.resolve(error);
  }
}

const resultOf: Readonly<Record<TrainOutcome, DispenseResult>> = {
  made: 'done',
  refused: 'failed',
  lost: 'unknown',
  left: 'unknown',
};
