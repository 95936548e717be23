// Tells the relay what came of commands, one after the other, until it has heard each. What is told twice is heard once.
import { backoffMs, type Backoff } from '../lib/backoff.ts';
import type { Clock } from '../lib/clock.ts';
import { commandResultAnswer, maxOpenCommands, type CommandResult } from '../protocol/command.ts';
import type { Obeyed } from './commands-memory.ts';
import type { RelayClient } from './relay-client.ts';

const again: Backoff = { firstMs: 2_000, maxMs: 300_000 };
const resultPath = (id: string): string => `/v1/commands/${id}/result`;

export interface AnswersOptions {
  client: Pick<RelayClient, 'ask'>;
  clock: Clock;
  random: () => number;
  /** One that was obeyed, has ended, and of which the relay has not heard. */
  untold: () => Obeyed | undefined;
  /** The relay has heard of it. */
  heard: (id: string) => void;
}

export class CommandAnswers {
  readonly #options: AnswersOptions;
  /** What came of commands that were not obeyed: in memory alone. */
  readonly #refused = new Map<string, CommandResult>();
  #telling: Promise<void> | undefined;
  #tries = 0;
  #cancel: (() => void) | undefined;
  #ended = false;

  constructor(options: AnswersOptions) {
    this.#options = options;
  }

  stop(): void {
    this.#ended = true;
    this.#cancel?.();
  }

  /** Resolves when all is told, or cannot be told now. */
  async settled(): Promise<void> {
    await this.#telling;
  }

  /** False: it is left out, for want of room. The relay tells it again, and is answered then. */
  refuse(id: string, why: string): boolean {
    if (this.#refused.size >= maxOpenCommands) return false;
    this.#refused.set(id, { outcome: 'refused', why });
    this.tell();
    return true;
  }

  /** Something has come to be told. */
  tell(): void {
    this.#telling ??= this.#tellAll().finally(() => {
      this.#telling = undefined;
      // It came while the last answer was noted.
      if (this.#cancel === undefined && this.#next() !== undefined) this.tell();
    });
  }

  async #tellAll(): Promise<void> {
    const { client, clock, random, heard } = this.#options;
    this.#cancel?.();
    this.#cancel = undefined;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { id, body } = next;
      const answer = await client.ask('POST', resultPath(id), body, commandResultAnswer);
      const isOver = answer.ok || (answer.failure.kind === 'refused' && !answer.failure.retryable);
      if (!isOver) {
        if (this.#ended) return;
        this.#cancel = clock.after(backoffMs(again, ++this.#tries, random()), () => {
          this.#cancel = undefined;
          this.tell();
        });
        return;
      }
      if (!this.#refused.delete(id)) heard(id);
    }
    this.#tries = 0;
  }

  #next(): { id: string; body: CommandResult } | undefined {
    if (this.#ended) return undefined;
    for (const [id, body] of this.#refused) return { id, body };
    const one = this.#options.untold();
    return one?.said === undefined ? undefined : { id: one.id, body: one.said };
  }
}
