// Mosquitto's dynamic security over its control topic: commands go out in batches, and every answer is looked at. Never
// logs a command, because passwords are in them.
// (mosquitto.org/documentation/dynamic-security, and measured with 2.0.11.)
import { z } from 'zod';
import { wait, type Clock } from '../../lib/clock.ts';
import { parseJson } from './parse-json.ts';

export const controlTopic = '$CONTROL/dynamic-security/v1';
export const responseTopic = `${controlTopic}/response`;

/** Each change makes 2.0 write its whole file, and it serves nobody meanwhile: 20 keep that below a second at 10,000. */
const maxAsksAMessage = 20;
/** A message of 20 changes takes a second or two in a large fleet. */
const answerTimeoutMs = 30_000;
const maxWaitingAsks = 1_000;

export interface Command {
  command: string;
  [argument: string]: unknown;
}

const answers = z.object({
  responses: z.array(
    z.object({
      command: z.string(),
      error: z.string().optional(),
      correlationData: z.string().optional(),
      data: z.unknown().optional(),
    }),
  ),
});
export type CommandAnswer = z.infer<typeof answers>['responses'][number];

interface Ask {
  commands: readonly Command[];
  resolve: (answers: CommandAnswer[]) => void;
  reject: (error: Error) => void;
}

export interface Dynsec {
  /** Commands that are carried out one after the other, with nobody else's between them. Resolves with their answers. */
  ask(commands: readonly Command[]): Promise<CommandAnswer[]>;
  /** A message of the response topic. Those of other relays are not ours. */
  hear(payload: Uint8Array): void;
  /** The connection is gone: who waits, waits for nothing. */
  lost(): void;
}

/** @param mark tells our answers from those of other relays: all of them hear all. */
export function createDynsec(
  publish: (topic: string, payload: string) => Promise<void>,
  clock: Clock,
  mark: string,
): Dynsec {
  const waiting: Ask[] = [];
  let flight:
    { named: Map<string, (answer: CommandAnswer) => void>; fail(error: Error): void } | undefined;
  let messages = 0;

  /** One message at a time, so that what comes meanwhile goes together in the next one. */
  async function pump(): Promise<void> {
    if (flight !== undefined) return;
    for (let batch = take(); batch.length > 0; batch = take()) await send(batch);
  }

  function take(): Ask[] {
    return waiting.splice(0, maxAsksAMessage);
  }

  async function send(batch: readonly Ask[]): Promise<void> {
    const number = ++messages;
    const named = new Map<string, (answer: CommandAnswer) => void>();
    const commands: Command[] = [];
    const answered = batch.map((ask) =>
      Promise.all(
        ask.commands.map((command) => {
          const correlationData = `${mark}-${number}-${commands.length}`;
          commands.push({ ...command, correlationData });
          return new Promise<CommandAnswer>((resolve) => named.set(correlationData, resolve));
        }),
      ),
    );
    const failed = Promise.withResolvers<never>();
    const late = new AbortController();
    flight = { named, fail: failed.reject };
    void wait(clock, answerTimeoutMs, late.signal).then(() => {
      failed.reject(new Error('the broker did not answer for its accounts'));
    });
    const settled = batch.map((ask, at) =>
      Promise.race([answered[at] ?? [], failed.promise]).then(ask.resolve, ask.reject),
    );
    publish(controlTopic, JSON.stringify({ commands })).catch(failed.reject);
    await Promise.all(settled);
    late.abort();
    flight = undefined;
  }

  return {
    ask: (commands) =>
      new Promise((resolve, reject) => {
        if (waiting.length >= maxWaitingAsks) {
          reject(new Error('too many changes of accounts wait for the broker'));
          return;
        }
        waiting.push({ commands, resolve, reject });
        // At the end of this turn, so that what is asked for together goes together.
        queueMicrotask(() => void pump());
      }),
    hear(payload) {
      const parsed = answers.safeParse(parseJson(payload));
      if (!parsed.success) return;
      for (const answer of parsed.data.responses) {
        flight?.named.get(answer.correlationData ?? '')?.(answer);
      }
    },
    lost() {
      const error = new Error('the connection to the broker was lost');
      flight?.fail(error);
      for (const ask of waiting.splice(0)) ask.reject(error);
    },
  };
}

/** @throws Error naming the command, when one of them was refused for another reason than those in `fine`. */
export function mustSucceed(given: readonly CommandAnswer[], fine: readonly string[] = []): void {
  for (const { command, error } of given) {
    if (error !== undefined && !fine.includes(error)) {
      throw new Error(`the broker refused ${command}: ${error}`);
    }
  }
}
