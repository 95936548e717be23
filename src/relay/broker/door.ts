// The broker's door: counts what a connection sends before the broker sees it, so that nobody fills the memory with
// a packet that was only announced. It looks at lengths alone and never changes a byte.
import { type Socket } from 'node:net';
import { Duplex, Transform, pipeline, type TransformCallback } from 'node:stream';

/** All that a connection may send before it is admitted: a CONNECT with token and will is about 1 KB. */
const maxBeforeBytes = 4 * 1024;
/** One packet afterwards: more than a status with every part of a kiosk in it. */
const maxPacketBytes = 32 * 1024;
/** Connections that have not said yet who they are; one more pushes the oldest out. */
const maxWaiting = 256;
/** All connections together. */
export const maxConnections = 4096;

export interface Door {
  /** The connection as the broker shall see it. */
  enter(socket: Socket): Duplex;
  /** This one has said who it is, and may send more. */
  admit(connection: unknown): void;
}

/** `refused` is told why a connection was ended here. */
export function createDoor(refused: (reason: string) => void): Door {
  const gates = new WeakMap<object, Gate>();
  const waiting = new Map<Gate, Socket>();
  return {
    enter(socket) {
      const [oldest] = waiting;
      if (oldest !== undefined && waiting.size >= maxWaiting) {
        waiting.delete(oldest[0]);
        oldest[1].destroy();
        refused('too many are waiting');
      }
      const gate = new Gate();
      waiting.set(gate, socket);
      pipeline(socket, gate, (error) => {
        waiting.delete(gate);
        if (error instanceof TooLarge) refused(error.message);
      });
      const connection = Duplex.from({ readable: gate, writable: socket });
      gates.set(connection, gate);
      return connection;
    },
    admit(connection) {
      const gate = typeof connection === 'object' && connection !== null && gates.get(connection);
      if (!(gate instanceof Gate)) return;
      gate.admitted = true;
      waiting.delete(gate);
    },
  };
}

class TooLarge extends Error {}

/** MQTT 3.1.1 §2.2.3: one type byte, then the remaining length in one to four bytes of seven bits, lowest first. */
class Gate extends Transform {
  admitted = false;
  #seen = 0;
  /** Bytes of the present packet's body that are still to come; undefined inside a header. */
  #body: number | undefined;
  #headerBytes = 0;
  #length = 0;

  override _transform(chunk: Buffer, _encoding: BufferEncoding, done: TransformCallback): void {
    this.#seen += chunk.length;
    if (!this.admitted && this.#seen > maxBeforeBytes) {
      done(new TooLarge('too much before it said who it is'));
    } else if (!this.#measure(chunk)) {
      done(new TooLarge('too large a packet'));
    } else {
      done(null, chunk);
    }
  }

  /** Walks over the packets in a chunk. False: one of them is too large. */
  #measure(chunk: Buffer): boolean {
    for (let at = 0; at < chunk.length;) {
      if (this.#body === undefined) {
        if (!this.#header(chunk.readUInt8(at))) return false;
        at++;
      } else {
        const here = Math.min(this.#body, chunk.length - at);
        at += here;
        this.#body -= here;
        if (this.#body === 0) this.#body = undefined;
      }
    }
    return true;
  }

  #header(byte: number): boolean {
    const place = this.#headerBytes++ - 1;
    if (place < 0) return true;
    this.#length += (byte & 127) * 128 ** place;
    if (this.#length > (this.admitted ? maxPacketBytes : maxBeforeBytes)) return false;
    // A fifth byte of length does not exist; the broker says so itself.
    if (byte > 127 && place < 3) return true;
    this.#body = this.#length === 0 ? undefined : this.#length;
    this.#headerBytes = 0;
    this.#length = 0;
    return true;
  }
}
