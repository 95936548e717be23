// The broker's door: counts what a connection sends before the broker sees it, so that nobody fills the memory with
// a packet that was only announced, and those who say nothing push each other out. It never changes a byte.
import { type Socket } from 'node:net';
import { type Clock } from '../../lib/clock.ts';
import { connectionCost, createPaces, type Allowance } from './pace.ts';

/** All that a connection may send before it is admitted: a CONNECT with token and will is about 1 KB. */
const maxBeforeBytes = 4 * 1024;
/** One packet afterwards: more than a status with every part of a kiosk in it. */
const maxPacketBytes = 32 * 1024;
/**
 * Connections that have not said yet who they are; one more pushes out the oldest of the address that has most of them.
 * Kiosks on slow lines that all come back at once are among them, each with its TLS in the making: some 50 KB.
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
  /** It is who it says, and may send more, as much as a kiosk of this id may in all. */
  admit(connection: object, kioskId: string): void;
}

/** @param refused is told why a connection was ended here, and whose it was: a kiosk's id or an address. */
export function createDoor(
  clock: Pick<Clock, 'monotonicMs'>,
  refused: (reason: string, whose: string) => void,
): Door {
  const gates = new WeakMap<object, { gate: Gate; from: string; socket: Socket }>();
  const waiting = new Map<string, Socket>();
  const paces = createPaces();

  function end(socket: Socket, reason: string, whose: string): void {
    socket.destroy();
    refused(reason, whose);
  }
  return {
    knock(socket) {
      const crowd = waiting.size < maxWaiting ? undefined : oldestOfMost(waiting);
      if (crowd !== undefined) {
        waiting.delete(crowd.from);
        end(crowd.socket, 'too many are waiting', crowd.address);
      }
      const from = peerOf(socket);
      waiting.set(from, socket);
      socket.once('close', () => {
        if (waiting.get(from) === socket) waiting.delete(from);
      });
    },
    enter(socket) {
      const gate = new Gate();
      const address = socket.remoteAddress ?? '';
      gates.set(socket, { gate, from: peerOf(socket), socket });
      // Counted where the broker pulls: a stream of our own in between would double what a kiosk costs in memory.
      const pull = socket.read.bind(socket);
      socket.read = (size?: number): Buffer | null => {
        const chunk = pull(size) as Buffer | null;
        const fault = chunk === null ? undefined : gate.look(chunk, clock.monotonicMs());
        if (fault === undefined) return chunk;
        end(socket, fault, gate.kioskId ?? address);
        return null;
      };
    },
    named(connection) {
      const entered = gates.get(connection);
      if (entered !== undefined) waiting.delete(entered.from);
    },
    admit(connection, kioskId) {
      const entered = gates.get(connection);
      if (entered === undefined) return;
      const allowance = paces.of(kioskId);
      entered.gate.admit(kioskId, allowance);
      if (!allowance.spend(connectionCost, 0, clock.monotonicMs())) {
        end(entered.socket, tooFast, kioskId);
      }
    },
  };
}

const tooFast = 'more than a kiosk may send';

/** So one address cannot push out those of another. */
function oldestOfMost(
  waiting: ReadonlyMap<string, Socket>,
): { from: string; socket: Socket; address: string } | undefined {
  const crowds = new Map<string, { from: string; socket: Socket; address: string; size: number }>();
  let most: { from: string; socket: Socket; address: string; size: number } | undefined;
  for (const [from, socket] of waiting) {
    const address = addressOf(from);
    const crowd = crowds.get(address) ?? { from, socket, address, size: 0 };
    crowd.size++;
    crowds.set(address, crowd);
    if (most === undefined || crowd.size > most.size) most = crowd;
  }
  return most;
}

/** Names a connection as long as it lives; TLS over it has the same. */
function peerOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}

function addressOf(peer: string): string {
  return peer.slice(0, peer.lastIndexOf(' '));
}

/** MQTT 3.1.1 §2.2.3: one type byte, then the remaining length in one to four bytes of seven bits, lowest first. */
class Gate {
  /** Undefined: it has not been admitted. */
  kioskId: string | undefined;
  #allowance: Allowance | undefined;
  #seen = 0;
  #packets = 0;
  /** Bytes of the present packet's body that are still to come; undefined inside a header. */
  #body: number | undefined;
  #headerBytes = 0;
  #length = 0;

  admit(kioskId: string, allowance: Allowance): void {
    this.kioskId = kioskId;
    this.#allowance = allowance;
  }

  /** Walks over the packets in a chunk. Says why it must not pass. */
  look(chunk: Buffer, nowMs: number): string | undefined {
    if (this.#allowance === undefined) {
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
    const packets = this.#packets;
    this.#packets = 0;
    const free = this.#allowance?.spend(packets, chunk.length, nowMs) ?? true;
    return free ? undefined : tooFast;
  }

  #header(byte: number): boolean {
    const place = this.#headerBytes++ - 1;
    if (place < 0) {
      this.#packets++;
      return true;
    }
    this.#length += (byte & 127) * 128 ** place;
    if (this.#length > (this.#allowance === undefined ? maxBeforeBytes : maxPacketBytes))
      return false;
    // A fifth byte of length does not exist; the broker says so itself.
    if (byte > 127 && place < 3) return true;
    this.#body = this.#length === 0 ? undefined : this.#length;
    this.#headerBytes = 0;
    this.#length = 0;
    return true;
  }
}
