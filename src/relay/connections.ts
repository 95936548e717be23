// Who is connected to an HTTP server, and who of them waits for an answer. At a stop the others are let go at once: Node
// itself takes a connection that has never said a word for a busy one.
import { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { type Socket } from 'node:net';

export interface Connections {
  /** Ends whoever waits for nothing, and each of the others after its answer. */
  letGo(): void;
  /** Ends everybody. */
  cutOff(): void;
}

interface Connection {
  /** With TLS: the bare one, until the handshake is done. */
  socket: Socket;
  /** Requests that are not answered yet. */
  open: number;
}

/** Watches a server that has not listened yet. As many entries as it lets in (`maxConnections`). */
export function watchConnections(server: Server): Connections {
  const connections = new Map<string, Connection>();
  let leaving = false;

  function entered(socket: Socket): void {
    const name = nameOf(socket);
    const connection = { socket, open: connections.get(name)?.open ?? 0 };
    connections.set(name, connection);
    socket.once('close', () => {
      if (connections.get(name)?.socket === socket) connections.delete(name);
    });
  }

  server.on('connection', entered);
  server.on('secureConnection', entered);
  server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
    const connection = connections.get(nameOf(socket));
    if (connection === undefined) return;
    connection.open++;
    response.once('close', () => {
      connection.open--;
      if (leaving && connection.open === 0) connection.socket.destroySoon();
    });
  });

  return {
    letGo() {
      leaving = true;
      for (const { socket, open } of connections.values()) if (open === 0) socket.destroy();
    },
    cutOff() {
      for (const { socket } of connections.values()) socket.destroy();
    },
  };
}

/** Names a connection as long as it lives; TLS over it has the same. */
function nameOf({ remoteAddress = '', remotePort = 0 }: Socket): string {
  return `${remoteAddress} ${remotePort}`;
}
