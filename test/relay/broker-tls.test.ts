// The broker inside: TLS in the process with the door's limits before it, and who must not stay.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect as connectTcp, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { maxWaiting } from '../../src/relay/broker/door.ts';
import { createEmbeddedBroker } from '../../src/relay/broker/embedded.ts';
import { makeCertificates } from './mosquitto-server.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

let dir: string;
let setting: Setting;
let url: string;
let port: number;
let ca: Buffer;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-broker-'));
  makeCertificates(dir);
  ca = readFileSync(join(dir, 'ca.crt'));
  const tls = { certFile: join(dir, 'broker.crt'), keyFile: join(dir, 'broker.key') };
  setting = await startSetting({ overrides: { mqtt: { host: '127.0.0.1', port: 0, tls } } });
  url = setting.mqttUrl.replace('mqtt:', 'mqtts:');
  port = Number(new URL(url).port);
});
afterAll(async () => {
  await setting.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function connect(
  kiosk: TestKiosk,
  bootId?: string,
  more: IClientOptions & { maxVersion?: string } = {},
): Promise<MqttClient> {
  const { kioskId } = kiosk;
  const password = await kiosk.token({
    audience: 'kios-broker',
    ...(bootId === undefined ? {} : { bootId }),
  });
  return connectAsync(url, {
    ...{ protocolVersion: 4, clientId: kioskId, username: kioskId, password },
    ...{ ca, reconnectPeriod: 0, ...more },
  });
}

function closing(socket: Socket | MqttClient): Promise<void> {
  return new Promise((resolve) =>
    (socket as Socket).once('close', () => {
      resolve();
    }),
  );
}

test('kiosks are told an mqtts address, and connect with TLS 1.2 and 1.3, never below or without', async () => {
  const kiosk = await setting.kiosk('ksk30');
  expect(kiosk.enrolled.brokerUrl).toBe(url);
  for (const maxVersion of ['TLSv1.2', 'TLSv1.3'] as const) {
    await (await connect(kiosk, undefined, { maxVersion })).endAsync();
  }
  const old = connectTls({
    ...{ port, host: '127.0.0.1', ca, minVersion: 'TLSv1', maxVersion: 'TLSv1.1' },
    ciphers: 'DEFAULT@SECLEVEL=0',
  });
  let wasSecure = false;
  old.once('secureConnect', () => (wasSecure = true));
  old.on('error', () => undefined);
  await closing(old);
  expect(wasSecure).toBe(false);
  const plain = connectTcp(port, '127.0.0.1');
  plain.on('error', () => undefined);
  const heard: Buffer[] = [];
  plain.on('data', (chunk) => heard.push(chunk));
  plain.write('\x10 no TLS');
  await closing(plain);
  // An alert of TLS at most, no CONNACK.
  expect(Buffer.concat(heard)[0]).not.toBe(0x20);
});

test('a packet of 268 MB is refused when it is announced, through TLS as well', async () => {
  const socket = connectTls({ port, host: '127.0.0.1', ca });
  socket.on('error', () => undefined);
  const closed = closing(socket);
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4, 0x4d, 0x51, 0x54, 0x54]));
  await closed;
});

test('those who never begin with TLS push each other out, not the kiosks', async () => {
  const kiosk = await setting.kiosk('ksk31');
  const line = await connect(kiosk);
  const open = async (): Promise<Socket> => {
    const socket = connectTcp(port, '127.0.0.1');
    socket.on('error', () => undefined);
    await new Promise<void>((resolve) => socket.once('connect', resolve));
    return socket;
  };
  const first = await open();
  const closed = closing(first);
  const others = await Promise.all(Array.from({ length: maxWaiting }, open));
  await closed;
  const another = await setting.kiosk('ksk32');
  await (await connect(another)).endAsync();
  expect(line.connected).toBe(true);
  await line.endAsync();
  for (const socket of others) socket.destroy();
});

test('a boot that was replaced and connects again is a cloned card', async () => {
  const kiosk = await setting.kiosk('ksk33');
  const first = await connect(kiosk, 'boot-a');
  const closed = closing(first);
  const second = await connect(kiosk, 'boot-b');
  await closed;
  await expect(connect(kiosk, 'boot-a')).rejects.toThrow(/Not authorized/);
  expect(second.connected).toBe(true);
  await second.endAsync();
});

test('a kiosk that is revoked while its token is looked at does not stay', async () => {
  const asked = Promise.withResolvers<undefined>();
  const verdict = Promise.withResolvers<{ publicKey: string; bootId: string }>();
  const broker = await createEmbeddedBroker({
    ...{ host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog },
    admits: () => {
      asked.resolve(undefined);
      return verdict.promise;
    },
  });
  const mqttPort = await broker.start({
    message: () => Promise.resolve(),
    listening: () => undefined,
    gone: () => undefined,
  });
  const connecting = connectAsync(`mqtt://127.0.0.1:${mqttPort}`, {
    ...{ protocolVersion: 4, clientId: 'ksk34', username: 'ksk34', password: 'x' },
    reconnectPeriod: 0,
  });
  await asked.promise;
  await broker.expel('ksk34');
  verdict.resolve({ publicKey: 'key', bootId: 'boot' });
  const client = await connecting.catch(() => undefined);
  if (client?.connected === true) await closing(client);
  expect(client?.connected ?? false).toBe(false);
  await broker.stop();
});

test('a certificate that cannot serve is told with its setting before anything is open', async () => {
  const broken = join(dir, 'broken.key');
  writeFileSync(broken, 'nonsense');
  for (const keyFile of [broken, join(dir, 'ca.key'), join(dir, 'none.key')]) {
    const tls = { certFile: join(dir, 'broker.crt'), keyFile };
    await expect(
      createEmbeddedBroker({
        ...{ host: '127.0.0.1', port: 0, clock: systemClock, log: silentLog, tls },
        admits: () => Promise.resolve({ publicKey: 'key', bootId: 'boot' }),
      }),
    ).rejects.toMatchObject({
      name: 'SettingFault',
      message: expect.stringContaining(keyFile) as string,
    });
  }
});
