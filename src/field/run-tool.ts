// Runs a program of the system to its end. Never through a shell, and never with a secret in its arguments.
import { spawn } from 'node:child_process';

/** Enough of what a program said to see why it failed. */
const maxSaidBytes = 16 * 1024;

/** With what Debian leaves out of a user's PATH: where sfdisk and mkfs.ext4 are. */
const searchPath = (): string =>
  [process.env['PATH'], '/usr/sbin', '/sbin'].filter((part) => part !== undefined).join(':');

/** A program that is missing or failed; the message holds what it said. */
export class ToolError extends Error {
  /** How the program ended, when it did. */
  readonly status: number | undefined;

  constructor(why: string, cause?: unknown, status?: number) {
    super(why, { cause });
    this.name = 'ToolError';
    this.status = status;
  }
}

export interface ToolOptions {
  cwd?: string;
  /** Beside what this process has. */
  env?: Readonly<Record<string, string>>;
  /** What the program reads; without it, nothing. */
  input?: string | Uint8Array;
  /** It is killed then; without it, it ends by itself. */
  limitMs?: number;
  /** Of what it writes, the last so many characters are kept; without it, all. */
  keepLength?: number;
}

/**
 * What the program wrote to its standard output.
 * @throws ToolError when it cannot be started or does not end with 0.
 */
export async function runTool(
  program: string,
  args: readonly string[],
  { cwd, env = {}, input = '', limitMs, keepLength = Infinity }: ToolOptions = {},
): Promise<string> {
  const child = spawn(program, args, {
    ...(cwd === undefined ? {} : { cwd }),
    ...(limitMs === undefined ? {} : { timeout: limitMs, killSignal: 'SIGKILL' }),
    env: { ...process.env, PATH: searchPath(), LC_ALL: 'C', ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  let written = '';
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    written = (written + text).slice(-keepLength);
  });
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-maxSaidBytes);
  });
  // A program that ends without reading is judged by its end.
  child.stdin.on('error', () => undefined).end(input);
  return new Promise((resolve, reject) => {
    child.once('error', (error) => {
      reject(new ToolError(`${program} cannot be started: ${error.message}`, error));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(written);
      else {
        const why = `${program} ended with ${code ?? signal ?? '?'}:\n${said.trim()}`;
        reject(new ToolError(why, undefined, code ?? undefined));
      }
    });
  });
}
