// The floor of the chain, relay's side: a notice over node:http, its signature, a durable line, then out to the kiosk.
// Nothing of a product: no get-status, no ledger, no proof, no outbox.
import { createHash, timingSafeEqual } from 'node:crypto';
import { createServer, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer, type AddressInfo, type Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import { signedText } from '../midtrans/signed-text.ts';
import { readyChild } from '../child.ts';
import { openFloorStore, type FloorStore } from './store.ts';

const [store = '', path = '', brokerUrl = ''] = process.argv.slice(2);
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
const server = createServer((request, response) => {
  void bodyOf(request).then((body) => {
    const notice = isSigned(body);
    if (notice === undefined) {
      response.writeHead(403, { 'content-length': 0 }).end();
      return;
    }
    const { saleId } = notice;
    keep(saleId, body, () => {
      publish(saleId.slice(0, saleId.indexOf('-')), JSON.stringify({ saleId, verdict: 'paid' }));
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
