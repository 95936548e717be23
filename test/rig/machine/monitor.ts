// qemu's monitor (QMP): the hardware of a guest, seen and changed from outside.
import { speakJson, type JsonSocket } from './json-socket.ts';
import type { Socket } from 'node:net';

type Message =
  | { return: unknown; id: number }
  | { error: { class: string; desc: string }; id: number }
  | { event: string; data?: Record<string, unknown> };

export class Monitor {
  readonly #line: JsonSocket;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  /** Names of all events so far: RESET, WATCHDOG, DEVICE_DELETED, … */
  readonly events: string[] = [];
  #lastId = 0;
  #closed = false;

  constructor(socket: Socket) {
    this.#line = speakJson(socket, (message) => {
      this.#take(message as Message);
    });
  }

  /** @throws Error in qemu's own words */
  async do(execute: string, args: object = {}): Promise<unknown> {
    if (this.#closed) throw new Error('the guest is off');
    const id = ++this.#lastId;
    const answer = Promise.withResolvers<unknown>();
    this.#waiting.set(id, answer);
    this.#line.send({ execute, arguments: args, id });
    return answer.promise;
  }

  /** Nobody answers any more. */
  close(): void {
    this.#closed = true;
    for (const { reject } of this.#waiting.values()) reject(new Error('the guest is off'));
    this.#line.close();
  }

  #take(message: Message): void {
    if ('event' in message) {
      this.events.push(message.event);
      return;
    }
    if (!('id' in message)) return; // The greeting.
    const answer = this.#waiting.get(message.id);
    this.#waiting.delete(message.id);
    if ('error' in message) answer?.reject(new Error(message.error.desc));
    else answer?.resolve(message.return);
  }
}
