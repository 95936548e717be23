// One part of the house as a child process: its log in a file, its end told, never outliving us.
import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { wait, type Clock } from '../lib/clock.ts';

const cli = fileURLToPath(new URL('../cli/kios.ts', import.meta.url));

/** Shown when a part dies. */
const tailLines = 15;
/** After SIGTERM; then SIGKILL. */
const stopLimitMs = 10_000;

export interface PartOptions {
  name: string;
  /** Of `kios`. */
  args: readonly string[];
  logFile: string;
  clock: Clock;
  /** It has the terminal to itself: a real keypad or display of this kind. */
  terminal?: { keypad: boolean; display: boolean };
  /** Its output holds a secret and stays out of the log. */
  secret?: boolean;
}

export interface Part {
  readonly name: string;
  readonly logFile: string;
  /** `exit code 1`, `signal SIGKILL`. Never rejects. */
  readonly ended: Promise<{ code: number | null; words: string }>;
  /** Resolves when it has logged this event. Never, if it does not. */
  logged(event: string): Promise<void>;
  /** The first lines of its output that are no log lines. */
  printed(): string;
  tail(): readonly string[];
  stop(): Promise<void>;
}

export function startPart(options: PartOptions): Part {
  const { name, args, logFile, clock, terminal, secret = false } = options;
  const child = spawn(process.execPath, [cli, ...args], {
    // The fourth is the channel by whose end the child notices that we are gone, however we went.
    stdio: [
      terminal?.keypad === true ? 'inherit' : 'ignore',
      terminal?.display === true ? 'inherit' : 'pipe',
      'pipe',
      'ipc',
    ],
    // A group of its own, so that Ctrl-C reaches us alone and the parts end in order; a terminal serves one group.
    detached: terminal?.keypad !== true,
  });
  const output = gather(child, logFile, secret);
  const ended = new Promise<{ code: number | null; words: string }>((resolve) => {
    child.once('error', (error) => {
      resolve({ code: null, words: error.message });
    });
    child.once('close', (code, signal) => {
      resolve({ code, words: signal === null ? `exit code ${code ?? '?'}` : `signal ${signal}` });
    });
  });
  return {
    name,
    logFile,
    ended,
    logged: output.logged,
    printed: output.printed,
    tail: output.tail,
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill('SIGTERM');
      const late = new AbortController();
      await Promise.race([ended, wait(clock, stopLimitMs, late.signal)]);
      late.abort();
      child.kill('SIGKILL'); // Does nothing to one that has ended.
      await ended;
    },
  };
}

interface Output {
  logged: Part['logged'];
  printed: Part['printed'];
  tail: Part['tail'];
}

function gather(child: ChildProcess, logFile: string, secret: boolean): Output {
  const file = createWriteStream(logFile, { flags: 'a', mode: 0o600 });
  const events = new Map<string, PromiseWithResolvers<undefined>>();
  const eventOf = (name: string): PromiseWithResolvers<undefined> => {
    const known = events.get(name) ?? Promise.withResolvers<undefined>();
    events.set(name, known);
    return known;
  };
  let last: string[] = [];
  const plain: string[] = [];
  const note = (line: string): void => {
    file.write(`${line}\n`);
    last = [...last, line].slice(-tailLines);
  };
  const hear = (line: string): void => {
    if (!secret) note(line);
    const event = eventName(line);
    if (event !== undefined) eventOf(event).resolve(undefined);
    else if (plain.length < tailLines) plain.push(line);
  };
  if (child.stdout !== null) createInterface({ input: child.stdout }).on('line', hear);
  if (child.stderr !== null) createInterface({ input: child.stderr }).on('line', note);
  child.once('close', () => file.end());
  return {
    logged: async (event) => {
      await eventOf(event).promise;
    },
    printed: () => plain.join('\n'),
    tail: () => last,
  };
}

/** The event of a log line; undefined for what is none. */
export function eventName(line: string): string | undefined {
  if (!line.startsWith('{')) return undefined;
  try {
    const parsed: unknown = JSON.parse(line);
    const named = typeof parsed === 'object' && parsed !== null && 'msg' in parsed;
    return named && typeof parsed.msg === 'string' ? parsed.msg : undefined;
  } catch {
    return undefined; // Half a line of a process that died is shown as text.
  }
}
