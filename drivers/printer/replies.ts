// Questions to a printer, and the bytes that it sends back, sorted and handed to whoever waits for that kind. What
// nobody waits for is dropped; an answer that comes too late, or something else's bytes, must never pass for another.
import type { Clock } from '../../src/lib/clock.ts';
import type { BytePort } from '../ports.ts';
import { allWell, mergeStatus, parseStatus, replyKind } from './status.ts';
import { statusRequest, statusTopics, type PrinterStatus } from './status.ts';

/** A printer that knows DLE EOT answers within milliseconds; one that does not never will. */
const statusTimeoutMs = 500;

/** Answers that are waited out after a question was given up; a printer that sends more is not understood. */
const maxLateAnswers = 16;

/** Bytes after the head of an automatic status back; by their fixed bits they look like answers to GS r. */
const asbTailBytes = 3;

type Awaited = 'status' | 'fence';

export class Replies {
  readonly #clock: Clock;
  #waiting: { kind: Awaited; settle: (byte: number | undefined) => void } | undefined;
  #asbTailLeft = 0;
  /** A question was given up, and its answer may still come: DLE EOT answers do not say which question they are for. */
  #owed = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes what came from the line, in pieces of any size. */
  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      const kind = replyKind(byte);
      if (kind === 'asb') this.#asbTailLeft = asbTailBytes;
      else if (kind === 'fence' && this.#asbTailLeft > 0) this.#asbTailLeft -= 1;
      else if (this.#waiting?.kind === kind) this.#waiting.settle(byte);
    }
  }

  /** The next answer of that kind; undefined after `timeoutMs` or an abort. One waits at a time. */
  async next(kind: Awaited, timeoutMs: number, signal: AbortSignal): Promise<number | undefined> {
    return new Promise((resolve) => {
      const settle = (byte: number | undefined): void => {
        cancel();
        signal.removeEventListener('abort', giveUp);
        if (this.#waiting === mine) this.#waiting = undefined;
        resolve(byte);
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

  /** Asks for all that the printer says of itself; undefined when one answer did not come. Never rejects. */
  async status(port: BytePort, signal: AbortSignal): Promise<PrinterStatus | undefined> {
    if (this.#owed && !(await this.#quiet(signal))) return undefined;
    let status = allWell;
    for (const topic of statusTopics) {
      const answer = this.next('status', statusTimeoutMs, signal);
      // A request that cannot be written gets no answer, and that is seen below.
      void port.write(statusRequest(topic)).catch(() => undefined);
      const byte = await answer;
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
