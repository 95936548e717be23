// JSON lines over a unix socket: qemu's monitor and the guest's agent both speak so.
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { createInterface } from 'node:readline';
import { systemClock, wait } from '../../../src/lib/clock.ts';

export interface JsonSocket {
  send(message: object): void;
  close(): void;
}

const retryMs = 20;

/** Connects as soon as somebody listens there. @throws Error after `limitMs`, or when `signal` is aborted */
export async function connectSoon(
  path: string,
  limitMs: number,
  signal: AbortSignal,
): Promise<Socket> {
  const untilMs = systemClock.monotonicMs() + limitMs;
  for (;;) {
    signal.throwIfAborted();
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      if (systemClock.monotonicMs() > untilMs) throw error;
      await wait(systemClock, retryMs);
    }
  }
}

/** Calls for each message; a line that is no JSON (a guest's boot noise) is passed over. */
export function speakJson(socket: Socket, onMessage: (message: unknown) => void): JsonSocket {
  // The machine at the other end was switched off: told by the socket, and by its reader once more.
  socket.on('error', () => undefined);
  const lines = createInterface({ input: socket });
  lines.on('error', () => undefined);
  lines.on('line', (line) => {
    const message = parsed(line);
    if (message !== undefined) onMessage(message);
  });
  return {
    send: (message) => {
      socket.write(`${JSON.stringify(message)}\n`);
    },
    close: () => {
      socket.destroy();
    },
  };
}

function parsed(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
}
