// A terminal as a display, for laptops and ssh: half blocks on the alternate screen. Gives the terminal back at close.
import { DeviceError, type Display, type Frame, type Geometry, type Health } from '../device.ts';
import { createFrameQueue } from './frame-queue.ts';
import {
  halfBlockLines,
  terminalGeometry,
  terminalShowsAll,
  type TerminalSize,
} from './half-blocks.ts';

/** What a terminal display needs of `process.stdout`. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string, done: (error?: Error | null) => void): boolean;
  on(event: 'resize', listener: () => void): unknown;
  off(event: 'resize', listener: () => void): unknown;
}

// xterm's private modes 1049 (alternate screen) and 25 (cursor).
const enter = '\u001b[?1049h\u001b[?25l\u001b[2J';
const leave = '\u001b[0m\u001b[?25h\u001b[?1049l';

export function createTerminalDisplay(output: TerminalOutput): Display {
  return new TerminalDisplay(output);
}

class TerminalDisplay implements Display {
  readonly name = 'display terminal';
  readonly closed: Promise<DeviceError | undefined>;
  readonly #output: TerminalOutput;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #queue = createFrameQueue((frame) => this.#draw(frame));
  readonly #resized = (): void => {
    void this.#end(new DeviceError('disconnected', 'the terminal has another size now'));
  };
  #health: Health = { state: 'opening' };
  #size: TerminalSize | undefined;
  #lines: readonly string[] = [];
  #over = false;
  #lost: DeviceError | undefined;

  constructor(output: TerminalOutput) {
    this.#output = output;
    this.closed = this.#ended.promise;
  }

  get geometry(): Geometry {
    if (this.#size === undefined) throw new DeviceError('canceled', `${this.name} is not open`);
    return terminalGeometry(this.#size);
  }

  async open(signal: AbortSignal): Promise<void> {
    if (signal.aborted || this.#over) {
      throw new DeviceError('canceled', 'opening the terminal was called off');
    }
    const { isTTY, columns = 0, rows = 0 } = this.#output;
    if (isTTY !== true || columns < 1 || rows < 1) {
      throw new DeviceError('not-found', 'the output is no terminal; run it without redirection');
    }
    this.#size = { columns, rows };
    this.#output.on('resize', this.#resized);
    await this.#write(enter);
    const least = terminalGeometry({ columns: 1, rows: 1 });
    this.#health = terminalShowsAll(this.#size)
      ? { state: 'up' }
      : {
          state: 'up',
          detail: `the terminal is ${columns}×${rows}; a QR needs ${least.width}×${least.height / 2}`,
        };
  }

  async close(): Promise<void> {
    await this.#end(undefined);
  }

  health(): Health {
    return this.#health;
  }

  async show(frame: Frame): Promise<void> {
    return this.#queue.show(frame);
  }

  async #draw(frame: Frame): Promise<void> {
    if (this.#over || this.#size === undefined) {
      throw this.#lost ?? new DeviceError('canceled', `${this.name} is closed`);
    }
    const lines = halfBlockLines(frame, this.#size);
    const changed = lines
      .map((line, row) => (line === this.#lines[row] ? '' : `\u001b[${row + 1};1H${line}`))
      .join('');
    this.#lines = lines;
    if (changed !== '') await this.#write(`${changed}\u001b[0m`);
  }

  async #write(text: string): Promise<void> {
    const written = Promise.withResolvers<undefined>();
    this.#output.write(text, (error) => {
      if (error == null) written.resolve(undefined);
      else
        written.reject(new DeviceError('disconnected', 'the terminal is gone', { cause: error }));
    });
    await written.promise;
  }

  async #end(error: DeviceError | undefined): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#lost = error;
    this.#output.off('resize', this.#resized);
    this.#health =
      error === undefined
        ? { state: 'down' }
        : { state: 'down', fault: error.kind, detail: error.message };
    if (this.#size !== undefined) {
      await this.#write(leave).catch(() => undefined); // A terminal that is gone needs no restoring.
    }
    this.#ended.resolve(error);
  }
}
