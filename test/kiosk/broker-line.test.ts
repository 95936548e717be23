// The socket to the broker: where an address leads, and that a broker whose certificate does not hold hears nothing.
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  createServer as createTlsServer,
  getCACertificates,
  setDefaultCACertificates,
} from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { openBrokerLine } from '../../src/kiosk/broker-line.ts';
import { makeCertificates } from '../relay/mosquitto-server.ts';

const known = getCACertificates();
let folder: string;
let undo: AsyncDisposableStack;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-line-'));
  undo = new AsyncDisposableStack();
});
afterEach(async () => {
  setDefaultCACertificates(known);
  await undo.disposeAsync();
  rmSync(folder, { recursive: true });
});

async function listening(server: Server, host: string): Promise<number> {
  server.listen(0, host);
  await once(server, 'listening');
  undo.defer(() => void server.close());
  return (server.address() as AddressInfo).port;
}

/** Answers the first line with what it heard. */
function echo(): Server {
  return createServer((socket) => socket.on('data', (bytes) => socket.end(bytes)));
}

function tlsEcho(heard: (bytes: Buffer) => void): Server {
  makeCertificates(folder);
  const [key, cert] = ['broker.key', 'broker.crt'].map((name) => readFileSync(join(folder, name)));
  return createTlsServer({ key, cert }, (socket) => {
    socket.on('data', (bytes: Buffer) => {
      heard(bytes);
      socket.end(bytes);
    });
    socket.on('error', () => undefined); // Who does not trust it hangs up.
  });
}

const noFault = (error: Error): void => {
  throw error;
};

test.each(['127.0.0.1', '::1'])('mqtt:// leads to the broker at %s', async (host) => {
  const port = await listening(echo(), host);
  const at = host.includes(':') ? `[${host}]` : host;
  const socket = openBrokerLine(`mqtt://${at}:${port}`, noFault);
  socket.write('hello');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toBe('hello');
});

test('mqtts:// is TLS, with a certificate that is known', async () => {
  const port = await listening(
    tlsEcho(() => undefined),
    '127.0.0.1',
  );
  setDefaultCACertificates([readFileSync(join(folder, 'ca.crt'), 'utf8')]);
  const socket = openBrokerLine(`mqtts://127.0.0.1:${port}`, noFault);
  socket.write('hello');
  const [answer] = (await once(socket, 'data')) as [Buffer];
  expect(answer.toString()).toBe('hello');
});

test('a broker that nobody knows hears nothing, and why is told', async () => {
  const heard: Buffer[] = [];
  const port = await listening(
    tlsEcho((bytes) => heard.push(bytes)),
    '127.0.0.1',
  );
  const faults: unknown[] = [];
  const socket = openBrokerLine(`mqtts://127.0.0.1:${port}`, (error) => {
    faults.push((error as { code?: unknown }).code);
  });
  socket.write('password');
  // Not by `once` of node:events, which takes the error for its own.
  await new Promise((resolve) => socket.once('close', resolve));
  expect(faults).toEqual([expect.stringMatching(/CERT|ISSUER|SIGNATURE/)]);
  expect(heard).toEqual([]);
});

test('another kind of address is refused', () => {
  expect(() => openBrokerLine('ws://127.0.0.1:1', noFault)).toThrow('ws:');
});
