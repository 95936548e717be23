// Questions to a printer, and the bytes that it sends back, sorted and handed to whoever waits for that kind. An answer that nobody waits
// for is dropped: it belongs to a question that was given up.
import type { Clock } from '../../src/lib/clock.ts';
import type { BytePort } from '../ports.ts';
import { allWell, mergeStatus, parseStatus, replyKind } from './status.ts';
import { statusRequest, statusTopics, type PrinterStatus } from './status.ts';

/** A printer that knows DLE EOT answers within milliseconds; one that does not never will. */
const statusTimeoutMs = 500;

type Awaited = 'status' | 'fence';

export class Replies {
  readonly #clock: Clock;
  #waiting: { kind: Awaited; settle: (byte: number | undefined) => void } | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Takes what came from the line, in pieces of any size. */
  take(bytes: Uint8Array): void {
    for (const byte of bytes) {
      if (this.#waiting?.kind === replyKind(byte)) this.#waiting.settle(byte);
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
    let status = allWell;
    for (const topic of statusTopics) {
      const answer = this.next('status', statusTimeoutMs, signal);
      // A request that cannot be written gets no answer, and that is seen below.
      void port.write(statusRequest(topic)).catch(() => undefined);
      const byte = await answer;
      const part = byte === undefined ? undefined : parseStatus(topic, byte);
      if (part === undefined) return undefined;
      status = mergeStatus(status, part);
    }
    return status;
  }
}
