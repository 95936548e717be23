// No dispenser: goods are handed over by a person, or a door is never locked. Every order is done at once.
import type { DeviceError, Dispenser, DispenseResult, Health } from '../device.ts';

export function createNoDispenser(): Dispenser {
  return new NoDispenser();
}

class NoDispenser implements Dispenser {
  readonly name = 'dispenser none';
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  #state: Health['state'] = 'opening';

  constructor() {
    this.closed = this.#ended.promise;
  }

  async open(): Promise<void> {
    this.#state = 'up';
    return Promise.resolve();
  }

  async close(): Promise<void> {
    this.#state = 'down';
    this.#ended.resolve(undefined);
    return Promise.resolve();
  }

  health(): Health {
    return { state: this.#state };
  }

  async dispense(): Promise<DispenseResult> {
    return Promise.resolve(this.#state === 'up' ? 'done' : 'failed');
  }
}
