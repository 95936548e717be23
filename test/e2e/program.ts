// One real process of `kios`, its JSON log as events, and an end by its own id.
import { spawn, type ChildProcess } from 'node:child_process';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
/** A process that says nothing for this long has failed: the tests do not wait for luck. */
const patienceMs = 30_000;
/** Kept for the message of a failed wait. */
const keptLines = 40;

/** How a process is started, when not plainly: a program in front of it, and more of an environment. */
export interface Launch {
  through?: readonly string[];
  env?: Readonly<Record<string, string>>;
}

export type LogLine = Readonly<Record<string, unknown>> & { msg: string };

export class Program {
  readonly #child: ChildProcess;
  readonly #lines: LogLine[] = [];
  readonly #raw: string[] = [];
  readonly #listeners = new Set<(line: LogLine) => void>();
  readonly exited: Promise<{ code: number | null; signal: string | null }>;

  constructor(...args: readonly (string | Launch)[]) {
    const { through = [], env = {} } = args.find((one) => typeof one === 'object') ?? {};
    const texts = args.filter((one) => typeof one === 'string');
    const [command = '', ...line] = [...through, process.execPath, entry, ...texts];
    this.#child = spawn(command, line, {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: { ...process.env, ...env },
    });
    this.exited = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => {
        resolve({ code, signal });
      });
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      if (stream === null) continue;
      createInterface({ input: stream }).on('line', (text) => {
        this.#take(text);
      });
    }
  }

  get pid(): number {
    return this.#child.pid ?? 0;
  }

  /** All that it printed, to look for what must never be there. */
  get output(): string {
    return this.#raw.join('\n');
  }

  /** How many lines it has logged so far: a mark for `waitFor`. */
  get mark(): number {
    return this.#lines.length;
  }

  /** Where the kiosk's machine is, by its log. */
  get lastPhase(): unknown {
    return this.#lines.findLast((line) => line.msg === 'sale.phase')?.['to'];
  }

  /** The first line after `since` that fits. Rejects when the process ends or stays silent. */
  async waitFor(what: string, fits: (line: LogLine) => boolean, since = 0): Promise<LogLine> {
    const old = this.#lines.slice(since).find(fits);
    if (old !== undefined) return old;
    const tail = (): string => this.#raw.slice(-keptLines).join('\n');
    return new Promise((resolve, reject) => {
      const limit = setTimeout(() => {
        reject(new Error(`waited in vain for ${what}; the log ends with\n${tail()}`));
      }, patienceMs);
      const listener = (line: LogLine): void => {
        if (!fits(line)) return;
        clearTimeout(limit);
        this.#listeners.delete(listener);
        resolve(line);
      };
      this.#listeners.add(listener);
      void this.exited.then(({ code, signal }) => {
        clearTimeout(limit);
        reject(new Error(`ended (${String(code ?? signal)}) before ${what}:\n${tail()}`));
      });
    });
  }

  async waitForMessage(msg: string, since = 0): Promise<LogLine> {
    return this.waitFor(msg, (line) => line.msg === msg, since);
  }

  /** SIGKILL: no goodbye. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.exited;
  }

  /** Its connections stay, and nobody answers. */
  pause(): void {
    this.#child.kill('SIGSTOP');
  }

  resume(): void {
    this.#child.kill('SIGCONT');
  }

  /** SIGTERM, as systemd does it. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return (await this.exited).code;
  }

  #take(text: string): void {
    this.#raw.push(text);
    if (!text.startsWith('{')) return;
    const line = readLine(text);
    if (line === undefined) return;
    this.#lines.push(line);
    for (const listener of [...this.#listeners]) listener(line);
  }
}

/** Undefined: the last line of a process that was killed while it wrote. */
function readLine(text: string): LogLine | undefined {
  try {
    return JSON.parse(text) as LogLine;
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}

/** Runs a command to its end. */
export async function runKios(
  ...args: readonly (string | Launch)[]
): Promise<{ code: number | null; output: string }> {
  const program = new Program(...args);
  const { code } = await program.exited;
  return { code, output: program.output };
}
