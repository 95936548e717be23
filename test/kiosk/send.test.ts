// How requests leave the kiosk: what no answer may do to it, whoever stands between it and its relay.
import { once } from 'node:events';
import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sendByHttp, type SendAnswer } from '../../src/kiosk/send.ts';

let server: Server;
let answer: RequestListener;
let asked: string[];

beforeEach(async () => {
  asked = [];
  server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`);
    answer(request, response);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterEach(() => {
  server.close();
  server.closeAllConnections();
});

function send(more: { body?: string; limitMs?: number } = {}): Promise<SendAnswer> {
  const { port } = server.address() as AddressInfo;
  const url = new URL(`http://127.0.0.1:${port}/asked`);
  return sendByHttp(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    limitMs: 20_000,
    maxBytes: 1000,
    ...more,
  });
}

test('a body arrives whole, and so does its answer', async () => {
  answer = (request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => response.writeHead(201).end(`heard ${body}`));
  };
  expect(await send({ body: 'Rp 15.000 …' })).toEqual({ status: 201, text: 'heard Rp 15.000 …' });
});

test('a redirect is no answer, and nobody goes there', async () => {
  answer = (_request, response) => {
    response.writeHead(307, { location: '/elsewhere' }).end('{}');
  };
  await expect(send()).rejects.toThrow('no whole answer');
  expect(asked).toEqual(['POST /asked']);
});

test('an answer that never ends is left when it is larger than asked for', async () => {
  answer = (_request, response) => {
    response.writeHead(200).write('x'.repeat(1001));
  };
  await expect(send()).rejects.toMatchObject({
    cause: { message: 'the answer is larger than any that the relay gives' },
  });
});

test('a relay that says nothing, or stops in mid-answer, is left when the limit is over', async () => {
  answer = () => undefined;
  await expect(send({ limitMs: 50 })).rejects.toThrow('no whole answer');
  answer = (_request, response) => {
    response.writeHead(200).write('half');
  };
  await expect(send({ limitMs: 50 })).rejects.toThrow('no whole answer');
});

test('an answer whose line breaks in the middle is none', async () => {
  answer = (_request, response) => {
    response.writeHead(200, { 'content-length': 100 });
    response.write('half', () => response.destroy());
  };
  await expect(send()).rejects.toThrow('no whole answer');
});

test('a port where nobody listens is told by its own code: nothing was sent', async () => {
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  const url = new URL(`http://127.0.0.1:${port}/`);
  const request = { method: 'GET', headers: {}, limitMs: 20_000, maxBytes: 1 };
  await expect(sendByHttp(url, request)).rejects.toMatchObject({ cause: { code: 'ECONNREFUSED' } });
});
