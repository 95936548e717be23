// A real Mosquitto as the broker: who may connect, what a kiosk may reach, and that nothing is lost when it dies.
import { connectAsync, type IClientOptions, type MqttClient } from 'mqtt';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { kioskTopics } from '../../src/protocol/topics.ts';
import { controlTopic } from '../../src/relay/broker/dynsec.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import {
  relayPassword,
  relayUser,
  startMosquitto,
  type MosquittoServer,
} from './mosquitto-server.ts';
import { pay, startSetting, type KioskLine, type Setting, type TestKiosk } from './setting.ts';

let server: MosquittoServer;
let setting: Setting;
let anna: TestKiosk;
let budi: TestKiosk;
beforeAll(async () => {
  server = await startMosquitto();
  setting = await startSetting({ overrides: { mqtt: undefined, broker: server.broker } });
  anna = await setting.kiosk('anna1');
  budi = await setting.kiosk('budi1');
});
afterAll(async () => {
  await setting.stop();
  await server.stop();
});

/** Comes as a kiosk does: subscribes, then says that it is there. */
async function come(kiosk: TestKiosk, connection: number): Promise<KioskLine> {
  const line = await kiosk.connect({ ca: server.ca });
  const status = { online: true, bootId: 'boot-1', connection, version: '1' };
  const { status: topic } = kioskTopics(kiosk.kioskId);
  await line.client.publishAsync(topic, JSON.stringify(status), { qos: 1, retain: true });
  return line;
}

async function connect(more: IClientOptions): Promise<MqttClient> {
  return connectAsync(server.url, {
    ...{ protocolVersion: 4, reconnectPeriod: 0, ca: server.ca },
    ...more,
  });
}

/** The password of a kiosk, under whatever names. */
function as(clientId: string, username: string, kiosk: TestKiosk): IClientOptions {
  return { clientId, username, password: kiosk.enrolled.brokerPassword ?? '' };
}

function closing(client: MqttClient): Promise<void> {
  return new Promise((resolve) =>
    client.once('close', () => {
      resolve();
    }),
  );
}

/** Asks until it is so; the test's own time limit ends it. */
async function eventually<T>(ask: () => Promise<T>, accept: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (accept(answer)) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** The topics of all statuses that the broker keeps. */
async function retainedStatuses(): Promise<string[]> {
  const client = await connect({ username: relayUser, password: relayPassword });
  const topics: string[] = [];
  const last = new Promise<void>((resolve) => {
    client.on('message', (topic) => {
      topics.push(topic);
      if (topic === kioskTopics('none1').status) resolve();
    });
  });
  await client.subscribeAsync('kios/1/+/status', { qos: 1 });
  await client.publishAsync(kioskTopics('none1').status, '', { qos: 1 });
  await last;
  await client.endAsync();
  return topics;
}

async function isReady(): Promise<boolean> {
  return (await fetch(`${setting.relayUrl}/readyz`)).status === 200;
}

test('a sale goes end to end over it, and is told until the kiosk has kept it', async () => {
  const line = await come(anna, 1);
  const saleId = anna.newSaleId();
  const { sale } = await anna.put(saleId, 4_000);
  await pay(setting, sale.qrString ?? '');
  const paid = await line.next((told) => told.saleId === saleId && told.verdict === 'paid');
  await anna.verify(paid);
  const ack = JSON.stringify({ ledgerId: paid.ledgerId, upTo: paid.seq });
  await line.client.publishAsync(kioskTopics('anna1').ack, ack, { qos: 1 });
  await eventually(
    () => setting.metrics(),
    (text) => text.includes('kios_acks_total{outcome="taken"} 1'),
  );
  await line.client.endAsync();
});

test('a kiosk whose status has not reached the relay hears its verdict too', async () => {
  const carla = await setting.kiosk('carla1');
  const line = await carla.connect({ ca: server.ca });
  const saleId = carla.newSaleId();
  const { sale } = await carla.put(saleId, 4_000);
  await pay(setting, sale.qrString ?? '');
  await line.next((told) => told.saleId === saleId && told.verdict === 'paid');
  await line.client.endAsync();
});

test('a relay that comes to thousands of kiosks hears of all of them', async () => {
  const client = await connect({ username: relayUser, password: relayPassword });
  const topics = Array.from({ length: 3_000 }, (_, at) => kioskTopics(`many${at}`).status);
  const text = JSON.stringify({ online: true, bootId: 'b', connection: 1, version: '1' });
  for (const topic of topics) client.publish(topic, text, { qos: 1, retain: true });
  await client.publishAsync(kioskTopics('none1').status, '', { qos: 1 });
  expect(await retainedStatuses()).toEqual(expect.arrayContaining(topics));
  for (const topic of topics) client.publish(topic, '', { qos: 1, retain: true });
  await client.endAsync();
});

test('nobody without an account gets in, nor a kiosk under another name', async () => {
  for (const wrong of [
    {},
    { clientId: 'x' },
    { clientId: 'anna1', username: 'anna1', password: 'nonsense' },
    {
      clientId: 'anna1',
      username: 'anna1',
      password: await anna.token({ audience: 'kios-broker' }),
    },
    as('budi1', 'anna1', anna),
    as('anna1', 'budi1', anna),
    as('kios-relay', 'kios-relay', anna),
  ]) {
    await expect(connect(wrong)).rejects.toThrow(/Not authorized/);
  }
  await (await connect(as('anna1', 'anna1', anna))).endAsync();
  await expect(connectAsync(server.url, { reconnectPeriod: 0 })).rejects.toThrow(/certificate/);
});

test('a kiosk can neither read nor write another one’s topics, nor its own against their direction', async () => {
  const annas = await come(anna, 2);
  const budis = await come(budi, 1);
  const heard: string[] = [];
  annas.client.removeAllListeners('message');
  annas.client.on('message', (topic) => heard.push(topic));
  for (const filter of [
    ...['#', '+/#', 'kios/#', 'kios/1/+/sale', 'kios/1/+/+', 'kios/1/anna1/#', '+/1/anna1/sale'],
    ...['$SYS/#', `${controlTopic}/response`, kioskTopics('anna1').ack, kioskTopics('budi1').ack],
    // Whoever joins the relays' group would get some of all acknowledgements.
    ...['$share/kios/kios/1/+/ack', '$share/kios/#', '$share/x/kios/1/budi1/sale'],
  ]) {
    await expect(annas.client.subscribeAsync(filter, { qos: 1 })).rejects.toThrow();
  }
  // Mosquitto's patterns can not name the kiosk in a filter: it may ask for these, and nothing comes.
  await annas.client.subscribeAsync([kioskTopics('budi1').sale, kioskTopics('budi1').status]);
  for (const topic of [
    ...Object.values<string>({ ...kioskTopics('budi1') }),
    ...[kioskTopics('anna1').sale, kioskTopics('anna1').command, 'elsewhere'],
  ]) {
    await annas.client.publishAsync(topic, '{"forged":true}', { qos: 1, retain: true });
  }
  const commands = [{ command: 'deleteClient', username: 'budi1' }];
  await annas.client
    .publishAsync(controlTopic, JSON.stringify({ commands }), { qos: 1 })
    .catch(() => undefined);
  const saleId = budi.newSaleId();
  await budi.put(saleId, 4_000);
  await budis.next((told) => told.saleId === saleId);
  // Its own way is still open, and what came before on it would have been heard by now.
  const echoed = new Promise<void>((resolve) => {
    annas.client.on('message', (topic) => {
      if (topic === kioskTopics('anna1').echo) resolve();
    });
  });
  await annas.client.subscribeAsync(kioskTopics('anna1').echo, { qos: 1 });
  await annas.client.publishAsync(kioskTopics('anna1').echo, 'x', { qos: 1 });
  await echoed;
  expect(heard).toEqual([kioskTopics('anna1').echo]);
  expect(budis.sales.map((told) => told.saleId)).toEqual([saleId]);
  expect(setting.logText()).not.toContain('status.malformed');
  await Promise.all([annas.client.endAsync(), budis.client.endAsync()]);
});

test('a password dies when its kiosk is revoked, and the connection with it', async () => {
  const kiosk = await setting.kiosk('ksk10');
  const line = await come(kiosk, 1);
  const closed = closing(line.client);
  // A connection of its own, as the command line has it.
  const store = await openStore(await connectDatabase(setting.config.store, systemClock), 'unused');
  expect(await store.revoke('ksk10')).toBe(true);
  await closed;
  await expect(connect(as('ksk10', 'ksk10', kiosk))).rejects.toThrow(/Not authorized/);
  // Its last word is not kept, which would say for ever that it is there.
  await eventually(
    () => store.brokerDue(10),
    (due) => due.length === 0,
  );
  expect(await store.kiosk('ksk10')).toMatchObject({ online: 0 });
  await store.close();
  expect(await retainedStatuses()).not.toContain(kioskTopics('ksk10').status);
});

test('enrolling again ends the old connection, and the old password', async () => {
  const old = await setting.kiosk('ksk11');
  const line = await come(old, 1);
  const closed = closing(line.client);
  const fresh = await setting.kiosk('ksk11');
  await closed;
  await expect(connect(as('ksk11', 'ksk11', old))).rejects.toThrow(/Not authorized/);
  await (await connect(as('ksk11', 'ksk11', fresh))).endAsync();
});

test.each([
  { what: 'with its files', loses: false },
  { what: 'without them: the relay makes all accounts anew', loses: true },
])('Mosquitto killed and started again $what: nothing is lost', async ({ loses }) => {
  const line = await come(anna, loses ? 30 : 20);
  const saleId = anna.newSaleId();
  const { sale } = await anna.put(saleId, 4_000);
  const closed = closing(line.client);
  await server.kill();
  await closed;
  await eventually(isReady, (ready) => !ready);
  await pay(setting, sale.qrString ?? '');
  await anna.until(saleId, 'paid');
  if (loses) server.loseFiles();
  await server.start();
  await eventually(isReady, (ready) => ready);
  const again = await eventually(
    () => come(anna, loses ? 31 : 21).catch(() => undefined),
    (back) => back !== undefined,
  );
  await again?.next((told) => told.saleId === saleId && told.verdict === 'paid');
  // The others as well.
  const budis = await eventually(
    () => connect(as('budi1', 'budi1', budi)).catch(() => undefined),
    (back) => back !== undefined,
  );
  await Promise.all([again?.client.endAsync(), budis?.endAsync()]);
});

test('a relay that starts before its broker serves, says that it is not ready, and comes to it', async () => {
  await setting.stopRelay();
  await server.kill();
  await setting.restart();
  expect(await isReady()).toBe(false);
  expect((await anna.call('GET', '/v1/changes?since=0.00000000')).status).toBe(200);
  await server.start();
  await eventually(isReady, (ready) => ready);
});

test('no password is in the log of either', () => {
  const secrets = [anna, budi].map((kiosk) => kiosk.enrolled.brokerPassword ?? '');
  for (const secret of [...secrets, relayPassword]) {
    expect(secret).not.toBe('');
    expect(setting.logText()).not.toContain(secret);
    expect(server.logText()).not.toContain(secret);
  }
});
