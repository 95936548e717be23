// What an operator asks of this kiosk from afar (PROTOCOL.md §9): taken however it comes, obeyed at most once, answered
// until the relay has heard it. A command is remembered on the disk before it is obeyed. It ends no sale.
import assert from 'node:assert';
import type { Clock } from '../lib/clock.ts';
import type { Log } from '../lib/log.ts';
import {
  commandsAnswer,
  maxOpenCommands,
  messageArgument,
  type CommandClaims,
  type CommandName,
} from '../protocol/command.ts';
import { KiosError } from '../protocol/errors.ts';
import { writeMemory, newMemory, type Memory, type Said } from './commands-memory.ts';
import {
  forget,
  judge,
  settleBegun,
  toleranceMs,
  type Judgement,
  type Refusal,
} from './commands-rules.ts';
import { CommandAnswers } from './commands-tell.ts';
import type { RelayClient } from './relay-client.ts';

/** What came of it; `ends`: the kiosk starts anew, and says then that it has. */
export type Did = Said | 'ends';
/** What needs more than this file knows. A command without one is refused: this kiosk cannot do it. */
export type Deeds = Partial<
  Record<CommandName, (token: string, commandId: string) => Promise<Did>>
>;

export interface CommandsOptions {
  stateDir: string;
  bootId: string;
  /** From the disk; undefined: this kiosk has obeyed none yet, or what it knew is lost. */
  memory: Memory | undefined;
  client: Pick<RelayClient, 'ask'>;
  /** @throws KiosError `bad-proof`, `not-yours` */
  open: (token: string) => Promise<CommandClaims>;
  clock: Clock;
  log: Log;
  random: () => number;
  /** The relay's own time of now; undefined: not heard yet, and nothing is obeyed before. */
  relayMs: () => number | undefined;
  /** Nobody is served. */
  idle: () => boolean;
  deeds: Deeds;
  /** Out of service or in again, or another message. */
  changed: () => void;
  /** Commands that did nothing have become remarkably more. */
  counted: () => void;
}

/** Ids of refused commands that are known again, so that whoever repeats one fills neither log nor relay. */
export const maxRefusedIds = 100;
/** While something waits, for a quiet moment or for the relay's time. */
const lookEveryMs = 1_000;
interface Waiting {
  token: string;
  claims: CommandClaims;
  /** That it waits is in the log. */
  isLogged: boolean;
}

export class Commands {
  readonly #options: CommandsOptions;
  readonly #answers: CommandAnswers;
  #memory: Memory | undefined;
  #waiting: Waiting[] = [];
  /** Logged and answered; the oldest goes first. */
  readonly #refusedIds = new Set<string>();
  readonly #counts: Partial<Record<Refusal, number>> = {};
  #working: Promise<void> | undefined;
  /** One timer of each kind. */
  readonly #timers = new Map<'work' | 'message', () => void>();
  #ended = false;

  /** @throws KiosError as the journal, when what the run before left cannot be settled on the disk */
  constructor(options: CommandsOptions) {
    this.#options = options;
    const { memory, stateDir, client, clock, random } = options;
    this.#answers = new CommandAnswers({
      ...{ client, clock, random },
      untold: () =>
        this.#memory?.obeyed.find(({ said, told }) => said !== undefined && told !== true),
      heard: (id) => {
        this.#amend(id, { told: true });
      },
    });
    if (memory === undefined) return;
    this.#memory = settleBegun(memory);
    const lost = this.#memory.obeyed.some((one, at) => one !== memory.obeyed[at]);
    if (lost) writeMemory(stateDir, this.#memory);
  }

  get outOfService(): boolean {
    return this.#memory?.outOfService ?? false;
  }

  /** What stands on the idle screen; undefined: its time is over, or there was none. */
  get message(): string | undefined {
    const { bootId, clock } = this.#options;
    const message = this.#memory?.message;
    if (message?.bootId !== bootId || message.untilMs <= clock.monotonicMs()) return undefined;
    return message.text;
  }

  /** Commands that did nothing, by why. */
  get refused(): Readonly<Partial<Record<Refusal, number>>> {
    return this.#counts;
  }

  /** Tells what the run before left untold, and ends its message in time. */
  start(): void {
    this.#armMessage();
    this.#answers.tell();
  }

  stop(): void {
    this.#ended = true;
    this.#answers.stop();
    for (const cancel of this.#timers.values()) cancel();
    this.#timers.clear();
  }

  /** Fetches what waits at the relay: what MQTT has lost. */
  async fetch(): Promise<void> {
    const answer = await this.#options.client.ask('GET', '/v1/commands', undefined, commandsAnswer);
    if (!answer.ok) return;
    const relayMs = this.#options.relayMs();
    // From now on it remembers, also whatever is given while it is off.
    if (relayMs !== undefined && this.#memory === undefined) this.#born(relayMs);
    for (const { token } of answer.value.commands) await this.take(token);
  }

  /** A command as it came. What is no command of this kiosk's relay is counted and put away. */
  async take(token: string): Promise<void> {
    const { open } = this.#options;
    try {
      const claims = await open(token);
      const known = this.#waiting.some(({ claims: other }) => other.commandId === claims.commandId);
      // The relay tells again what is left out here.
      if (known || this.#waiting.length >= maxOpenCommands) return;
      this.#waiting.push({ token, claims, isLogged: false });
      // Ids sort by when they were given.
      this.#waiting.sort((one, other) => (one.claims.commandId < other.claims.commandId ? -1 : 1));
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      this.#count(error.code === 'not-yours' ? 'not-ours' : 'forged');
      return;
    }
    this.#work();
  }

  /** Resolves when nothing that may be done now is left to do. */
  async settled(): Promise<void> {
    await this.#working;
    await this.#answers.settled();
  }

  #work(): void {
    this.#working ??= this.#workAll().finally(() => {
      this.#working = undefined;
      if (this.#waiting.length > 0)
        this.#after('work', lookEveryMs, () => {
          this.#work();
        });
    });
  }

  async #workAll(): Promise<void> {
    for (;;) {
      const next = this.#ended ? undefined : this.#next();
      if (next === undefined) {
        this.#logWaiting();
        return;
      }
      this.#waiting = this.#waiting.filter((other) => other !== next.command);
      await this.#handle(next.command, next.judgement);
    }
  }

  #logWaiting(): void {
    for (const command of this.#waiting) {
      const { commandId, name } = command.claims;
      if (!command.isLogged) this.#options.log.info({ commandId, name }, 'command.taken');
      command.isLogged = true;
    }
  }

  /** The first that need not wait. */
  #next(): { command: Waiting; judgement: Exclude<Judgement, { kind: 'wait' }> } | undefined {
    const { relayMs: timeOf, idle } = this.#options;
    const relayMs = timeOf();
    if (relayMs === undefined) return undefined;
    const memory = forget(this.#memory ?? this.#born(relayMs), relayMs);
    this.#memory = memory;
    for (const command of this.#waiting) {
      const judgement = judge(command.claims, memory, { relayMs, idle: idle() });
      if (judgement.kind !== 'wait') return { command, judgement };
    }
    return undefined;
  }

  #born(relayMs: number): Memory {
    this.#memory = newMemory(relayMs - toleranceMs);
    this.#remember({});
    return this.#memory;
  }

  async #handle(
    { token, claims }: Waiting,
    judgement: Exclude<Judgement, { kind: 'wait' }>,
  ): Promise<void> {
    const { commandId } = claims;
    switch (judgement.kind) {
      case 'repeat':
        // What the relay has not heard is told at its own pace, however often somebody shows the command.
        if (judgement.before.told === true) this.#count('replayed');
        return;
      case 'refuse':
        this.#refuse(commandId, judgement.refusal, judgement.why);
        return;
      case 'obey':
        await this.#obey(token, claims, judgement);
    }
  }

  async #obey(
    token: string,
    claims: CommandClaims,
    { name, deadlineMs }: Extract<Judgement, { kind: 'obey' }>,
  ): Promise<void> {
    const { log, deeds } = this.#options;
    const { commandId: id } = claims;
    const lasting = this.#lasting(name, claims);
    const deed = deeds[name];
    if (lasting === undefined && deed === undefined) {
      this.#refuse(id, 'unknown', 'this kiosk cannot do that');
      return;
    }
    // What lasts is done by being remembered: one write, so that it is done exactly once.
    const said: Said | undefined =
      lasting === undefined ? undefined : { outcome: 'done', why: lasting.why };
    const begun = { id, name, deadlineMs, ...(said === undefined ? {} : { said }) };
    if (!this.#remember({ ...lasting?.news, obeyed: [...this.#standing().obeyed, begun] })) return;
    log.info({ commandId: id, name }, 'command.obeyed');
    if (lasting === undefined && deed !== undefined) {
      const did = await deed(token, id);
      if (did === 'ends') {
        // Whatever waits comes again to the next life.
        this.stop();
        return;
      }
      this.#note(id, did);
    } else {
      this.#armMessage();
      this.#options.changed();
    }
    this.#answers.tell();
  }

  /** What a command changes that lasts; undefined: nothing. */
  #lasting(
    name: CommandName,
    { iat, commandId, argument }: CommandClaims,
  ): { why: string; news: Partial<Memory> } | undefined {
    const { bootId, clock } = this.#options;
    switch (name) {
      case 'out-of-service':
        return {
          why: 'it takes no new sale',
          news: { outOfService: true, switchedAtS: iat, switchedBy: commandId },
        };
      case 'in-service':
        return {
          why: 'it sells again',
          news: { outOfService: false, switchedAtS: iat, switchedBy: commandId },
        };
      case 'show-message': {
        const { text, forS } = messageArgument.parse(argument);
        const message = { text, bootId, untilMs: clock.monotonicMs() + forS * 1_000 };
        return {
          why: 'it stands on the idle screen',
          news: { message, shownAtS: iat, shownBy: commandId },
        };
      }
      default:
        return undefined;
    }
  }

  #note(id: string, said: Said): void {
    this.#amend(id, { said });
    this.#options.log.info({ commandId: id, ...said }, 'command.ended');
  }

  #amend(id: string, news: { said: Said } | { told: true }): void {
    const obeyed = this.#standing().obeyed.map((one) =>
      one.id === id ? { ...one, ...news } : one,
    );
    // What is not written down is told all the same; after a restart it is told once more, or as what nobody can say.
    if (!this.#remember({ obeyed })) this.#memory = { ...this.#standing(), obeyed };
  }

  /** False: it is not on the disk, and must not be done. */
  #remember(news: Partial<Memory>): boolean {
    const { stateDir, log } = this.#options;
    const next = { ...this.#standing(), ...news };
    try {
      writeMemory(stateDir, next);
    } catch (error) {
      if (!(error instanceof KiosError)) throw error;
      log.error({ err: error }, 'command.not-remembered');
      return false;
    }
    this.#memory = next;
    return true;
  }

  #standing(): Memory {
    assert(this.#memory !== undefined, 'nothing is obeyed before the time is known');
    return this.#memory;
  }

  #refuse(id: string, refusal: Refusal, why: string): void {
    this.#count(refusal);
    if (this.#refusedIds.has(id) || !this.#answers.refuse(id, why)) return;
    const [oldest] = this.#refusedIds;
    if (oldest !== undefined && this.#refusedIds.size >= maxRefusedIds) {
      this.#refusedIds.delete(oldest);
    }
    this.#refusedIds.add(id);
    this.#options.log.warn({ commandId: id, refusal, why }, 'command.refused');
  }

  #count(refusal: Refusal): void {
    const count = (this.#counts[refusal] ?? 0) + 1;
    this.#counts[refusal] = count;
    // Whoever floods this kiosk with forgeries fills no log and no status: the first is told, the tenth, the hundredth …
    if (!Number.isInteger(Math.log10(count))) return;
    this.#options.log.warn({ refusal, count }, 'command.counted');
    this.#options.counted();
  }

  #armMessage(): void {
    const { bootId, clock, changed } = this.#options;
    const message = this.#memory?.message;
    if (message?.bootId !== bootId) return;
    this.#after('message', message.untilMs - clock.monotonicMs(), changed);
  }

  #after(kind: 'work' | 'message', delayMs: number, call: () => void): void {
    this.#timers.get(kind)?.();
    if (this.#ended) return;
    const cancel = this.#options.clock.after(delayMs, () => {
      this.#timers.delete(kind);
      call();
    });
    this.#timers.set(kind, cancel);
  }
}
