// The far end of a byte port, for virtual keypads and scanners: listens, can be unplugged and plugged in again.
import { lstat, unlink } from 'node:fs/promises';
import { createServer, type Server, type Socket } from 'node:net';
import { EventEmitter, once } from 'node:events';

/** A reader that lets more than this pile up is cut off. */
const maxBacklog = 64 * 1024;

/** Where it listens: a unix socket, or loopback TCP on a free port. */
export type VirtualPlace = { path: string } | { tcp: true };

export interface VirtualPort {
  /** The address for a driver: `unix:/PATH` or `tcp:127.0.0.1:PORT`. */
  readonly at: string;
  /** Sends to all that have it open; false when nobody has, and the bytes are lost. */
  readonly send: (bytes: Uint8Array) => boolean;
  /** Resolves when somebody has it open. */
  readonly whenOpened: () => Promise<void>;
  /** Cuts every connection and refuses new ones. */
  readonly unplug: () => Promise<void>;
  /** Listens again at the same place. */
  readonly plug: () => Promise<void>;
}

/** Starts plugged in. */
export async function createVirtualPort(place: VirtualPlace): Promise<VirtualPort> {
  const open = new Set<Socket>();
  const events = new EventEmitter();
  let server: Server | undefined;
  let port = 0;

  const plug = async (): Promise<void> => {
    if (server !== undefined) return;
    if ('path' in place) await removeStaleSocket(place.path);
    const next = createServer((socket) => {
      open.add(socket);
      socket.on('error', () => undefined); // A driver that went away is no fault of the device.
      socket.on('close', () => open.delete(socket));
      socket.resume(); // What is sent to an input device is thrown away.
      events.emit('opened');
    });
    server = next;
    next.listen('path' in place ? { path: place.path } : { host: '127.0.0.1', port });
    await once(next, 'listening');
    const address = next.address();
    if (address !== null && typeof address === 'object') port = address.port;
  };

  await plug();
  return {
    at: 'path' in place ? `unix:${place.path}` : `tcp:127.0.0.1:${port}`,
    send: (bytes) => {
      for (const socket of open) {
        if (socket.writableLength > maxBacklog) socket.destroy();
        else socket.write(bytes);
      }
      return open.size > 0;
    },
    whenOpened: async () => {
      if (open.size === 0) await once(events, 'opened');
    },
    plug,
    unplug: async () => {
      const last = server;
      server = undefined;
      for (const socket of open) socket.destroy();
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
