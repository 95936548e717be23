// Questions to a printer, and the bytes that it sends back, sorted and handed to whoever waits for that kind. What
// nobody waits for is dropped; an answer that comes too late, or something else's bytes, must never pass for another.
import assert from 'node:assert/strict';
import type { Clock } from '../../src/lib/clock.ts';
import type { BytePort } from '../ports.ts';
import type { PrinterProfile, ProofWay } from './profiles.ts';
import { allWell, mergeStatus, parseAsb, parseFence, parseStatus, replyKind } from './status.ts';
import { asbRequest, clearAnswer, clearRequest, fenceRequest, statusRequest } from './status.ts';
import { statusTopics, tailBytes, type PrinterStatus } from './status.ts';

/** A printer that knows a question answers within milliseconds; one that does not never will. */
export const statusTimeoutMs = 500;

/** Answers that are waited out after a question was given up; a printer that sends more is not understood. */
const maxLateAnswers = 16;

/** How long the first answer may take, and how long the line is quiet when none is owed any more. */
export interface Patience {
  answerMs: number;
  quietMs: number;
}
/** Where nothing is owed it answers at once. */
export const promptly: Patience = { answerMs: statusTimeoutMs, quietMs: statusTimeoutMs };
/** An old slip may be coming out; then what ends a command cut short, and the question, take 1.1 s at 9600 baud. */
export const behindSlip: Patience = { answerMs: 3000, quietMs: 2000 };

type InTurn = Exclude<ProofWay, 'none'>;
type InTurnAnswer = PrinterStatus | undefined;
type Awaited = 'status' | 'fence' | 'asb' | 'clear';
type Answer = readonly number[];
interface Begun {
  kind: keyof typeof tailBytes;
  bytes: number[];
}

export class Replies {
  readonly #clock: Clock;
  #waiting: { kind: Awaited; settle: (answer: Answer | undefined) => void } | undefined;
  /** An answer of several bytes that has not all arrived; by their fixed bits its tail looks like answers to GS r. */
  #begun: Begun | undefined;
  /** A real-time question was given up, and its answer may still come: answers do not say which question they are for. */
  #owed = false;
  /** No answer in its turn is owed: neither to a question of an earlier connection nor to one that was given up. */
  #settled = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Whether the next answer in its turn is for the next question in its turn. */
  get settled(): boolean {
    return this.#settled;
  }

  /** Takes what came from the line, in pieces of any size. */
  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const kind = replyKind(byte);
      if (kind === 'asb' || kind === 'clear') this.#begun = { kind, bytes: [byte] };
      else if (kind === 'fence' && this.#begun !== undefined) this.#tail(this.#begun, byte);
      else if (kind === 'fence' || kind === 'status') this.#deliver(kind, [byte]);
    }
  }

  #tail(begun: Begun, byte: number): void {
    begun.bytes.push(byte);
    if (begun.bytes.length <= tailBytes[begun.kind]) return;
    this.#begun = undefined;
    this.#deliver(begun.kind, begun.bytes);
  }

  #deliver(kind: Awaited, answer: Answer): void {
    if (this.#waiting?.kind === kind) this.#waiting.settle(answer);
  }

  /** The next answer of that kind; undefined after `timeoutMs` or an abort. One waits at a time. */
  async next(kind: Awaited, timeoutMs: number, signal: AbortSignal): Promise<Answer | undefined> {
    return new Promise((resolve) => {
      const settle = (answer: Answer | undefined): void => {
        cancel();
        signal.removeEventListener('abort', giveUp);
        if (this.#waiting === mine) this.#waiting = undefined;
        resolve(answer);
      };
      const giveUp = (): void => {
        settle(undefined);
      };
      const cancel = this.#clock.after(timeoutMs, giveUp);
      signal.addEventListener('abort', giveUp, { once: true });
      const mine = { kind, settle };
      this.#waiting = mine;
      if (signal.aborted) giveUp();
    });
  }

  /**
   * Asks for all that the printer can say of itself in that way; undefined when one answer did not come.
   * Never rejects.
   */
  async status(
    port: BytePort,
    way: PrinterProfile['status'],
    signal: AbortSignal,
  ): Promise<PrinterStatus | undefined> {
    switch (way) {
      case 'none':
        return undefined;
      case 'dle-eot':
        if (this.#owed && !(await this.#quiet(signal))) return undefined;
        return this.#realTimeStatus(port, signal);
      case 'asb':
      case 'gs-r': {
        if (!this.#settled) return this.settle(port, way, promptly, signal);
        const answer = this.inTurn(way, statusTimeoutMs, signal);
        send(port, proofRequests[way]);
        return answer;
      }
    }
  }

  /**
   * Waits for the answer to `proofRequests[way]`, which the printer gives when it has worked off all before it.
   * Whoever calls it sends the request afterwards, and only while `settled`.
   */
  async inTurn(way: InTurn, timeoutMs: number, signal: AbortSignal): Promise<InTurnAnswer> {
    assert(this.#settled, 'an answer that is owed would pass for this one');
    const answer = await this.#nextInTurn(way, timeoutMs, signal);
    this.#settled = answer !== undefined;
    return answer;
  }

  /**
   * Asks in turn, and believes the last answer before the line is quiet: every answer that was owed has come before it.
   * That holds while no slip is sent to a printer that owes an answer, for between two answers lies no print then.
   */
  async settle(
    port: BytePort,
    way: InTurn,
    patience: Patience,
    signal: AbortSignal,
  ): Promise<InTurnAnswer> {
    this.#settled = false;
    const first = this.#nextInTurn(way, patience.answerMs, signal);
    send(port, proofRequests[way]);
    let answer = await first;
    for (let late = 0; answer !== undefined && late < maxLateAnswers; late++) {
      const next = await this.#nextInTurn(way, patience.quietMs, signal);
      if (next === undefined) {
        this.#settled = !signal.aborted;
        return this.#settled ? answer : undefined;
      }
      answer = next;
    }
    return undefined;
  }

  async #nextInTurn(way: InTurn, timeoutMs: number, signal: AbortSignal): Promise<InTurnAnswer> {
    if (way === 'asb') return parseAsb((await this.next('asb', timeoutMs, signal)) ?? []);
    const [byte] = (await this.next('fence', timeoutMs, signal)) ?? [];
    return byte === undefined ? undefined : parseFence(byte);
  }

  /** Has the printer throw away what it holds. `stuck`: it does not even take the request. Never rejects. */
  async clear(port: BytePort, signal: AbortSignal): Promise<'cleared' | 'mute' | 'stuck'> {
    const answer = this.next('clear', statusTimeoutMs, signal);
    const write = port.write(clearRequest).then(
      () => 'mute' as const,
      () => 'stuck' as const,
    );
    if ((await answer)?.join() === clearAnswer.join()) {
      this.#settled = true; // The questions were in its buffer too.
      return 'cleared';
    }
    return Promise.race([write, Promise.resolve('stuck' as const)]);
  }

  async #realTimeStatus(port: BytePort, signal: AbortSignal): Promise<PrinterStatus | undefined> {
    let status = allWell;
    for (const topic of statusTopics) {
      const answer = this.next('status', statusTimeoutMs, signal);
      send(port, statusRequest(topic));
      const [byte] = (await answer) ?? [];
      this.#owed = byte === undefined;
      const part = byte === undefined ? undefined : parseStatus(topic, byte);
      if (part === undefined) return undefined;
      status = mergeStatus(status, part);
    }
    return status;
  }

  /** After a question was given up, none is asked until the line has been quiet for as long as an answer may take. */
  async #quiet(signal: AbortSignal): Promise<boolean> {
    for (let late = 0; late < maxLateAnswers; late++) {
      const answer = await this.next('status', statusTimeoutMs, signal);
      if (answer === undefined) return !signal.aborted;
    }
    return false;
  }
}

/** What is answered in its turn. */
export const proofRequests = { 'gs-r': fenceRequest, asb: asbRequest } as const;

/** A request that cannot be written gets no answer, and that is seen. */
function send(port: BytePort, request: Uint8Array): void {
  void port.write(request).catch(() => undefined);
}
