// What is no HTTP at all, or not finished in time: answered like every other fault, with a problem document, and cut off.
import { STATUS_CODES } from 'node:http';
import { type Duplex } from 'node:stream';
import { problemOf, problemType } from './problems.ts';

/** Node's code of the fault, to the status that says it; all others are 400. */
const statuses: Readonly<Record<string, number>> = {
  HPE_HEADER_OVERFLOW: 431,
  ERR_HTTP_REQUEST_TIMEOUT: 408,
};

/** For Fastify's `clientErrorHandler`: no request was made of it, so nothing else answers. */
export function refuseMalformed(ledgerId: string) {
  return (error: Error & { code?: string }, socket: Duplex): void => {
    // Gone already, or there is an answer on the line that this one would run into. Before the handshake nothing can be
    // said, and an end that waits for that would keep the socket for ever.
    const isDeaf = isHandshaking(socket) || !socket.writable || hasAnswered(socket);
    if (error.code === 'ECONNRESET' || isDeaf) {
      socket.destroy();
      return;
    }
    const status = statuses[error.code ?? ''] ?? 400;
    const detail = 'the request is no HTTP that can be read';
    const body = JSON.stringify({ ...problemOf('bad-request', ledgerId, { detail }), status });
    const head = [
      `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? ''}`,
      `Content-Type: ${problemType}`,
      `Content-Length: ${Buffer.byteLength(body)}`,
      'Connection: close',
    ];
    socket.end(`${head.join('\r\n')}\r\n\r\n${body}`, () => {
      socket.destroy();
    });
  };
}

function isHandshaking(socket: Duplex): boolean {
  return 'secureConnecting' in socket && socket.secureConnecting === true;
}

function hasAnswered(socket: Duplex): boolean {
  return 'bytesWritten' in socket && socket.bytesWritten !== 0;
}
