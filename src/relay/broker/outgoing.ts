// What the broker inside keeps for kiosks until they acknowledge it, in place of aedes' own store, which has no limit. A
// kiosk that acknowledges nothing loses it all and its connection with it: the outbox tells it again (PROTOCOL.md §5).
import { Readable } from 'node:stream';

/** As much of aedes' packets as this needs. */
interface Outgoing {
  readonly brokerId?: string;
  readonly brokerCounter?: number;
  readonly payload?: string | Buffer;
  messageId?: number | undefined;
}

interface Session {
  packets: Outgoing[];
  bytes: number;
}

/** The five methods of aedes' persistence that are about messages on their way out. */
export interface OutgoingMessages {
  outgoingEnqueue(to: { clientId: string }, packet: Outgoing): Promise<void>;
  outgoingEnqueueCombi(to: readonly { clientId: string }[], packet: Outgoing): Promise<void>;
  outgoingUpdate(client: { id: string }, packet: Outgoing): Promise<void>;
  outgoingClearMessageId(client: { id: string }, packet: Outgoing): Promise<Outgoing | undefined>;
  outgoingStream(client: { id: string }): Readable;
}

/** Ten times what the publisher hands over at once. */
export const maxUnacknowledged = 1_000;
export const maxUnacknowledgedBytes = 2 * 1024 * 1024;

/** @param overfull this session has just lost what waited for it: end its connection, if it has one. */
export function createOutgoing(overfull: (clientId: string) => void): OutgoingMessages {
  const sessions = new Map<string, Session>();

  function enqueue(clientId: string, packet: Outgoing): void {
    const session = sessions.get(clientId) ?? { packets: [], bytes: 0 };
    const bytes = session.bytes + sizeOf(packet);
    if (session.packets.length >= maxUnacknowledged || bytes > maxUnacknowledgedBytes) {
      sessions.delete(clientId);
      overfull(clientId);
      return;
    }
    // Its id on the wire is the session's own.
    session.packets.push({ ...packet, messageId: undefined });
    session.bytes = bytes;
    sessions.set(clientId, session);
  }

  /** False: it is not among those that wait. */
  function update(clientId: string, packet: Outgoing): boolean {
    const packets = sessions.get(clientId)?.packets ?? [];
    for (const [at, kept] of packets.entries()) {
      // Its number in this broker names a packet; the id on the wire comes round again.
      if (kept.brokerId === packet.brokerId) {
        if (kept.brokerCounter !== packet.brokerCounter) continue;
        kept.messageId = packet.messageId;
        return true;
      }
      if (kept.messageId === packet.messageId) {
        packets[at] = packet;
        return true;
      }
    }
    return false;
  }

  function clear(clientId: string, { messageId }: Outgoing): Outgoing | undefined {
    const session = sessions.get(clientId);
    const at = session?.packets.findIndex((kept) => kept.messageId === messageId) ?? -1;
    if (session === undefined || at < 0) return undefined;
    const [cleared] = session.packets.splice(at, 1);
    session.bytes -= cleared === undefined ? 0 : sizeOf(cleared);
    if (session.packets.length === 0) sessions.delete(clientId);
    return cleared;
  }

  return {
    outgoingEnqueue({ clientId }, packet) {
      enqueue(clientId, packet);
      return Promise.resolve();
    },
    outgoingEnqueueCombi(to, packet) {
      for (const { clientId } of to) enqueue(clientId, packet);
      return Promise.resolve();
    },
    outgoingUpdate: ({ id }, packet) =>
      update(id, packet) ? Promise.resolve() : Promise.reject(new Error('no such packet')),
    outgoingClearMessageId: ({ id }, packet) => Promise.resolve(clear(id, packet)),
    // A copy: what is acknowledged meanwhile leaves the other one.
    outgoingStream: ({ id }) => Readable.from([...(sessions.get(id)?.packets ?? [])]),
  };
}

function sizeOf({ payload }: Outgoing): number {
  return payload === undefined ? 0 : Buffer.byteLength(payload);
}
