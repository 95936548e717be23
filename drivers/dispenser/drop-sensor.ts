// A light barrier or a switch below the goods: counts what falls, by `gpiomon`. What it does not see it never makes up.
import type { ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { DeviceError } from '../device.ts';
import { wait, type Clock } from '../../src/lib/clock.ts';
import { gpiomonArgs, isBanner, parseEdgeMs, type Edge, type GpioPlace } from './gpio-tools.ts';
import { findChip, startTool, type Ended, type ToolPlaces } from './tool.ts';

/** Edges closer than this are one thing that bounces. */
const bounceMs = 20;

/** gpiomon 1.x does not say when it listens; after this it does. */
const settleMs = 500;

/** Of what gpiomon says when it ends. */
const maxToldChars = 200;

export interface DropSensorOptions {
  place: GpioPlace;
  edge: Edge;
  /** How long after the last pulse a piece may still fall. */
  dropMs: number;
  clock: Clock;
  places?: ToolPlaces;
}

/** Counts from its making on. */
export interface Drops {
  /** Waits until so many fell, at most `dropMs`; answers how many did. */
  until(count: number, signal: AbortSignal): Promise<number>;
  end(): void;
}

export class DropSensor {
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #options: DropSensorOptions;
  readonly #name: string;
  #child: ChildProcess | undefined;
  #gone: Promise<Ended> | undefined;
  #lastMs = -Infinity;
  #onDrop: () => void = () => undefined;
  #over = false;

  constructor(options: DropSensorOptions) {
    this.#options = options;
    this.#name = `drop sensor ${options.place.label}/${options.place.offset}`;
    this.closed = this.#ended.promise;
  }

  /** Resolves when it listens. @throws DeviceError */
  async open(signal: AbortSignal): Promise<void> {
    const { place, edge, clock, places } = this.#options;
    const { version, chip } = await findChip(place, places);
    if (this.#over) throw new DeviceError('canceled', `${this.#name} was closed while it opened`);
    // stdbuf: into a pipe, gpiomon would keep its lines until they fill a block.
    const args = ['-oL', 'gpiomon', ...gpiomonArgs(version, { ...place, chip, edge })];
    const { child, ended } = startTool('stdbuf', args, places);
    this.#child = child;
    this.#gone = ended;
    const listens = Promise.withResolvers<DeviceError | undefined>();
    if (child.stdout !== null) {
      createInterface({ input: child.stdout }).on('line', (line) => {
        if (isBanner(line)) listens.resolve(undefined);
        else this.#edge(parseEdgeMs(line));
      });
    }
    void ended.then(({ output }) => {
      const fault = new DeviceError(
        'disconnected',
        `${this.#name} ended: ${output.trim().slice(-maxToldChars)}`,
      );
      listens.resolve(fault);
      this.#end(fault);
    });
    if (version === 1) {
      void wait(clock, settleMs, signal).then(() => {
        listens.resolve(undefined);
      });
    }
    const fault = await listens.promise;
    if (fault !== undefined) throw fault;
  }

  async close(): Promise<void> {
    this.#end(undefined);
    this.#child?.kill('SIGKILL');
    await this.#gone;
  }

  watch(): Drops {
    const { clock, dropMs } = this.#options;
    let fell = 0;
    let heard: () => void = () => undefined;
    this.#onDrop = () => {
      fell += 1;
      heard();
    };
    return {
      until: async (count, signal) => {
        const enough = new AbortController();
        heard = () => {
          if (fell >= count) enough.abort();
        };
        heard();
        await wait(clock, dropMs, AbortSignal.any([signal, enough.signal]));
        return fell;
      },
      end: () => {
        this.#onDrop = () => undefined;
      },
    };
  }

  #edge(atMs: number | undefined): void {
    if (atMs === undefined) return;
    const bounced = atMs - this.#lastMs < bounceMs;
    this.#lastMs = atMs;
    if (!bounced) this.#onDrop();
  }

  #end(error: DeviceError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended.resolve(error);
  }
}
