// Whoever is too slow does not keep a connection: the body of a request, and the handshake on both ports.
import { mkdtempSync, rmSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { makeCertificates } from './mosquitto-server.ts';
import { startSetting, type Setting } from './setting.ts';

/** Twice what each of them has; Node's own limits and that of idle sockets are longer. */
const limitMs = 20_000;

let dir: string;
let plain: Setting;
let secure: Setting;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-slow-'));
  makeCertificates(dir);
  const tls = { certFile: join(dir, 'broker.crt'), keyFile: join(dir, 'broker.key') };
  plain = await startSetting();
  secure = await startSetting({
    http: { tls },
    overrides: { mqtt: { host: '127.0.0.1', port: 0, tls } },
  });
});
afterAll(async () => {
  await plain.stop();
  await secure.stop();
  rmSync(dir, { recursive: true, force: true });
});

/** A connection, and whether it was cut off in time. */
function open(url: string): { socket: Socket; cutOff: Promise<boolean> } {
  const socket = connect(Number(new URL(url).port), '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  const cutOff = new Promise<boolean>((resolve) => {
    const late = setTimeout(() => {
      socket.destroy();
      resolve(false);
    }, limitMs);
    socket.once('close', () => {
      clearTimeout(late);
      resolve(true);
    });
  });
  return { socket, cutOff };
}

test('a body that never ends, a handshake that never begins: cut off, on each port', async () => {
  const body = open(plain.relayUrl);
  body.socket.write('POST /v1/notifications/midtrans HTTP/1.1\r\nhost: relay\r\n');
  body.socket.write('content-type: application/json\r\ncontent-length: 5000\r\n\r\n');
  const drip = setInterval(() => body.socket.write(' '), 200);
  const [https, mqtts, mqtt] = [secure.relayUrl, secure.mqttUrl, plain.mqttUrl].map(open);
  expect({
    body: await body.cutOff,
    https: await https?.cutOff,
    mqtts: await mqtts?.cutOff,
    mqtt: await mqtt?.cutOff,
  }).toEqual({ body: true, https: true, mqtts: true, mqtt: true });
  clearInterval(drip);
});
