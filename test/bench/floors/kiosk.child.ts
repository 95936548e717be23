// The floor of the chain, kiosk's side: hears its line, keeps it, says so. Several kiosks in one process, one store. With a
// key it believes nothing that is not signed with it, and acknowledges what it has kept at its own level as well.
import assert from 'node:assert';
import { createPublicKey } from 'node:crypto';
import { connect, Socket } from 'node:net';
import { connectAsync } from 'mqtt';
import { openJws } from '../../../src/protocol/jws.ts';
import { readyChild } from '../child.ts';
import { createReporter } from '../reporter.ts';
import { openFloorStore, type FloorStore } from './store.ts';

const [store = '', path = '', where = '', key = '', ...kioskIds] = process.argv.slice(2);
const publicKey = key === '' ? undefined : createPublicKey(key);
const keep = openFloorStore(store as FloorStore, path);
const report = createReporter();

/** `stored` is called when it may be acknowledged. */
function take(text: string, stored: (saleId: string) => void): void {
  const { saleId, proof = '' } = JSON.parse(text) as { saleId: string; proof?: string };
  assert(publicKey === undefined || openJws(proof, () => publicKey) !== undefined);
  keep(saleId, text, () => {
    report(saleId);
    stored(saleId);
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
  // Small packets both ways, as in kios: Nagle's algorithm would wait for the other's delayed acknowledgement, 40 ms.
  if (client.stream instanceof Socket) client.stream.setNoDelay();
  client.handleMessage = (packet, acknowledge) => {
    take(packet.payload.toString(), (saleId) => {
      acknowledge();
      if (publicKey !== undefined) client.publish(`k/${kioskId}/up`, saleId, { qos: 1 });
    });
  };
  await client.subscribeAsync(`k/${kioskId}/down`, { qos: 1 });
}

await Promise.all(kioskIds.map(where.startsWith('mqtt') ? overMqtt : overTcp));
readyChild({ up: true });
