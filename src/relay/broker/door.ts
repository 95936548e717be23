// The broker's door: counts what a connection sends before the broker sees it, so that nobody fills the memory with
// a packet that was only announced, and those who say nothing push each other out. It never changes a byte.
import { type Socket } from 'node:net';

/** All that a connection may send before it is admitted: a CONNECT with token and will is about 1 KB. */
const maxBeforeBytes = 4 * 1024;
/** One packet afterwards: more than a status with every part of a kiosk in it. */
const maxPacketBytes = 32 * 1024;
/**
 * Connections that have not said yet who they are; one more pushes the oldest out. Kiosks on slow lines that all come
 * back at once are among them, each with its TLS in the making: some 50 KB.
 */
export const maxWaiting = 1024;
/** All connections together: 10 000 kiosks, each twice while an old connection has not been missed yet. */
export const maxConnections = 20_000;

export interface Door {
  /** Somebody has connected, before TLS or MQTT have said a word: from here on it waits. */
  knock(socket: Socket): void;
  /** It is the broker's from here on, which pulls; with TLS, when that is done. */
  enter(socket: Socket): void;
  /** This one has said who it is, true or not: it waits no more. */
  named(connection: object): void;
  /** It is who it says, and may send more. */
  admit(connection: object): void;
}

/** `refused` is told why a connection was ended here. */
export function createDoor(refused: (reason: string) => void): Door {
  const gates = new WeakMap<object, { gate: Gate; from: string }>();
  const waiting = new Map<string, Socket>();
  return {
    knock(socket) {
      const [oldest] = waiting;
      if (oldest !== undefined && waiting.size >= maxWaiting) {
        waiting.delete(oldest[0]);
        oldest[1].destroy();
        refused('too many are waiting');
      }
      const from = peerOf(socket);
      waiting.set(from, socket);
      socket.once('close', () => {
        if (waiting.get(from) === socket) waiting.delete(from);
      });
    },
    enter(socket) {
      const gate = new Gate();
      gates.set(socket, { gate, from: peerOf(socket) });
      // Counted where the broker pulls: a stream of our own in between would double what a kiosk costs in memory.
      const pull = socket.read.bind(socket);
      socket.read = (size?: number): Buffer | null => {
        const chunk = pull(size) as Buffer | null;
        const fault = chunk === null ? undefined : gate.look(chunk);
        if (fault === undefined) return chunk;
        socket.destroy();
        refused(fault);
        return null;
      };
    },
    named(connection) {
      const entered = gates.get(connection);
      if (entered !== undefined) waiting.delete(entered.from);
    },
    admit(connection) {
      const entered = gates.get(connection);
      if (entered !== undefined) entered.gate.admitted = true;
    },
  };
}

/** Names a connection as long as it lives; TLS over it has the same. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

/** MQTT 3.1.1 §2.2.3: one type byte, then the remaining length in one to four bytes of seven bits, lowest first. */
class Gate {
  admitted = false;
  #seen = 0;
  /** Bytes of the present packet's body that are still to come; undefined inside a header. */
  #body: number | undefined;
  #headerBytes = 0;
  #length = 0;

  /** Walks over the packets in a chunk. Says why it must not pass. */
  look(chunk: Buffer): string | undefined {
    if (!this.admitted) {
      this.#seen += chunk.length;
      if (this.#seen > maxBeforeBytes) return 'too much before it said who it is';
    }
    for (let at = 0; at < chunk.length;) {
      if (this.#body === undefined) {
        if (!this.#header(chunk.readUInt8(at))) return 'too large a packet';
        at++;
      } else {
        const here = Math.min(this.#body, chunk.length - at);
        at += here;
        this.#body -= here;
        if (this.#body === 0) this.#body = undefined;
      }
    }
    return undefined;
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
