// A GPIO line pulsed by `gpioset`, where there is no LED trigger. It is switched off behind every pulse; a kill in the middle of
// one is ended by the chip, so one that keeps a given back line on, or may, is refused at the opening.
import type { ChildProcess } from 'node:child_process';
import { DeviceError } from '../device.ts';
import { wait, type Clock } from '../../src/lib/clock.ts';
import { gpioOffArgs, gpiosetCalls, type GpioPlace, type ToolVersion } from './gpio-tools.ts';
import type { PulseLine, TrainOutcome } from './pulse-line.ts';
import { trainMs, type PulseTrain } from './pulse-train.ts';
import { checkRelease, findChip, startTool, type ToolPlaces } from './tool.ts';

/** A tool that runs so much longer than its train has hung. */
const lateMs = 2000;

const never = new AbortController().signal;

export interface GpiosetLineOptions {
  place: GpioPlace;
  activeLow: boolean;
  /** The operator has tried that a released line goes off. */
  releases: boolean;
  clock: Clock;
  places?: ToolPlaces;
}

export class GpiosetLine implements PulseLine {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #options: GpiosetLineOptions;
  #found: { version: ToolVersion; chip: string; off: string[] } | undefined;
  #child: ChildProcess | undefined;
  #over = false;

  constructor(options: GpiosetLineOptions) {
    this.#options = options;
    this.name = `gpio ${options.place.label}/${options.place.offset}`;
    this.closed = this.#ended.promise;
  }

  async open(signal: AbortSignal): Promise<void> {
    const { place, places, releases, activeLow } = this.#options;
    const { version, chip } = await findChip(place, places);
    await checkRelease(place, releases, places);
    const off = gpioOffArgs(version, { chip, offset: place.offset, activeLow });
    // An earlier run may have left it on; and whoever else has the line is told now, not at the first order.
    const fault = await this.#call(off, lateMs, signal);
    if (fault !== undefined) throw fault;
    this.#found = { version, chip, off };
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the face of a line is asynchronous.
  async close(): Promise<void> {
    this.#end(undefined);
    this.#child?.kill('SIGKILL');
  }

  async run(train: PulseTrain, signal: AbortSignal): Promise<TrainOutcome> {
    const calledOff = (): boolean => signal.aborted;
    if (this.#found === undefined || this.#over || this.#child !== undefined || calledOff()) {
      return 'refused';
    }
    const { version, chip, off } = this.#found;
    const { place, activeLow, clock } = this.#options;
    const line = { chip, offset: place.offset, activeLow };
    for (const call of gpiosetCalls(version, line, train)) {
      const fault = await this.#call(call.args, trainMs(train) + lateMs, signal);
      if (fault !== undefined) {
        await this.#call(off, lateMs, never); // It may have been killed while the line was on.
        this.#end(fault);
        return 'lost';
      }
      await wait(clock, call.gapMs, signal);
    }
    return calledOff() ? 'lost' : 'made';
  }

  async #call(
    args: string[],
    longestMs: number,
    signal: AbortSignal,
  ): Promise<DeviceError | undefined> {
    const { clock, places } = this.#options;
    if (signal.aborted) return new DeviceError('canceled', `${this.name}: called off`);
    const { child, ended } = startTool('gpioset', args, places);
    this.#child = child;
    const stop = (): void => void child.kill('SIGKILL');
    const cancel = clock.after(longestMs, stop);
    signal.addEventListener('abort', stop, { once: true });
    const { status, output } = await ended;
    signal.removeEventListener('abort', stop);
    cancel();
    this.#child = undefined;
    if (status === 0) return undefined;
    return new DeviceError(
      'hardware',
      `${this.name}: gpioset ended with ${status ?? 'nothing'}: ${output.trim().slice(0, 200)}`,
    );
  }

  #end(error: DeviceError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#ended.resolve(error);
  }
}
