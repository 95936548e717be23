// The far end of a byte port, for all virtual devices: listens, can be unplugged and plugged in again. It knows no device.
import { lstat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { EventEmitter, once } from 'node:events';

/** A reader that lets more than this pile up is cut off. */
const maxBacklog = 64 * 1024;

/** Where it listens: a unix socket's path, or a TCP port of the loopback (0 takes a free one, and keeps it). */
export type VirtualPlace = { path: string } | { port: number };

export interface VirtualPort {
  /** The address for a driver: `unix:/PATH` or `tcp:127.0.0.1:PORT`. */
  readonly at: string;
  /** Who has it open. */
  readonly sockets: ReadonlySet<Socket>;
  /** Sends to all that have it open; false when nobody has, and the bytes are lost. */
  readonly send: (bytes: Uint8Array) => boolean;
  /** Resolves when somebody has it open. */
  readonly whenOpened: () => Promise<void>;
  /** Cuts every connection and refuses new ones. */
  readonly unplug: () => Promise<void>;
  /** Listens again at the same place. */
  readonly plug: () => Promise<void>;
}

/**
 * Starts plugged in. `onOpen` gets each connection and listens to it; without it, what is sent here is thrown away.
 * @throws Error when the address is taken
 */
export async function createVirtualPort(
  place: VirtualPlace,
  onOpen: (socket: Socket) => void = (socket) => socket.resume(),
): Promise<VirtualPort> {
  const sockets = new Set<Socket>();
  const events = new EventEmitter();
  let server: Server | undefined;
  let port = 'port' in place ? place.port : 0;

  const plug = async (): Promise<void> => {
    if (server !== undefined) return;
    if ('path' in place) await removeStaleSocket(place.path);
    const next = createServer((socket) => {
      sockets.add(socket);
      socket.on('error', () => undefined); // A driver that went away is no fault of the device.
      socket.on('close', () => sockets.delete(socket));
      onOpen(socket);
      events.emit('opened');
    });
    next.listen('path' in place ? { path: place.path } : { host: '127.0.0.1', port });
    await once(next, 'listening');
    server = next;
    const address = next.address();
    if (address !== null && typeof address === 'object') port = address.port;
  };

  await plug();
  return {
    at: 'path' in place ? `unix:${place.path}` : `tcp:127.0.0.1:${port}`,
    sockets,
    send: (bytes) => {
      for (const socket of sockets) {
        if (socket.writableLength > maxBacklog) socket.destroy();
        else socket.write(bytes);
      }
      return sockets.size > 0;
    },
    whenOpened: async () => {
      if (sockets.size === 0) await once(events, 'opened');
    },
    plug,
    unplug: async () => {
      const last = server;
      server = undefined;
      for (const socket of sockets) socket.destroy();
      sockets.clear(); // Their `close` may come after the next plug, and nobody has it open now.
      if (last === undefined) return;
      const gone = once(last, 'close');
      last.close();
      await gone;
    },
  };
}

/** A program that was killed leaves its socket behind. Nothing else is ever removed. */
async function removeStaleSocket(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found?.isSocket() === true) await unlink(path);
}
