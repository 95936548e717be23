// A GPIO line as an LED of the kernel, pulsed by its `pattern` trigger: the train ends in the kernel whatever becomes of us.
// A loaded pattern means that a train may be running. It is never overwritten before it must have ended.
import type { Server } from 'node:net';
import { DeviceError } from '../device.ts';
import { wait, type Clock } from '../../src/lib/clock.ts';
import { holdAlone } from './hold.ts';
import { ledFiles, type LedFiles } from './led-files.ts';
import { maxCount } from './line-protocol.ts';
import type { PulseLine, TrainOutcome } from './pulse-line.ts';
import { ledPattern, loadedMs, longestTrainMs, trainMs, type PulseTrain } from './pulse-train.ts';

/** How often the LED is looked at while nothing runs: an unplugged one is to be named within a second. */
const lookMs = 500;

/** A pattern of somebody else that runs longer than any order of ours can is not waited for. */
const longestWaitMs = longestTrainMs(maxCount);

/** Empties the trigger: the timer stops and the line stays as it is. Only for an LED that is off. */
const noPattern = '\n';

export interface LedLineOptions {
  /** Such as `/sys/class/leds/kios-vend`. */
  folder: string;
  clock: Clock;
  /** For tests: the LED's files, and who holds it. */
  files?: LedFiles;
  hold?: (path: string) => Promise<Pick<Server, 'close'>>;
}

export class LedLine implements PulseLine {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #options: LedLineOptions;
  readonly #files: LedFiles;
  #held: Pick<Server, 'close'> | undefined;
  #cancelLook: () => void = () => undefined;
  /** Monotonic; a train that goes on until then has the line. */
  #busyUntilMs = 0;
  #brightness = 1;
  #over = false;

  constructor(options: LedLineOptions) {
    this.#options = options;
    this.#files = options.files ?? ledFiles(options.folder);
    this.name = `led ${options.folder}`;
    this.closed = this.#ended.promise;
  }

  async open(): Promise<void> {
    const { folder, hold = holdAlone } = this.#options;
    this.#check();
    this.#held = await hold(folder);
    const pattern = this.#attempt('pattern', () => this.#files.read('pattern'));
    const runsMs = loadedMs(pattern, this.#files.read('repeat'));
    if (runsMs === undefined || runsMs > longestWaitMs) {
      throw new DeviceError(
        'busy',
        `${folder} blinks for ever: end what does it, then echo pattern > ${folder}/trigger`,
      );
    }
    // An earlier run's train: nobody knows when it began, so it gets its whole length from now.
    this.#busyUntilMs = this.#options.clock.monotonicMs() + runsMs;
    this.#look();
  }

  // eslint-disable-next-line @typescript-eslint/require-await -- the face of a line is asynchronous.
  async close(): Promise<void> {
    this.#end(undefined);
  }

  async run(train: PulseTrain, signal: AbortSignal): Promise<TrainOutcome> {
    const { clock } = this.#options;
    if (this.#over || signal.aborted || clock.monotonicMs() < this.#busyUntilMs) return 'refused';
    try {
      if (this.#isOn()) return 'refused'; // Somebody else has it.
      // Emptied first: writing `repeat` starts whatever is loaded, and a pattern without `repeat` never ends.
      this.#files.write('pattern', noPattern);
      this.#files.write('repeat', String(train.pulses));
      if (!this.#isLoaded('', train.pulses)) return 'refused';
    } catch {
      this.#look(); // It may be gone.
      return 'refused';
    }
    this.#busyUntilMs = clock.monotonicMs() + trainMs(train);
    try {
      this.#files.write('pattern', ledPattern(train, this.#brightness));
    } catch {
      this.#look();
      return 'lost';
    }
    return this.follow(train, signal);
  }

  async follow(train: PulseTrain, signal: AbortSignal): Promise<'made' | 'lost' | 'left'> {
    const { clock } = this.#options;
    if (!this.#stillThere(train)) return 'lost';
    // Again: a timer may be a millisecond early.
    while (clock.monotonicMs() < this.#busyUntilMs && !signal.aborted) {
      await wait(clock, this.#busyUntilMs - clock.monotonicMs(), signal);
    }
    if (signal.aborted) return this.#over ? this.#leftOrLost(train) : 'left';
    if (!this.#stillThere(train) || this.#isOnOrGone()) return 'lost';
    try {
      this.#files.write('pattern', noPattern); // Ended: nobody has to wait for it again.
    } catch {
      this.#look();
    }
    return 'made';
  }

  /** Closed in mid-train: by us, and the train goes on; or because the LED is gone. */
  #leftOrLost(train: PulseTrain): 'left' | 'lost' {
    return this.#stillThere(train) ? 'left' : 'lost';
  }

  /** The kernel still has this very train loaded, so the LED was not taken away meanwhile. */
  #stillThere(train: PulseTrain): boolean {
    try {
      return this.#isLoaded(ledPattern(train, this.#brightness), train.pulses);
    } catch {
      return false;
    }
  }

  #isLoaded(pattern: string, pulses: number): boolean {
    const loaded = this.#files.read('pattern').trim();
    return loaded === pattern && this.#files.read('repeat').trim() === String(pulses);
  }

  #isOn(): boolean {
    return this.#files.read('brightness').trim() !== '0';
  }

  #isOnOrGone(): boolean {
    try {
      return this.#isOn();
    } catch {
      return true;
    }
  }

  /** @throws DeviceError with the sentence that mends it */
  #check(): void {
    const { folder } = this.#options;
    const triggers = this.#attempt('trigger', () => this.#files.read('trigger'));
    if (!triggers.includes('[pattern]')) {
      throw new DeviceError(
        'not-found',
        `${folder}: its trigger is not "pattern"; install the udev rules of systemd/, or echo pattern > ${folder}/trigger`,
      );
    }
    const most = Number(this.#attempt('max_brightness', () => this.#files.read('max_brightness')));
    this.#brightness = Number.isInteger(most) && most > 0 ? most : 1;
  }

  #attempt<T>(name: string, call: () => T): T {
    const { folder } = this.#options;
    try {
      return call();
    } catch (error) {
      const { code = '' } = error as NodeJS.ErrnoException;
      if (code === 'EACCES' || code === 'EPERM' || code === 'EROFS') {
        throw new DeviceError(
          'busy',
          `${folder}/${name}: no permission; install the udev rules of systemd/ (they give pattern and repeat to the group kios)`,
          { cause: error },
        );
      }
      throw new DeviceError(
        'not-found',
        `${folder}/${name}: nothing is there; is dtoverlay=gpio-led,…,label=… in config.txt (docs/wiring.md)?`,
        { cause: error },
      );
    }
  }

  /** The kernel tells nobody that an LED is gone. */
  #look(): void {
    this.#cancelLook();
    if (this.#over) return;
    try {
      this.#check();
    } catch (error) {
      const fault = error as DeviceError;
      this.#end(new DeviceError('disconnected', fault.message, { cause: error }));
      return;
    }
    this.#cancelLook = this.#options.clock.after(lookMs, () => {
      this.#look();
    });
  }

  #end(error: DeviceError | undefined): void {
    if (this.#over) return;
    this.#over = true;
    this.#cancelLook();
    this.#held?.close();
    this.#ended.resolve(error);
  }
}
