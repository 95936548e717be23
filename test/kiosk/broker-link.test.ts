// The MQTT line against a real broker: stored before it is acknowledged, poison put away, back after a cut.
import { createServer, type AddressInfo, type Server } from 'node:net';
import { Aedes, type Client } from 'aedes';
import { pino } from 'pino';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { z } from 'zod';
import { startBrokerLink, type BrokerLink } from '../../src/kiosk/broker-link.ts';
import { trustedKeys } from '../../src/kiosk/identity.ts';
import { createRelayClient } from '../../src/kiosk/relay-client.ts';
import type { Told } from '../../src/kiosk/state.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { silentLog, type Log } from '../../src/lib/log.ts';
import { kioskTopics, statusMessage, type StatusMessage } from '../../src/protocol/topics.ts';
import { identityFor, signedSale } from './signer.ts';

const topics = kioskTopics('ksk01');
let aedes: Aedes;
let server: Server;
let port: number;
let link: BrokerLink;
let told: { told: Told; stored: PromiseWithResolvers<undefined> }[];
let published: { topic: string; payload: string }[];
let acknowledged: number;
let connected: Client | undefined;
let passwords: string[];
let ups: boolean[];
let letsIn: boolean;
/** Whether the broker answers what is published. */
let answers: boolean;
let changed: () => void;

beforeEach(async () => {
  told = [];
  published = [];
  acknowledged = 0;
  passwords = [];
  letsIn = true;
  answers = true;
  ups = [];
  changed = () => undefined;
  aedes = await Aedes.createBroker({
    authenticate(_client, _username, password, done) {
      passwords.push(password?.toString() ?? '');
      if (letsIn) done(null, true);
      // MQTT 3.1.1 §3.2.2.3: not authorised.
      else done(Object.assign(new Error('no'), { returnCode: 5 as const }), false);
      changed();
    },
    authorizePublish(_client, _packet, done) {
      if (answers) done(null);
    },
  });
  aedes.on('publish', (packet, client) => {
    if (client === null) return;
    published.push({ topic: packet.topic, payload: packet.payload.toString() });
    changed();
  });
  aedes.on('clientReady', (client) => {
    connected = client;
  });
  aedes.on('ack', (packet: unknown) => {
    // None for a packet that aedes did not keep, such as a status of our own.
    const { topic } = z.object({ topic: z.string() }).catch({ topic: '' }).parse(packet);
    if (topic === topics.sale) acknowledged++;
    changed();
  });
  server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  ({ port } = server.address() as AddressInfo);
  link = startLink();
  await until(() => ups.includes(true));
});

function startLink(brokerPassword?: string, log = silentLog): BrokerLink {
  const identity = identityFor('http://127.0.0.1:1', `mqtt://127.0.0.1:${port}`);
  const client = createRelayClient({
    identity,
    keys: trustedKeys(identity),
    bootId: 'boot-1',
    clock: systemClock,
    log: silentLog,
  });
  return startBrokerLink({
    url: identity.enrolment.brokerUrl,
    kioskId: 'ksk01',
    brokerPassword,
    client,
    clock: systemClock,
    log,
    random: () => 0,
    offline: { online: false, bootId: 'boot-1', version: '0' },
    onTold: async (one) => {
      const stored = Promise.withResolvers<undefined>();
      told.push({ told: one, stored });
      changed();
      await stored.promise;
    },
    onChange: (up) => {
      ups.push(up);
      changed();
    },
  });
}
afterEach(async () => {
  for (const { stored } of told) stored.resolve(undefined);
  await link.stop();
  await new Promise<void>((resolve) => {
    aedes.close(resolve);
  });
  server.close();
});

/** What the kiosk has said of itself; wills are the broker's. */
function statuses(): StatusMessage[] {
  return published
    .filter(({ topic }) => topic === topics.status)
    .map(({ payload }) => statusMessage.parse(JSON.parse(payload)))
    .filter(({ version }) => version !== 'will');
}

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) {
    await new Promise<void>((resolve) => {
      changed = resolve;
    });
  }
}

async function send(payload: string, topic = topics.sale): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    aedes.publish(
      {
        cmd: 'publish',
        qos: 1,
        dup: false,
        retain: false,
        topic,
        payload: Buffer.from(payload),
      },
      (error) => {
        if (error == null) resolve();
        else reject(error);
      },
    );
  });
}

test('a sale is acknowledged only when it is stored', async () => {
  await send(JSON.stringify(await signedSale()));
  await until(() => told.length === 1);
  expect(told[0]?.told).toMatchObject({ verdict: 'paid', seq: 1 });
  // A word that goes out after it has come through: an early PUBACK would have been before it.
  link.status({ online: true, bootId: 'boot-1', version: 'later' });
  await until(() => published.some(({ payload }) => payload.includes('"version":"later"')));
  expect(acknowledged).toBe(0);
  told[0]?.stored.resolve(undefined);
  await until(() => acknowledged === 1);
});

test('a forged or broken message is put away and never told', async () => {
  await send('{ not json');
  await send(JSON.stringify({ ...(await signedSale()), amountIdr: 1 }));
  await until(() => acknowledged === 2);
  expect(told).toEqual([]);
  await send(JSON.stringify(await signedSale()));
  await until(() => told.length === 1);
});

test('the status is retained, and the goodbye says offline', async () => {
  link.status({ online: true, bootId: 'boot-1', version: '1', selling: true });
  await until(() => published.some(({ payload }) => payload.includes('"selling":true')));
  await link.stop();
  const goodbye = statuses().at(-1);
  expect(goodbye).toMatchObject({ online: false, connection: statuses()[0]?.connection });
});

test('a broker that answers nothing keeps nobody from stopping', async () => {
  answers = false;
  link.status({ online: true, bootId: 'boot-1', version: 'unheard' });
  const gone = new Promise((resolve) => connected?.conn.once('close', resolve));
  await link.stop();
  await gone;
});

test('acknowledgements go out while the line is up', async () => {
  expect(link.ack('ledger-1', 7)).toBe(true);
  await until(() => published.some(({ topic }) => topic === topics.ack));
  expect(published.find(({ topic }) => topic === topics.ack)?.payload).toBe(
    '{"ledgerId":"ledger-1","upTo":7}',
  );
});

test('a cut line comes back by itself, with the next connection number', async () => {
  connected?.close();
  await until(() => ups.includes(false));
  await until(() => ups.filter(Boolean).length === 2);
  await until(() => statuses().length === 2);
  const [first, second] = statuses();
  expect(second?.connection).toBe((first?.connection ?? 0) + 1);
});

test('an old connection’s will that lands late is answered with the present status', async () => {
  const connection = statuses()[0]?.connection ?? 0;
  const will = { online: false, bootId: 'boot-1', connection: connection - 1, version: 'will' };
  await send(JSON.stringify(will), topics.status);
  await until(() => statuses().length === 2);
  // Its own words come back to it as well, and are not answered.
  link.status({ online: true, bootId: 'boot-1', version: 'last' });
  await until(() => statuses().some(({ version }) => version === 'last'));
  expect(statuses()).toHaveLength(3);
});

test('it shows a fresh token, or the password of its enrolment where it has one', async () => {
  expect(passwords).toHaveLength(1);
  expect(passwords[0]).toMatch(/^eyJ/);
  await link.stop();
  ups = [];
  link = startLink('of-the-enrolment');
  await until(() => ups.includes(true));
  expect(passwords[1]).toBe('of-the-enrolment');
});

test('why the broker lets it not in stands in the log, once and in words, without its password', async () => {
  await link.stop();
  const lines: string[] = [];
  const log: Log = pino({ level: 'warn' }, { write: (line: string) => void lines.push(line) });
  letsIn = false;
  passwords = [];
  link = startLink('of-the-enrolment', log);
  await until(() => passwords.length === 3);
  const said = lines.map((line) => JSON.parse(line) as { msg: string; reason: string });
  expect(said).toMatchObject([{ msg: 'broker.down', reason: 'it does not let this kiosk in' }]);
  expect(lines.join()).not.toContain('of-the-enrolment');
});
