// A Linux framebuffer as a display. Writes whole changed rows with write(2); never blanks the panel, so the last
// picture survives the daemon. Taking the console away from the panel is a root unit's work, not this one's.
import { open, readFile, realpath, type FileHandle } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../src/lib/clock.ts';
import {
  DeviceError,
  type Display,
  type Frame,
  type Geometry,
  type Health,
  type PanelFrame,
  type PanelMemory,
} from '../device.ts';
import { openError } from '../ports.ts';
import { createFrameQueue } from './frame-queue.ts';
import { changeSince } from './frame-change.ts';
import { copyBox, copyRows, panelFrame, type Panel } from './framebuffer-pixels.ts';
import { changedRows, type RowRun } from './rows.ts';
import { turnedSize, type Rotation } from './turn.ts';

export interface FramebufferOptions {
  /** `/dev/fb0`, or a link to it. */
  path: string;
  rotation: Rotation;
  /** Width in millimetres of the lit area as it is looked at, after rotation. */
  panelWidthMm?: number;
  /** Where the kernel tells the panel's shape; `/sys/class/graphics` but in tests. */
  sysfsRoot: string;
  clock: Clock;
}

/** How often the panel's shape is compared: HDMI may come back as another one. */
const watchEveryMs = 1000;
/**
 * After the opening it is painted whole so many times more, a second apart: the kernel's console has a panel that comes anew
 * until the root unit has taken it away, and its cursor would stay in the picture.
 */
const repaints = 5;
/** No panel of a kiosk is larger; more is nonsense in sysfs. */
const maxSidePx = 8192;

export function createFramebuffer(options: FramebufferOptions): Display {
  return new Framebuffer(options);
}

class Framebuffer implements Display {
  readonly name: string;
  readonly closed: Promise<DeviceError | undefined>;
  readonly #options: FramebufferOptions;
  readonly #ended = Promise.withResolvers<DeviceError | undefined>();
  readonly #queue = createFrameQueue<PanelFrame>((frame) => this.#draw(frame));
  #health: Health = { state: 'opening' };
  #file: FileHandle | undefined;
  #panel: Panel | undefined;
  #sysfs = '';
  #shape = '';
  /** The panel's memory as it was written last. */
  #shown: Buffer | undefined;
  /** Where the next whole picture comes; between two of them its bytes mean nothing. */
  #spare: Buffer | undefined;
  /** The frame that `#shown` was copied from. */
  #frame: PanelFrame | undefined;
  #repaints = repaints;
  #stopWatch: () => void = () => undefined;
  #over = false;
  #lost: DeviceError | undefined;

  constructor(options: FramebufferOptions) {
    this.#options = options;
    this.name = `display framebuffer ${options.path}`;
    this.closed = this.#ended.promise;
  }

  get geometry(): Geometry {
    const { rotation, panelWidthMm } = this.#options;
    const { width, height } = turnedSize(this.#openPanel, rotation);
    return { width, height, ...(panelWidthMm === undefined ? {} : { widthMm: panelWidthMm }) };
  }

  get panel(): PanelMemory {
    const { bitsPerPixel } = this.#openPanel;
    const form = { bitsPerPixel, turn: this.#options.rotation };
    return { form, show: (frame) => this.#queue.show(frame) };
  }

  get #openPanel(): Panel {
    if (this.#panel === undefined) throw new DeviceError('canceled', `${this.name} is not open`);
    return this.#panel;
  }

  async open(signal: AbortSignal): Promise<void> {
    const { path, sysfsRoot } = this.#options;
    try {
      this.#sysfs = join(sysfsRoot, basename(await realpath(path)));
      this.#shape = await readShape(this.#sysfs);
      this.#panel = parseShape(this.#shape, path);
      this.#file = await open(path, 'r+');
    } catch (error) {
      if (error instanceof DeviceError) throw error;
      throw openError(path, error instanceof Error ? error : new Error(String(error)));
    }
    if (signal.aborted || this.#over) {
      await this.close();
      throw new DeviceError('canceled', `opening ${path} was called off`);
    }
    this.#health = { state: 'up' };
    this.#watch();
  }

  async close(): Promise<void> {
    await this.#end(undefined);
  }

  health(): Health {
    return this.#health;
  }

  async show(frame: Frame): Promise<void> {
    return this.#queue.show(panelFrame(frame, this.panel.form));
  }

  async #draw(frame: PanelFrame): Promise<void> {
    const panel = this.#panel;
    const file = this.#file;
    if (this.#over || panel === undefined || file === undefined) {
      throw this.#lost ?? new DeviceError('canceled', `${this.name} is closed`);
    }
    const { bytes, runs } = this.#take(frame, panel);
    try {
      for (const run of runs) await writeRows(file, bytes, run, panel.stride);
    } catch (error) {
      throw await this.#failed(error);
    }
    this.#frame = frame;
  }

  /** The panel's memory as it is to be, and which rows of it are new. */
  #take(frame: PanelFrame, panel: Panel): { bytes: Buffer; runs: readonly RowRun[] } {
    const { stride, height } = panel;
    const shown = this.#shown;
    const changed = changeSince(this.#frame, frame);
    if (shown !== undefined && changed !== undefined) {
      copyBox(frame, panel, shown, changed);
      return { bytes: shown, runs: [{ first: changed.y, count: changed.height }] };
    }
    const bytes = this.#spare ?? Buffer.alloc(stride * height);
    copyRows(frame, panel, bytes, { first: 0, count: height });
    const runs = changedRows(shown, bytes, stride);
    [this.#shown, this.#spare] = [bytes, shown];
    return { bytes, runs };
  }

  /** After a failed write nobody knows what the panel shows: the connection is over. */
  async #failed(cause: unknown): Promise<DeviceError> {
    if (this.#over) return new DeviceError('canceled', `${this.name} was closed`, { cause });
    const error = new DeviceError('disconnected', `${this.name} is gone or no longer writable`, {
      cause,
    });
    await this.#end(error);
    return error;
  }

  #watch(): void {
    this.#stopWatch = this.#options.clock.after(watchEveryMs, () => {
      void readShape(this.#sysfs).then(
        async (shape) => {
          if (this.#over) return;
          if (shape === this.#shape) {
            this.#repaint();
            this.#watch();
            return;
          }
          await this.#end(new DeviceError('disconnected', `${this.name} has another shape now`));
        },
        async (cause: unknown) => this.#failed(cause),
      );
    });
  }

  #repaint(): void {
    if (this.#repaints === 0 || this.#frame === undefined) return;
    this.#repaints--;
    this.#shown = undefined;
    this.#queue.again(this.#frame);
  }

  async #end(error: DeviceError | undefined): Promise<void> {
    if (!this.#over) {
      this.#over = true;
      this.#lost = error;
      this.#stopWatch();
      this.#health =
        error === undefined
          ? { state: 'down' }
          : { state: 'down', fault: error.kind, detail: error.message };
    }
    const file = this.#file;
    this.#file = undefined;
    await file?.close().catch(() => undefined); // A device that is gone cannot be closed better.
    this.#ended.resolve(error);
  }
}

async function readShape(folder: string): Promise<string> {
  const read = async (name: string): Promise<string> =>
    (await readFile(join(folder, name), 'utf8')).trim();
  const [size, stride, bits] = await Promise.all(
    ['virtual_size', 'stride', 'bits_per_pixel'].map(read),
  );
  // `name` changes when another driver takes the same node over; not every driver has one.
  const driver = await read('name').catch(() => '');
  return [size, stride, bits, driver].join(' ');
}

function parseShape(shape: string, path: string): Panel {
  const match = /^(\d+),(\d+) (\d+) (\d+) /.exec(`${shape} `);
  const [width = 0, height = 0, stride = 0, bits = 0] = (match ?? []).slice(1).map(Number);
  if (bits !== 16 && bits !== 32) {
    throw new DeviceError(
      'protocol',
      `${path}: ${bits} bits a pixel; set the framebuffer to 16 (RGB565) or 32 (XRGB8888)`,
    );
  }
  const sound = [width, height].every((side) => side >= 1 && side <= maxSidePx);
  if (!sound || stride < (width * bits) / 8 || stride > maxSidePx * 8) {
    throw new DeviceError('protocol', `${path}: the kernel tells no usable size: "${shape}"`);
  }
  return { width, height, stride, bitsPerPixel: bits };
}

async function writeRows(
  file: FileHandle,
  bytes: Buffer,
  run: RowRun,
  stride: number,
): Promise<void> {
  let at = run.first * stride;
  const end = at + run.count * stride;
  while (at < end) {
    const { bytesWritten } = await file.write(bytes, at, end - at, at);
    if (bytesWritten === 0) throw new Error('the framebuffer took no bytes');
    at += bytesWritten;
  }
}
