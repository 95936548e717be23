// The floor of the chain, kiosk's side: hears its line, keeps it, says so. Several kiosks in one process, one store.
import { connect } from 'node:net';
import { connectAsync } from 'mqtt';
import { readyChild } from '../child.ts';
import { createReporter } from '../reporter.ts';
import { openFloorStore, type FloorStore } from './store.ts';

const [store = '', path = '', where = '', ...kioskIds] = process.argv.slice(2);
const keep = openFloorStore(store as FloorStore, path);
const report = createReporter();

/** `stored` is called when it may be acknowledged. */
function take(text: string, stored: () => void): void {
  const { saleId } = JSON.parse(text) as { saleId: string };
  keep(saleId, text, () => {
    report(saleId);
    stored();
  });
}

async function overTcp(kioskId: string): Promise<void> {
  const socket = connect({ host: '127.0.0.1', port: Number(where), noDelay: true });
  await new Promise<void>((resolve, reject) => {
    socket.once('error', reject);
    socket.once('connect', () => socket.write(kioskId));
    socket.once('data', () => {
      resolve();
    });
  });
  let came: Buffer = Buffer.alloc(0);
  socket.on('data', (bytes: Buffer) => {
    came = came.length === 0 ? bytes : Buffer.concat([came, bytes]);
    while (came.length >= 4 && came.length >= 4 + came.readUInt32BE(0)) {
      const end = 4 + came.readUInt32BE(0);
      take(came.toString('utf8', 4, end), () => undefined);
      came = came.subarray(end);
    }
  });
}

async function overMqtt(kioskId: string): Promise<void> {
  const client = await connectAsync(where, { clientId: kioskId, protocolVersion: 4 });
  client.handleMessage = (packet, acknowledge) => {
    take(packet.payload.toString(), () => {
      acknowledge();
    });
  };
  await client.subscribeAsync(`k/${kioskId}/down`, { qos: 1 });
}

await Promise.all(kioskIds.map(where.startsWith('mqtt') ? overMqtt : overTcp));
readyChild({ up: true });
