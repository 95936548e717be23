// Questions to a printer, and the bytes that it sends back, sorted and handed to whoever waits for that kind. What
// nobody waits for is dropped; an answer that comes too late, or something else's bytes, must never pass for another.
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
  /** A question was given up, and its answer may still come: answers do not say which question they are for. */
  #owed: Awaited | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
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
    if (this.#owed !== undefined && !(await this.#quiet(this.#owed, signal))) return undefined;
    switch (way) {
      case 'none':
        return undefined;
      case 'dle-eot':
        return this.#realTimeStatus(port, signal);
      case 'asb':
      case 'gs-r': {
        const answer = this.inTurn(way, statusTimeoutMs, signal);
        send(port, proofRequests[way]);
        return answer;
      }
    }
  }

  /**
   * Waits for the answer to `proofRequests[way]`, which the printer gives when it has worked off all before it.
   * Whoever calls it sends the request afterwards.
   */
  async inTurn(
    way: Exclude<ProofWay, 'none'>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<PrinterStatus | undefined> {
    if (way === 'asb') return parseAsb((await this.#asked('asb', timeoutMs, signal)) ?? []);
    const [byte] = (await this.#asked('fence', timeoutMs, signal)) ?? [];
    return byte === undefined ? undefined : parseFence(byte);
  }

  /** Has the printer throw away what it holds. `stuck`: it does not even take the request. Never rejects. */
  async clear(port: BytePort, signal: AbortSignal): Promise<'cleared' | 'mute' | 'stuck'> {
    const answer = this.next('clear', statusTimeoutMs, signal);
    const write = port.write(clearRequest).then(
      () => 'mute' as const,
      () => 'stuck' as const,
    );
    if ((await answer)?.join() === clearAnswer.join()) return 'cleared';
    return Promise.race([write, Promise.resolve('stuck' as const)]);
  }

  async #realTimeStatus(port: BytePort, signal: AbortSignal): Promise<PrinterStatus | undefined> {
    let status = allWell;
    for (const topic of statusTopics) {
      const answer = this.#asked('status', statusTimeoutMs, signal);
      send(port, statusRequest(topic));
      const [byte] = (await answer) ?? [];
      const part = byte === undefined ? undefined : parseStatus(topic, byte);
      if (part === undefined) return undefined;
      status = mergeStatus(status, part);
    }
    return status;
  }

  async #asked(kind: Awaited, timeoutMs: number, signal: AbortSignal): Promise<Answer | undefined> {
    const answer = await this.next(kind, timeoutMs, signal);
    this.#owed = answer === undefined ? kind : undefined;
    return answer;
  }

  /** After a question was given up, none is asked until the line has been quiet for as long as an answer may take. */
  async #quiet(kind: Awaited, signal: AbortSignal): Promise<boolean> {
    for (let late = 0; late < maxLateAnswers; late++) {
      const answer = await this.next(kind, statusTimeoutMs, signal);
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
