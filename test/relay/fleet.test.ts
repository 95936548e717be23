// Kiosks at the relay: enrolment, tokens, what a kiosk may reach at the broker, and verdicts that are told until kept.
import { connectAsync, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { publicJwk } from '../../src/protocol/api.ts';
import { openProof, timeClaims } from '../../src/protocol/proof.ts';
import { cursorAfter } from '../../src/protocol/sale.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { skewNonce } from '../../src/protocol/token.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { pay, startSetting, type Setting, type TestKiosk } from './setting.ts';

let setting: Setting;
let anna: TestKiosk;
let budi: TestKiosk;
beforeAll(async () => {
  setting = await startSetting();
  anna = await setting.kiosk('anna1');
  budi = await setting.kiosk('budi1');
});
afterAll(async () => {
  await setting.stop();
});

interface Answer {
  status: number;
  json: Record<string, unknown>;
}

async function enrol(
  code: string,
  key = generateKeyPairSync('ed25519').publicKey,
): Promise<Answer> {
  const response = await fetch(`${setting.relayUrl}/v1/enrol`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, publicKey: publicJwk.parse(key.export({ format: 'jwk' })) }),
  });
  return { status: response.status, json: (await response.json()) as Record<string, unknown> };
}

test('a code enrols once; the same key repeats the answer, another is refused', async () => {
  const code = await setting.code('ksk60');
  const key = generateKeyPairSync('ed25519').publicKey;
  const first = await enrol(code.toLowerCase().replaceAll('-', ' '), key);
  expect(first).toMatchObject({ status: 200, json: { kioskId: 'ksk60', environment: 'sandbox' } });
  expect(await enrol(code, key)).toEqual(first);
  expect(await enrol(code)).toMatchObject({ status: 403, json: { code: 'enrolment-refused' } });
  expect(await enrol('0000-0000-0000')).toMatchObject({ status: 403 });
});

test('enrolling again is a new life: the old key is worth nothing, what was open is abandoned', async () => {
  const old = await setting.kiosk('ksk61');
  const open = old.newSaleId();
  await old.put(open, 3_000);
  const fresh = await setting.kiosk('ksk61');
  expect((await old.call('GET', `/v1/sales/${open}`)).json).toMatchObject({ code: 'unauthorised' });
  expect(fresh.enrolled.cursor).toMatch(/^1\./);
  expect((await fresh.until(open, 'cancelled')).fulfilment).toBe('abandoned');
});

test('no token, a forged one, and another kiosk’s sale are refused', async () => {
  const saleId = anna.newSaleId();
  const asked = await fetch(`${setting.relayUrl}/v1/sales/${saleId}`);
  expect(asked.status).toBe(401);
  expect(asked.headers.get('content-type')).toContain('application/problem+json');
  const forged = await budi.call('GET', `/v1/sales/${saleId}`, undefined, `${await anna.token()}x`);
  expect(forged).toMatchObject({ status: 401, json: { code: 'unauthorised' } });
  const other = await budi.call('GET', `/v1/sales/${saleId}`);
  expect(other).toMatchObject({ status: 403, json: { code: 'not-yours' } });
  const unknown = await anna.call('GET', `/v1/sales/${saleId}`);
  expect(unknown).toMatchObject({ status: 404, json: { code: 'sale-unknown' } });
});

test('a wrong clock gets the signed time, bound to its own token', async () => {
  const token = await anna.token({ nowMs: 1_600_000_000_000 });
  const { status, json } = await anna.call('GET', '/v1/changes?since=0.00000000', undefined, token);
  expect({ status, code: json['code'] }).toEqual({ status: 401, code: 'clock-skew' });
  const time = await openProof(String(json['time']), 'kios-time', timeClaims, anna.keys);
  expect(time.nonce).toBe(skewNonce(token));
});

test('a boot that was replaced and speaks again is a cloned card', async () => {
  const kiosk = await setting.kiosk('ksk62');
  const ask = async (bootId: string): Promise<Answer> =>
    kiosk.call('GET', '/v1/changes?since=0.00000000', undefined, await kiosk.token({ bootId }));
  expect((await ask('boot-a')).status).toBe(200);
  expect((await ask('boot-b')).status).toBe(200);
  expect(await ask('boot-a')).toMatchObject({ status: 409, json: { code: 'kiosk-cloned' } });
});

test('bad input is answered with our code, whatever is wrong with it', async () => {
  const path = `/v1/sales/${anna.newSaleId()}`;
  for (const body of [{}, { amountIdr: 0 }, { amountIdr: 10_000_001 }, { amountIdr: 1.5 }]) {
    expect((await anna.call('PUT', path, body)).json).toMatchObject({ code: 'bad-request' });
  }
  const large = { amountIdr: 1, items: 'x'.repeat(70_000) };
  expect((await anna.call('PUT', path, large)).json).toMatchObject({ code: 'too-large' });
  expect((await anna.call('PUT', '/v1/sales/anna1-x', {})).status).toBe(400);
  expect((await anna.call('GET', '/v1/nothing')).json).toMatchObject({ code: 'not-found' });
});

async function connect(clientId: string, username: string, password: string): Promise<MqttClient> {
  return connectAsync(setting.mqttUrl, {
    ...{ protocolVersion: 4, clientId, username, password, reconnectPeriod: 0 },
  });
}

test('at the broker nobody without the token of that very kiosk gets in', async () => {
  const token = await anna.token({ audience: 'kios-broker' });
  await expect(connect('anna1', 'anna1', 'nonsense')).rejects.toThrow(/Not authorized/);
  await expect(connect('budi1', 'budi1', token)).rejects.toThrow(/Not authorized/);
  await expect(connect('budi1', 'anna1', token)).rejects.toThrow(/Not authorized/);
  await expect(connectAsync(setting.mqttUrl, { reconnectPeriod: 0 })).rejects.toThrow();
  await (await connect('anna1', 'anna1', token)).endAsync();
});

test('the broker’s token opens nothing but the broker, and no other opens that', async () => {
  const forBroker = await anna.token({ audience: 'kios-broker' });
  const asked = await anna.call('GET', '/v1/changes?since=0.00000000', undefined, forBroker);
  expect(asked).toMatchObject({ status: 401, json: { code: 'unauthorised' } });
  const path = `/v1/sales/${anna.newSaleId()}/cancel`;
  const cancel = await anna.call('POST', path, { reason: 'fault', amountIdr: 1_000 }, forBroker);
  expect(cancel.status).toBe(401);
  await expect(connect('anna1', 'anna1', await anna.token())).rejects.toThrow(/Not authorized/);
});

test('a kiosk that the command line revokes is out within seconds, and stays out', async () => {
  const kiosk = await setting.kiosk('ksk65');
  const line = await kiosk.connect();
  const closed = new Promise<void>((resolve) =>
    line.client.once('close', () => {
      resolve();
    }),
  );
  // A connection of its own, as the command line has it.
  const store = await openStore(await connectDatabase(setting.config.store, systemClock), 'unused');
  expect(await store.revoke('ksk65')).toBe(true);
  await store.close();
  await closed;
  await expect(kiosk.connect()).rejects.toThrow(/Not authorized/);
  const asked = await kiosk.call('GET', '/v1/changes?since=0.00000000');
  expect(asked).toMatchObject({ status: 403, json: { code: 'kiosk-revoked' } });
}, 10_000);

test('a kiosk can neither read nor write another one’s topics, nor its own against their direction', async () => {
  const line = await anna.connect();
  const listened: string[] = [];
  line.client.on('message', (topic) => listened.push(topic));
  for (const topic of [
    kioskTopics('budi1').sale,
    'kios/1/+/sale',
    '#',
    '$SYS/#',
    kioskTopics('anna1').ack,
  ]) {
    const granted = await line.client.subscribeAsync(topic, { qos: 1 }).catch(() => [{ qos: 128 }]);
    expect(granted[0]?.qos).toBe(128);
  }
  const budisLine = await budi.connect();
  // A refused publish ends the connection: 3.1.1 has no other answer.
  const closed = new Promise<void>((resolve) =>
    line.client.once('close', () => {
      resolve();
    }),
  );
  line.client.publish(kioskTopics('budi1').sale, '{}', { qos: 1 });
  await closed;
  const again = await anna.connect();
  const closedAgain = new Promise<void>((resolve) =>
    again.client.once('close', () => {
      resolve();
    }),
  );
  again.client.publish(kioskTopics('anna1').sale, '{}', { qos: 1 });
  await closedAgain;
  expect(listened).toEqual([]);
  expect(budisLine.sales).toEqual([]);
  await budisLine.client.endAsync();
});

test('a verdict is told again until the kiosk itself says that it is kept', async () => {
  const kiosk = await setting.kiosk('ksk63');
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, 4_000);
  await pay(setting, sale.qrString ?? '');
  await kiosk.until(saleId, 'paid');
  // It was away the whole time; it hears the latest state when it comes, …
  const first = await kiosk.connect();
  await first.next((document) => document.verdict === 'paid');
  await first.client.endAsync();
  // … and again, since the broker's PUBACK is not an acknowledgement.
  const second = await kiosk.connect();
  const told = await second.next((document) => document.verdict === 'paid');
  const topic = kioskTopics('ksk63').ack;
  const ack = { ledgerId: told.ledgerId, upTo: told.seq };
  await second.client.publishAsync(topic, JSON.stringify({ ...ack, upTo: 99 }), { qos: 1 });
  await second.client.publishAsync(topic, JSON.stringify({ ...ack, ledgerId: 'x' }), { qos: 1 });
  await second.client.publishAsync(topic, 'nonsense', { qos: 1 });
  await second.client.endAsync();
  const third = await kiosk.connect();
  await third.next((document) => document.verdict === 'paid');
  await third.client.publishAsync(topic, JSON.stringify(ack), { qos: 1 });
  await third.client.endAsync();
  const last = await kiosk.connect();
  const other = kiosk.newSaleId();
  await kiosk.put(other, 4_000);
  await last.next((document) => document.saleId === other);
  expect(last.sales.map((document) => document.saleId)).toEqual([other]);
  await last.client.endAsync();
});

test('an acknowledgement over HTTP is answered with the ledger that took it', async () => {
  const kiosk = await setting.kiosk('ksk66');
  const { sale } = await kiosk.put(kiosk.newSaleId(), 4_000);
  const { ledgerId } = sale;
  const ack = await kiosk.call('POST', '/v1/ack', { ledgerId, upTo: sale.seq });
  expect(ack).toEqual({ status: 200, json: { ledgerId } });
  const beyond = await kiosk.call('POST', '/v1/ack', { ledgerId, upTo: 99 });
  expect(beyond).toMatchObject({ status: 409, json: { code: 'ledger-differs' } });
});

test('changes gives the latest state after a cursor; another ledger’s cursor is noticed', async () => {
  const kiosk = await setting.kiosk('ksk64');
  const saleId = kiosk.newSaleId();
  const { sale } = await kiosk.put(saleId, 4_000);
  await pay(setting, sale.qrString ?? '');
  const paid = await kiosk.until(saleId, 'paid');
  const changes = (since: string, more = ''): Promise<Answer> =>
    kiosk.call('GET', `/v1/changes?since=${since}${more}`);
  const all = await changes('0.00000000');
  expect(all.json).toMatchObject({
    more: false,
    upTo: cursorAfter(paid),
    sales: [{ saleId, seq: 2 }],
  });
  expect((await changes(cursorAfter(sale))).json).toMatchObject({ sales: [{ saleId, seq: 2 }] });
  expect((await changes(cursorAfter(paid))).json).toMatchObject({ sales: [] });
  for (const [since, more] of [
    ['3.00000000', ''],
    ['2.deadbeef', ''],
    [cursorAfter(paid), '&ledgerId=another'],
  ] as const) {
    expect((await changes(since, more)).json).toMatchObject({ code: 'ledger-differs' });
  }
});

test('keys, time and health are open', async () => {
  const get = async (path: string): Promise<Record<string, unknown>> =>
    (await fetch(setting.relayUrl + path)).json() as Promise<Record<string, unknown>>;
  expect(await get('/v1/keys')).toEqual({ keys: anna.enrolled.keys });
  expect(await get(`/v1/keys?after=${anna.enrolled.keys[0]?.kid ?? ''}`)).toEqual({ keys: [] });
  const { proof } = await get('/v1/time?nonce=12345678');
  const time = await openProof(String(proof), 'kios-time', timeClaims, anna.keys);
  expect(time.nonce).toBe('12345678');
  expect(await get('/healthz')).toEqual({ ok: true });
  expect(await get('/readyz')).toMatchObject({ ready: true, store: true, broker: true });
  expect(
    createPublicKey({ key: { ...anna.enrolled.keys[0]?.publicKey }, format: 'jwk' }).type,
  ).toBe('public');
});
