// The port of the broker inside the relay, plain or TLS. Every connection waits at the door from its first packet on.
import { createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';
import { type readTls } from '../tls.ts';
import { maxConnections, type Door } from './door.ts';

/** A client that does not say who it is within this is dropped. */
export const connectTimeoutMs = 10_000;
/** After a restart all come back at once; the kernel may cut it down (net.core.somaxconn). */
const backlog = 4096;

export interface Listener {
  /** @returns the port. */
  listen(at: { host: string; port: number }): Promise<number>;
  listening(): boolean;
  /** Nobody comes in any more. Resolves when the last one is gone. */
  close(): Promise<void>;
  /** Ends every connection: the broker knows those alone who have said who they are. */
  clear(): void;
}

/** @param handle gets each connection, the bytes in clear. */
export function createListener(
  secure: ReturnType<typeof readTls> | undefined,
  door: Door,
  handle: (socket: Socket) => void,
): Listener {
  const server = serverOf(secure, door, handle);
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  return {
    listen: async ({ port, host }) => {
      await new Promise<void>((resolve, reject) => {
        server.once('error', reject);
        server.listen({ port, host, backlog }, resolve);
      });
      return (server.address() as AddressInfo).port;
    },
    listening: () => server.listening,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
      }),
    clear: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Its limits hold before TLS is done as well. */
function serverOf(
  secure: ReturnType<typeof readTls> | undefined,
  door: Door,
  handle: (socket: Socket) => void,
): Server {
  const enter = (socket: Socket): void => {
    door.enter(socket);
    handle(socket);
  };
  // Small packets both ways: with Nagle's algorithm one waits for the other's delayed acknowledgement, 40 ms.
  const quick = { noDelay: true };
  const server =
    secure === undefined
      ? createServer(quick)
      : createTlsServer({ ...quick, ...secure, handshakeTimeout: connectTimeoutMs });
  server.on('connection', (socket: Socket) => {
    door.knock(socket);
    if (secure === undefined) enter(socket);
  });
  server.on('secureConnection', enter);
  // Node leaves a socket whose handshake failed, or took too long, to whoever listens here.
  server.on('tlsClientError', (_error: Error, socket: Socket) => {
    socket.destroy();
  });
  server.maxConnections = maxConnections;
  return server;
}
