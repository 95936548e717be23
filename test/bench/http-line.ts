// HTTP as cheaply as it can be asked: requests made beforehand, one keep-alive connection a line, one answer at a time.
// The servers that are measured share the cores with whoever asks, so asking must cost next to nothing.
import assert from 'node:assert';
import { connect, type Socket } from 'node:net';
import { systemClock } from '../../src/lib/clock.ts';

export interface HttpAnswer {
  status: number;
  body: string;
  /** Monotonic, when its last byte came. */
  atMs: number;
}

export interface HttpLine {
  /** One at a time. Rejects when the line breaks; then the line is done. */
  ask(request: Buffer): Promise<HttpAnswer>;
  /** Bytes of all requests and answers so far. */
  bytes(): { sent: number; received: number };
  close(): void;
}

const noDelay = true;

/** A request's bytes, ready to be sent. */
export function httpRequest(
  method: string,
  path: string,
  body = '',
  headers: Readonly<Record<string, string>> = {},
): Buffer {
  const lines = [
    `${method} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    ...(body === ''
      ? []
      : ['content-type: application/json', `content-length: ${Buffer.byteLength(body)}`]),
    ...Object.entries(headers).map(([name, value]) => `${name}: ${value}`),
  ];
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n${body}`);
}

/** Opens a line to `url`'s host and port. */
export async function openHttpLine(url: string): Promise<HttpLine> {
  const { hostname, port } = new URL(url);
  const socket = connect({ host: hostname, port: Number(port), noDelay });
  await new Promise<void>((resolve, reject) => {
    socket.once('connect', resolve);
    socket.once('error', reject);
  });
  return lineOver(socket);
}

function lineOver(socket: Socket): HttpLine {
  let came: Buffer = Buffer.alloc(0);
  let waiting: PromiseWithResolvers<HttpAnswer> | undefined;
  const broken = (error: Error): void => {
    waiting?.reject(error);
    waiting = undefined;
  };
  socket.on('error', broken);
  socket.on('close', () => {
    broken(new Error('the line was closed'));
  });
  socket.on('data', (bytes) => {
    came = came.length === 0 ? bytes : Buffer.concat([came, bytes]);
    const answer = wholeAnswer(came);
    if (answer === undefined) return;
    came = Buffer.alloc(0);
    const asked = waiting;
    waiting = undefined;
    asked?.resolve(answer);
  });
  return {
    ask(request) {
      assert(waiting === undefined, 'a line asks one thing at a time');
      waiting = Promise.withResolvers();
      socket.write(request);
      return waiting.promise;
    },
    bytes: () => ({ sent: socket.bytesWritten, received: socket.bytesRead }),
    close: () => socket.destroy(),
  };
}

/** Undefined: more is to come. @throws for an answer without a length, which none of our servers gives. */
function wholeAnswer(came: Buffer): HttpAnswer | undefined {
  const headEnd = came.indexOf('\r\n\r\n');
  if (headEnd < 0) return undefined;
  const head = came.toString('latin1', 0, headEnd);
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
  assert(length !== undefined, `an answer without a length: ${head}`);
  const end = headEnd + 4 + Number(length);
  if (came.length < end) return undefined;
  const atMs = systemClock.monotonicMs();
  return { status: Number(head.slice(9, 12)), body: came.toString('utf8', headEnd + 4, end), atMs };
}

/** All requests over so many lines at once; answers when the last answer came. @throws on another status. */
export async function flood(
  lines: readonly HttpLine[],
  requests: readonly Buffer[],
  expected: number,
): Promise<{ lastAtMs: number }> {
  const left = requests.values();
  let lastAtMs = 0;
  await Promise.all(
    lines.map(async (line) => {
      for (const request of left) {
        const answer = await line.ask(request);
        assert.equal(answer.status, expected, answer.body);
        lastAtMs = Math.max(lastAtMs, answer.atMs);
      }
    }),
  );
  return { lastAtMs };
}

/** Opens so many lines; `close` them all. */
export async function openHttpLines(
  url: string,
  count: number,
): Promise<{ lines: HttpLine[]; close: () => void }> {
  const lines = await Promise.all(Array.from({ length: count }, () => openHttpLine(url)));
  return {
    lines,
    close: () => {
      for (const line of lines) line.close();
    },
  };
}
