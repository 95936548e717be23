// The printer of a kiosk that shows its QR on paper, or claim slips: out of paper, unplugged, silent, or printing late. What
// it has printed, customers hold in their hands.
import {
  DeviceError,
  type PrintDocument,
  type Printer,
  type PrintOutcome,
} from '../../drivers/device.ts';
import type { World } from './world.ts';

const usualMs = 1_500;

export class Paper {
  #empty = false;
  #plugged = true;
  readonly #world: World;
  /** A slip came out; with its QR or claim code, if there is one on it. */
  onSlip: (document: PrintDocument) => void = () => undefined;
  onPlug: () => void = () => undefined;

  constructor(world: World) {
    this.#world = world;
  }

  get plugged(): boolean {
    return this.#plugged;
  }

  connection(): Printer | undefined {
    if (!this.#plugged) return undefined;
    return {
      name: 'printer',
      open: () => Promise.resolve(),
      close: () => Promise.resolve(),
      health: () => ({ state: 'up' }),
      closed: new Promise(() => undefined),
      print: (document, signal) => this.#print(document, signal),
      paper: () => this.#ask(),
    };
  }

  /** Somebody comes with a new roll. */
  refill(): void {
    this.#empty = false;
  }

  #ask(): Promise<'ok' | 'out'> {
    if (!this.#plugged) return Promise.reject(new DeviceError('timeout', 'no answer'));
    return Promise.resolve(this.#empty ? 'out' : 'ok');
  }

  #print(document: PrintDocument, signal: AbortSignal): Promise<PrintOutcome> {
    const { clock, draw, faults } = this.#world;
    if (faults.strikes('printer out of paper')) this.#runOut();
    if (faults.strikes('printer unplugged')) this.#unplug();
    const outcome = Promise.withResolvers<PrintOutcome>();
    const silent = faults.strikes('printer silent');
    const late = faults.strikes('printer late') ? draw.between(3_000, 90_000) : 0;
    clock.after(late + draw.between(300, usualMs), () => {
      // What has left for the printer comes out, whatever is wanted by then.
      if (signal.aborted && draw.chance(500)) {
        const error = new DeviceError('canceled', 'voided');
        outcome.resolve({ result: 'failed', error });
      } else if (this.#empty || !this.#plugged) {
        const reason = this.#empty ? { reason: 'paper-out' } : {};
        const error = new DeviceError('hardware', 'nothing was printed', reason);
        outcome.resolve({ result: 'failed', error });
      } else {
        this.onSlip(document);
        outcome.resolve({ result: silent || signal.aborted ? 'unknown' : 'printed' });
      }
    });
    return outcome.promise;
  }

  #runOut(): void {
    this.#empty = true;
    this.#world.say('printer', 'out of paper');
    this.#world.clock.after(this.#world.draw.between(5_000, 60_000), () => {
      this.refill();
    });
  }

  #unplug(): void {
    const { clock, draw } = this.#world;
    this.#plugged = false;
    this.#world.say('printer', 'unplugged');
    this.onPlug();
    clock.after(draw.between(500, 30_000), () => {
      this.#plugged = true;
      this.onPlug();
    });
  }
}
