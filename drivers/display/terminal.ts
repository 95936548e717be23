// A terminal as a display, for laptops and ssh: half blocks on the alternate screen. Gives the terminal back at close.
// It never waits for a terminal that nobody reads: the whole daemon would stand still with it.
import assert from 'node:assert/strict';
import { DeviceError, type Display, type Frame, type Geometry, type Health } from '../device.ts';
import { FilePort, openDeviceFile } from '../file-port.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { createFrameQueue } from './frame-queue.ts';
import { halfBlockLines, qrTerminal, terminalGeometry, type TerminalSize } from './half-blocks.ts';

/** What a terminal display asks of `process.stdout`; it writes past it. */
export interface TerminalOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  on(event: 'resize' | 'error', listener: () => void): unknown;
  off(event: 'resize' | 'error', listener: () => void): unknown;
}

/** Writes to the terminal without waiting for it. */
export type TerminalLine = Pick<FilePort, 'write' | 'close' | 'closed'>;

export interface TerminalOptions {
  output: TerminalOutput;
  clock: Clock;
  /** Opens the terminal for writing. @throws DeviceError */
  openLine?: () => TerminalLine;
}

/** A terminal that takes nothing for so long has nobody before it. */
const writeTimeoutMs = 2000;

// xterm's private modes 1049 (alternate screen) and 25 (cursor).
const enter = '\u001b[?1049h\u001b[?25l\u001b[2J';
const leave = '\u001b[0m\u001b[?25h\u001b[?1049l';

export function createTerminalDisplay(options: TerminalOptions): Display {
  return new TerminalDisplay(options);
}

/**
 * Standard output once more, as an opening of its own: the kernel keeps O_NONBLOCK an opening, and Node sets the one
 * that it has to wait. By this name, because a process in a session of its own has no /dev/tty.
 */
function openStandardOutput(clock: Clock): TerminalLine {
  const path = '/proc/self/fd/1';
  return new FilePort(openDeviceFile(path, 'write'), path, clock, () => undefined);
}

class TerminalDisplay implements Display {
  readonly name = 'display terminal';
  readonly closed: Promise<DeviceError | undefined>;
  readonly #output: TerminalOutput;
  readonly #clock: Clock;
  readonly #openLine: () => TerminalLine;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #queue = createFrameQueue<Frame>((frame) => this.#draw(frame));
  readonly #resized = (): void => {
    void this.#end(new DeviceError('disconnected', 'the terminal has another size now'));
  };
  readonly #gone = (): void => {
    void this.#end(new DeviceError('disconnected', 'the terminal is gone'));
  };
  #health: Health = { state: 'opening' };
  #line: TerminalLine | undefined;
  #size: TerminalSize | undefined;
  #lines: readonly string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #over = false;
  #lost: DeviceError | undefined;

  constructor({ output, clock, openLine }: TerminalOptions) {
    this.#output = output;
    this.#clock = clock;
    this.#openLine = openLine ?? (() => openStandardOutput(clock));
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
    const line = this.#openLine();
    this.#line = line;
    void line.closed.then((error) => {
      if (error !== undefined) this.#gone();
    });
    this.#size = { columns, rows };
    this.#output.on('resize', this.#resized);
    this.#output.on('error', this.#gone);
    await this.#write(line, enter);
    const small = columns < qrTerminal.columns || rows < qrTerminal.rows;
    const need = `a QR needs ${qrTerminal.columns}×${qrTerminal.rows}`;
    this.#health = small
      ? { state: 'up', detail: `the terminal is ${columns}×${rows}; ${need}` }
      : { state: 'up' };
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
    const line = this.#line;
    if (this.#over || line === undefined) {
      throw this.#lost ?? new DeviceError('canceled', `${this.name} is closed`);
    }
    const { width, height } = this.geometry;
    assert(frame.width === width && frame.height === height, 'a frame of another size');
    const lines = halfBlockLines(frame);
    const changed = lines
      .map((text, row) => (text === this.#lines[row] ? '' : `\u001b[${row + 1};1H${text}`))
      .join('');
    this.#lines = lines;
    if (changed !== '') await this.#write(line, `${changed}\u001b[0m`);
  }

  /** @throws DeviceError `timeout`, and the display is over: nobody knows how much of the text arrived. */
  async #write(line: TerminalLine, text: string): Promise<void> {
    const cancelLimit = this.#clock.after(writeTimeoutMs, () => {
      void this.#end(new DeviceError('timeout', 'the terminal takes nothing; nobody reads it'));
    });
    this.#writing = line.write(encode(text));
    try {
      await this.#writing;
    } catch (error) {
      throw this.#lost ?? error;
    } finally {
      cancelLimit();
    }
  }

  async #end(error: DeviceError | undefined): Promise<void> {
    if (this.#over) return;
    this.#over = true;
    this.#lost = error;
    this.#output.off('resize', this.#resized);
    this.#output.off('error', this.#gone);
    this.#health =
      error === undefined
        ? { state: 'down' }
        : { state: 'down', fault: error.kind, detail: error.message };
    await this.#giveBack(error?.kind === 'timeout');
    this.#ended.resolve(error);
  }

  async #giveBack(standsStill: boolean): Promise<void> {
    const line = this.#line;
    if (line === undefined) return;
    if (!standsStill) {
      const cancelLimit = this.#clock.after(writeTimeoutMs, () => void line.close());
      await this.#writing.catch(() => undefined); // Whoever began it is told.
      await line.write(encode(leave)).catch(() => undefined); // A terminal that is gone needs no restoring.
      cancelLimit();
    }
    await line.close();
  }
}

const encode = (text: string): Uint8Array => new TextEncoder().encode(text);
