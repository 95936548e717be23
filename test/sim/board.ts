// The dispenser's board: it outlives the kiosk, counts every pulse by sale, and may remember what became of an order.
import {
  DeviceError,
  type Dispenser,
  type DispenseOrder,
  type DispenseResult,
} from '../../drivers/device.ts';
import type { World } from './world.ts';

/** The driver waits this long for the board's answer. */
const answerMs = 5_000;

export class Board {
  plugged = true;
  readonly pulses: Map<string, number>;
  readonly #world: World;
  readonly #onPulse: (saleId: string, pieces: number) => void;
  /** The cable went out, or is in again. */
  onPlug: () => void = () => undefined;
  readonly #results = new Map<string, DispenseResult | 'moving'>();
  /** Some boards cannot say what they did. */
  readonly #remembers: boolean;

  /** `pulses`: where they are counted. */
  constructor(
    world: World,
    pulses: Map<string, number>,
    onPulse: (saleId: string, pieces: number) => void,
  ) {
    this.#world = world;
    this.pulses = pulses;
    this.#onPulse = onPulse;
    this.#remembers = world.draw.chance(700);
  }

  /** The connection to it, if it is plugged in. */
  connection(): Dispenser | undefined {
    if (!this.plugged) return undefined;
    return {
      name: 'board',
      open: () => Promise.resolve(),
      close: () => Promise.resolve(),
      health: () => ({ state: 'up' }),
      closed: new Promise(() => undefined),
      dispense: (order) => this.#dispense(order),
      ...(this.#remembers ? { lastResult: (id: string) => this.#lastResult(id) } : {}),
    };
  }

  /** The order is with the board at once; its answer may never come. */
  #dispense({ id: saleId, pieces }: DispenseOrder): Promise<DispenseResult> {
    const { clock, draw, faults } = this.#world;
    const answer = Promise.withResolvers<DispenseResult>();
    const fails = faults.strikes('board fails');
    const mute = faults.strikes('board mute');
    const unplugged = faults.strikes('board unplugged');
    const movesMs = draw.between(200, 4_000);
    this.#results.set(saleId, 'moving');
    this.#world.say('board', `order ${saleId}`);
    clock.after(movesMs, () => {
      if (!fails) this.#pulse(saleId, pieces);
      const result = fails ? 'failed' : 'done';
      this.#results.set(saleId, result);
      if (!mute && this.plugged) answer.resolve(result);
    });
    if (unplugged) {
      clock.after(draw.between(0, movesMs), () => {
        this.#unplug();
        answer.resolve('unknown');
      });
    }
    clock.after(answerMs, () => {
      answer.resolve('unknown');
    });
    return answer.promise;
  }

  #pulse(saleId: string, pieces: number): void {
    this.pulses.set(saleId, (this.pulses.get(saleId) ?? 0) + 1);
    this.#world.count.pulses++;
    this.#world.say('board', `pulse ${saleId}`);
    this.#onPulse(saleId, pieces);
  }

  #unplug(): void {
    const { clock, draw } = this.#world;
    this.plugged = false;
    this.#world.say('board', 'unplugged');
    this.onPlug();
    clock.after(draw.between(500, 30_000), () => {
      this.plugged = true;
      this.onPlug();
    });
  }

  async #lastResult(saleId: string): Promise<DispenseResult | 'never'> {
    await Promise.resolve();
    const result = this.#results.get(saleId);
    if (!this.plugged || result === 'moving') throw new DeviceError('timeout', 'no answer');
    return result ?? 'never';
  }
}
