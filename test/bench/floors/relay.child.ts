// The floor of the chain, relay's side: a notice over node:http, its signature, a durable line, then out to the kiosk.
// Nothing of a product: no ledger, no outbox. With Midtrans and a key it has a relay's obligations and nothing else: it
// asks, keeps the answer, signs what it tells, and keeps the kiosk's acknowledgement.
import assert from 'node:assert';
import { createHash, createPrivateKey, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer, Socket, type AddressInfo } from 'node:net';
import { connectAsync } from 'mqtt';
import { Pool } from 'undici';
import { signJws } from '../../../src/protocol/jws.ts';
import { assertSettled, signedText } from '../midtrans/signed-text.ts';
import { readyChild } from '../child.ts';
import { openFloorStore, type FloorStore } from './store.ts';

const [store = '', path = '', brokerUrl = '', midtransUrl = '', key = ''] = process.argv.slice(2);
const keep = openFloorStore(store as FloorStore, path);

type Publish = (kioskId: string, text: string) => void;

/** Four bytes of length, then the text: over one TCP connection a kiosk. */
async function rawLine(): Promise<{ port: number; publish: Publish }> {
  const kiosks = new Map<string, Socket>();
  const server = createTcpServer({ noDelay: true }, (socket) => {
    socket.once('data', (name) => {
      kiosks.set(name.toString(), socket);
      socket.write('+');
    });
    socket.on('error', () => socket.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    publish: (kioskId, text) => {
      const frame = Buffer.allocUnsafe(4 + Buffer.byteLength(text));
      frame.writeUInt32BE(frame.length - 4, 0);
      frame.write(text, 4);
      kiosks.get(kioskId)?.write(frame);
    },
  };
}

async function brokerLine(): Promise<{ port: number; publish: Publish }> {
  const client = await connectAsync(brokerUrl, { clientId: 'floor-relay', protocolVersion: 4 });
  // Small packets both ways, as in kios: Nagle's algorithm would wait for the other's delayed acknowledgement, 40 ms.
  if (client.stream instanceof Socket) client.stream.setNoDelay();
  client.handleMessage = (packet, acknowledge) => {
    const saleId = packet.payload.toString();
    keep(`${saleId} acked`, saleId, acknowledge);
  };
  if (midtransUrl !== '') await client.subscribeAsync('k/+/up', { qos: 1 });
  return {
    port: 0,
    publish: (kioskId, text) => client.publish(`k/${kioskId}/down`, text, { qos: 1 }),
  };
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks).toString('utf8');
}

function isSigned(body: string): { saleId: string } | undefined {
  const { saleId, text, signature } = signedText(body);
  const expected = createHash('sha512').update(text).digest();
  const given = Buffer.from(signature, 'hex');
  return given.length === expected.length && timingSafeEqual(given, expected)
    ? { saleId }
    : undefined;
}

const { port, publish } = await (brokerUrl === '' ? rawLine() : brokerLine());

function tell(saleId: string, more: Readonly<Record<string, string>> = {}): void {
  const kioskId = saleId.slice(0, saleId.indexOf('-'));
  publish(kioskId, JSON.stringify({ saleId, verdict: 'paid', ...more }));
}

/** As many connections as notices are in flight. */
const midtrans = midtransUrl === '' ? undefined : new Pool(midtransUrl, { connections: 64 });
const privateKey = key === '' ? undefined : createPrivateKey(key);

/** What a relay owes besides: the money is Midtrans' word, kept before it is told, and told under a signature. */
async function confirm(saleId: string): Promise<void> {
  assert(midtrans !== undefined && privateKey !== undefined);
  const { body } = await midtrans.request({ method: 'GET', path: `/v2/${saleId}/status` });
  const text = await body.text();
  assertSettled(text, 15_000);
  keep(`${saleId} paid`, text, () => {
    tell(saleId, { proof: signJws({ kid: 'floor' }, { saleId, verdict: 'paid' }, privateKey) });
  });
}

const server = createServer((request, response) => {
  void bodyOf(request).then((body) => {
    const notice = isSigned(body);
    if (notice === undefined) {
      response.writeHead(403, { 'content-length': 0 }).end();
      return;
    }
    const { saleId } = notice;
    keep(saleId, body, () => {
      if (midtrans === undefined) tell(saleId);
      else void confirm(saleId);
      response.writeHead(200, { 'content-type': 'application/json', 'content-length': 11 });
      response.end('{"ok":true}');
    });
  });
});
server.listen(0, '127.0.0.1', () => {
  readyChild({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    linePort: port,
  });
});
