// The person in front of the terminal, for tests that need one. An input that ends is an answer that never comes.
import { createInterface } from 'node:readline';
import type { Clock } from '../lib/clock.ts';

export interface Person {
  tell(text: string): void;
  /** One line, trimmed and at most 40 characters; undefined when the input has ended, or nobody answers. */
  ask(question: string): Promise<string | undefined>;
  leave(): void;
}

const maxAnswerLength = 40;
/** Nobody needs longer to type a word. */
const answerLimitMs = 120_000;
/** Lines that were typed before they were asked for. */
const maxEarlyLines = 16;

export function terminalPerson(
  clock: Clock,
  input: NodeJS.ReadableStream = process.stdin,
  output: NodeJS.WritableStream = process.stdout,
): Person {
  const lines = createInterface({ input });
  const early: string[] = [];
  let waiting: ((line: string | undefined) => void) | undefined;
  let ended = false;
  lines.on('line', (line) => {
    if (waiting !== undefined) waiting(line);
    else if (early.length < maxEarlyLines) early.push(line);
  });
  // The terminal is gone: nobody answers any more.
  lines.on('error', () => {
    lines.close();
  });
  lines.on('close', () => {
    ended = true;
    waiting?.(undefined);
  });
  const next = async (): Promise<string | undefined> => {
    const first = early.shift();
    if (first !== undefined || ended) return first;
    return new Promise((resolve) => {
      const cancel = clock.after(answerLimitMs, () => waiting?.(undefined));
      waiting = (line) => {
        cancel();
        waiting = undefined;
        resolve(line);
      };
    });
  };
  return {
    tell: (text) => {
      output.write(`${text}\n`);
    },
    ask: async (question) => {
      output.write(`${question} `);
      return (await next())?.trim().slice(0, maxAnswerLength);
    },
    leave: () => {
      lines.close();
    },
  };
}
