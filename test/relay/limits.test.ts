// What guards the relay from too much, and that junk from one address silences nobody who shares it.
import { generateKeyPairSync } from 'node:crypto';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { publicJwk } from '../../src/protocol/api.ts';
import { noticeSignature } from '../../src/relay/midtrans/notification.ts';
import { maxWaiting } from '../../src/relay/broker/door.ts';
import { maxBootsADay } from '../../src/relay/store/boots.ts';
import { withStore } from './claim-setting.ts';
import { serverKey, startSetting, type Setting } from './setting.ts';

let setting: Setting;
beforeAll(async () => {
  setting = await startSetting();
});
afterAll(async () => {
  await setting.stop();
});

async function post(path: string, body: unknown, from?: string): Promise<Response> {
  return fetch(setting.relayUrl + path, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      ...(from === undefined ? {} : { 'x-forwarded-for': from }),
    },
    body: JSON.stringify(body),
  });
}

function enrolWith(code: string, from?: string): Promise<Response> {
  const key = generateKeyPairSync('ed25519').publicKey.export({ format: 'jwk' });
  return post('/v1/enrol', { code, publicKey: publicJwk.parse(key) }, from);
}

test('guessing codes is limited, with a problem document; a right code still enrols', async () => {
  let last = await enrolWith('0000-0000-0000');
  for (let i = 0; i < 60; i++) last = await enrolWith('0000-0000-0000');
  expect(last.status).toBe(429);
  expect(Number(last.headers.get('retry-after'))).toBeGreaterThan(0);
  expect(await last.json()).toMatchObject({ code: 'rate-limited' });
  expect((await enrolWith(await setting.code('ksk70'))).status).toBe(200);
});

test('junk at the webhook is limited; an authentic notice is taken all the same', async () => {
  const path = '/v1/notifications/midtrans';
  const statuses = new Set<number>();
  for (let i = 0; i < 601; i++) statuses.add((await post(path, {})).status);
  expect([...statuses]).toEqual([400, 429]);
  const signed = { order_id: 'unknown-1', status_code: '200', gross_amount: '15000.00' };
  const notice = { ...signed, transaction_status: 'settlement' };
  const signature_key = noticeSignature(signed, serverKey);
  expect((await post(path, { ...notice, signature_key })).status).toBe(200);
  // Midtrans repeats it: neither is that counted.
  expect((await post(path, { ...notice, signature_key })).status).toBe(200);
});

test('X-Forwarded-For is believed from the configured number of proxies alone', async () => {
  const limited = async (): Promise<boolean> => {
    let last = 0;
    for (let i = 0; i < 61; i++) last = (await enrolWith('0000-0000-0000', `192.0.2.${i}`)).status;
    return last === 429;
  };
  expect(await limited()).toBe(true);
  const proxied = await startSetting({ http: { trustProxy: 1 } });
  const plain = setting;
  setting = proxied;
  try {
    expect(await limited()).toBe(false);
  } finally {
    setting = plain;
    await proxied.stop();
  }
});

/** A bare connection to the broker. */
async function open(): Promise<{ socket: Socket; closed: Promise<void>; received: Buffer[] }> {
  const { port } = new URL(setting.mqttUrl);
  const socket = connect(Number(port), '127.0.0.1');
  const received: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => received.push(chunk));
  // A reset is an end as well.
  socket.on('error', () => undefined);
  const closed = new Promise<void>((resolve) =>
    socket.once('close', () => {
      resolve();
    }),
  );
  await new Promise<void>((resolve) => socket.once('connect', resolve));
  return { socket, closed, received };
}

/** Remaining length as MQTT 3.1.1 §2.2.3 writes it. */
function lengthBytes(length: number): number[] {
  return length < 128 ? [length] : [(length % 128) | 128, ...lengthBytes(Math.floor(length / 128))];
}

/** A string as MQTT 3.1.1 §1.5.3 writes it. */
function mqttText(value: string): number[] {
  return [value.length >> 8, value.length & 255, ...Buffer.from(value)];
}

/** The CONNECT of a kiosk that is enrolled for it. */
async function connectPacket(kioskId: string): Promise<Buffer> {
  const kiosk = await setting.kiosk(kioskId);
  const password = await kiosk.token({ audience: 'kios-broker' });
  const body = [
    ...mqttText('MQTT'),
    4,
    0xc2,
    0,
    60,
    ...[kioskId, kioskId, password].flatMap(mqttText),
  ];
  return Buffer.from([0x10, ...lengthBytes(body.length), ...body]);
}

test('a packet of 268 MB is refused when it is announced, not when it has come', async () => {
  const { socket, closed } = await open();
  const startedBytes = process.memoryUsage().arrayBuffers;
  socket.write(Buffer.from([0x10, 0xff, 0xff, 0xff, 0x7f, 0, 4, 0x4d, 0x51, 0x54, 0x54]));
  await closed;
  expect(process.memoryUsage().arrayBuffers - startedBytes).toBeLessThan(1024 * 1024);
});

test('nobody sends more than 4 KB before it is admitted, however it is cut', async () => {
  const hello = await connectPacket('ksk74');
  const body = [...mqttText('kios/1/ksk74/echo'), ...Buffer.alloc(3000)];
  const echo = Buffer.from([0x30, ...lengthBytes(body.length), ...body]);
  const { socket, closed, received } = await open();
  socket.write(Buffer.concat([hello, echo, echo]));
  await closed;
  expect(received).toEqual([]);
});

test('a kiosk that is admitted may send 32 KB at once and no more', async () => {
  const hello = await connectPacket('ksk71');
  const { socket, closed, received } = await open();
  socket.write(hello);
  await new Promise((resolve) => socket.once('data', resolve));
  expect(Buffer.concat(received)).toEqual(Buffer.from([0x20, 2, 0, 0]));
  // A subscription in many small pieces, longer than 4 KB in all, is taken …
  const topic = mqttText('kios/1/ksk71/sale');
  const subscribe = Buffer.from([0x82, ...lengthBytes(3 + topic.length), 0, 9, ...topic, 1]);
  for (let i = 0; i < 200; i++) {
    socket.write(subscribe.subarray(0, 5));
    socket.write(subscribe.subarray(5));
  }
  while (Buffer.concat(received).length < 4 + 200 * 5) {
    await new Promise((resolve) => socket.once('data', resolve));
  }
  // … and one packet of 33 KB is not.
  socket.write(Buffer.from([0x30, ...lengthBytes(33 * 1024)]));
  await closed;
});

test('those who never say who they are push each other out, not the kiosks', async () => {
  const kiosk = await setting.kiosk('ksk72');
  const line = await kiosk.connect();
  const first = await open();
  const others = await Promise.all(Array.from({ length: maxWaiting }, open));
  await first.closed;
  const again = await setting.kiosk('ksk73');
  const second = await again.connect();
  expect(line.client.connected).toBe(true);
  await line.client.endAsync();
  await second.client.endAsync();
  for (const { socket } of others) socket.destroy();
});

test('one kiosk that floods the relay is held back; the others are not', async () => {
  const loud = await setting.kiosk('ksk75');
  const quiet = await setting.kiosk('ksk76');
  const token = await loud.token();
  const ask = async (): Promise<number> =>
    (await loud.call('GET', '/v1/changes?since=0.00000000', undefined, token)).status;
  let last = 200;
  for (let i = 0; i < 3_100 && last === 200; i += 50) {
    last = (await Promise.all(Array.from({ length: 50 }, ask))).at(-1) ?? 0;
  }
  expect(last).toBe(429);
  expect((await quiet.call('GET', '/v1/changes?since=0.00000000')).status).toBe(200);
  // Nothing is written for it either: a boot that comes now leaves no row.
  const other = await loud.token({ bootId: 'boot-other' });
  const answer = await loud.call('GET', '/v1/changes?since=0.00000000', undefined, other);
  expect(answer.status).toBe(429);
  expect(boots('ksk75')).toBe(1);
});

test('a kiosk that begins anew more than a hundred times a day is told to wait, and leaves no more rows', async () => {
  const kiosk = await setting.kiosk('ksk78');
  const begin = async (boot: number): Promise<Record<string, unknown>> => {
    const token = await kiosk.token({ bootId: `boot-${boot}` });
    return (await kiosk.call('GET', '/v1/changes?since=0.00000000', undefined, token)).json;
  };
  for (let boot = 0; boot <= maxBootsADay; boot++) {
    expect((await begin(boot))['code']).toBeUndefined();
  }
  for (const boot of [201, 202]) expect((await begin(boot))['code']).toBe('rate-limited');
  expect(boots('ksk78')).toBe(maxBootsADay + 1);
  expect(setting.logText()).toContain('kiosk.reboots');
  // The boot that lives goes on.
  expect((await begin(maxBootsADay))['code']).toBeUndefined();
  // The operator has mended it. Whatever was replaced stays out.
  const forgiven = await withStore(setting, (store) => store.forgiveBoots('ksk78'));
  expect(forgiven).toBe(maxBootsADay);
  expect((await begin(203))['code']).toBeUndefined();
  for (const boot of [0, maxBootsADay]) expect((await begin(boot))['code']).toBe('kiosk-cloned');
});

function boots(kioskId: string): unknown {
  const db = new DatabaseSync(join(setting.dir, 'relay.db'), { readOnly: true });
  const row = db.prepare('select count(*) as n from boots where kiosk_id = ?').get(kioskId);
  db.close();
  return row?.['n'];
}

test('whoever asks for the time or the keys without end is told to wait, each for itself', async () => {
  const ask = async (path: string): Promise<number> =>
    (await fetch(`${setting.relayUrl}${path}`)).status;
  const time = '/v1/time?nonce=AAAAAAAAAAAAAAAAAAAAAA';
  const flood = async (path: string, most: number): Promise<number | undefined> => {
    let last: number | undefined;
    for (let i = 0; i <= most && last !== 429; i += 100) {
      last = (await Promise.all(Array.from({ length: 100 }, () => ask(path)))).at(-1);
    }
    return last;
  };
  expect(await flood(time, 600)).toBe(429);
  expect(await ask('/v1/keys')).toBe(200);
  expect(await flood('/v1/keys', 6_000)).toBe(429);
  expect(await ask('/healthz')).toBe(200);
});

test('a token is not believed beyond its time because it was checked before', async () => {
  const kiosk = await setting.kiosk('ksk77');
  const soonOver = await kiosk.token({ nowMs: systemClock.nowMs() - 299_000 });
  const ask = async (): Promise<unknown> =>
    (await kiosk.call('GET', '/v1/changes?since=0.00000000', undefined, soonOver)).json['code'];
  expect(await ask()).toBeUndefined();
  let code: unknown;
  while ((code = await ask()) === undefined) await new Promise((go) => setTimeout(go, 250));
  expect(code).toBe('clock-skew');
});
