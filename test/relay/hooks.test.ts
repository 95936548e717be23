// What brokers ask over HTTP, in the very bodies that they send. Whatever is wrong, the answer is 200 and a refusal.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Aedes, type Client } from 'aedes';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { systemClock } from '../../src/lib/clock.ts';
import { connectDatabase } from '../../src/relay/store/connect.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const secret = 'the-secret-of-the-hooks';
const password = 'the-relays-own-password';
let dir: string;
let setting: Setting;
let anna: TestKiosk;
let token: string;
/** A broker that lets everybody in: these tests look at what the relay answers. */
let broker: { url: string; left: string[]; stop(): Promise<void> };
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-hooks-'));
  writeFileSync(join(dir, 'secret'), `${secret}\n`);
  writeFileSync(join(dir, 'password'), `${password}\n`);
  broker = await startBroker();
  setting = await startSetting({
    overrides: {
      mqtt: undefined,
      broker: {
        ...{ kind: 'hooks', url: broker.url, publicUrl: broker.url, username: 'kios-relay' },
        ...{ passwordFile: join(dir, 'password'), hookSecretFile: join(dir, 'secret') },
      },
    },
  });
  anna = await setting.kiosk('anna1');
  token = await anna.token({ audience: 'kios-broker' });
});
afterAll(async () => {
  await setting.stop();
  await broker.stop();
  rmSync(dir, { recursive: true, force: true });
});

async function startBroker(): Promise<typeof broker> {
  const aedes = await Aedes.createBroker();
  const left: string[] = [];
  aedes.on('clientDisconnect', (client: Client) => left.push(client.id));
  const server = createServer(aedes.handle);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `mqtt://127.0.0.1:${port}`,
    left,
    async stop() {
      await new Promise<void>((resolve) => {
        aedes.close(resolve);
      });
      server.close();
    },
  };
}

async function post(
  path: string,
  body: string,
  headers: Record<string, string>,
): Promise<{ status: number; text: string }> {
  const answer = await fetch(setting.relayUrl + path, { method: 'POST', headers, body });
  return { status: answer.status, text: await answer.text() };
}

/** As EMQX 5 asks with the template of config/relay.example.yaml. */
async function emqx(path: string, body: unknown, shown = secret): Promise<string> {
  const { status, text } = await post(`/v1/hooks/emqx/${path}`, JSON.stringify(body), {
    ...{ 'content-type': 'application/json', 'kios-hook-secret': shown },
  });
  expect(status).toBe(200);
  const { result } = JSON.parse(text) as { result: string };
  return result;
}

/** As rabbitmq_auth_backend_http asks with `auth_http.http_method = post`. */
async function rabbit(path: string, form: string, shown = secret): Promise<string> {
  const url = `/v1/hooks/rabbitmq/${path}?secret=${encodeURIComponent(shown)}`;
  const { status, text } = await post(url, form, {
    'content-type': 'application/x-www-form-urlencoded',
  });
  expect(status).toBe(200);
  return text;
}

test('EMQX: the kiosk’s own broker token, under its own client id, and the relay get in', async () => {
  const ask = (clientid: string, username: string, shown: string): Promise<string> =>
    emqx('authn', { clientid, username, password: shown });
  expect(await ask('anna1', 'anna1', token)).toBe('allow');
  expect(await ask('relay-1', 'kios-relay', password)).toBe('allow');
  expect(await ask('anna1', 'anna1', await anna.token())).toBe('deny');
  expect(await ask('budi1', 'anna1', token)).toBe('deny');
  expect(await ask('budi1', 'budi1', token)).toBe('deny');
  expect(await ask('anna1', 'anna1', `${token}x`)).toBe('deny');
  expect(await ask('relay-1', 'kios-relay', 'nonsense')).toBe('deny');
  expect(await ask('relay-1', 'kios-relay', token)).toBe('deny');
});

test('EMQX: a kiosk reaches its own topics alone, the relay those of all', async () => {
  const ask = (
    username: string,
    action: string,
    topic: string,
    clientid = username,
  ): Promise<string> => emqx('authz', { clientid, username, action, topic });
  expect(await ask('anna1', 'subscribe', 'kios/1/anna1/sale')).toBe('allow');
  expect(await ask('anna1', 'publish', 'kios/1/anna1/ack')).toBe('allow');
  expect(await ask('anna1', 'publish', 'kios/1/anna1/sale')).toBe('deny');
  expect(await ask('anna1', 'subscribe', 'kios/1/budi1/sale')).toBe('deny');
  expect(await ask('anna1', 'subscribe', 'kios/1/+/sale')).toBe('deny');
  expect(await ask('anna1', 'subscribe', '#')).toBe('deny');
  expect(await ask('anna1', 'publish', 'kios/1/anna1/ack', 'budi1')).toBe('deny');
  expect(await ask('budi1', 'publish', 'kios/1/budi1/ack')).toBe('deny');
  expect(await ask('kios-relay', 'subscribe', 'kios/1/+/status', 'relay-1')).toBe('allow');
  expect(await ask('kios-relay', 'subscribe', '#', 'relay-1')).toBe('deny');
});

test('RabbitMQ: user, vhost, resources and routing keys', async () => {
  const user = (name: string, id: string, shown: string): string =>
    `username=${name}&password=${encodeURIComponent(shown)}&vhost=%2F&client_id=${id}`;
  expect(await rabbit('user', user('anna1', 'anna1', token))).toBe('allow');
  expect(await rabbit('user', user('anna1', 'budi1', token))).toBe('deny');
  expect(await rabbit('user', user('kios-relay', 'anna1', password))).toBe('allow');
  expect(await rabbit('user', `username=anna1&password=${token}`)).toBe('deny');
  const rest = 'vhost=%2F&tags=';
  expect(await rabbit('vhost', `username=anna1&${rest}&ip=127.0.0.1&client_id=anna1`)).toBe(
    'allow',
  );
  expect(await rabbit('vhost', `username=budi1&${rest}&ip=127.0.0.1`)).toBe('deny');
  const resource = (kind: string, name: string, username = 'anna1'): Promise<string> =>
    rabbit(
      'resource',
      `username=${username}&${rest}&resource=${kind}&name=${name}&permission=write`,
    );
  expect(await resource('exchange', 'amq.topic')).toBe('allow');
  expect(await resource('queue', 'mqtt-subscription-anna1qos1')).toBe('allow');
  expect(await resource('queue', 'mqtt-subscription-budi1qos1')).toBe('deny');
  expect(await resource('exchange', 'amq.fanout')).toBe('deny');
  expect(await resource('queue', 'mqtt-subscription-budi1qos1', 'kios-relay')).toBe('allow');
  const topic = (
    permission: string,
    key: string,
    username = 'anna1',
    id = username,
  ): Promise<string> =>
    rabbit(
      'topic',
      `username=${username}&vhost=%2F&resource=topic&name=amq.topic&permission=${permission}&tags=` +
        `&routing_key=${encodeURIComponent(key)}&variable_map.client_id=${id}&variable_map.vhost=%2F`,
    );
  expect(await topic('read', 'kios.1.anna1.sale')).toBe('allow');
  expect(await topic('write', 'kios.1.anna1.status')).toBe('allow');
  expect(await topic('write', 'kios.1.anna1.sale')).toBe('deny');
  expect(await topic('read', 'kios.1.budi1.sale')).toBe('deny');
  expect(await topic('read', 'kios.1.*.sale')).toBe('deny');
  expect(await topic('read', '#')).toBe('deny');
  expect(await topic('write', 'kios.1.anna1.ack', 'anna1', 'budi1')).toBe('deny');
  expect(await topic('read', 'kios.1.*.status', 'kios-relay', 'relay-1')).toBe('allow');
});

test('whoever does not know the secret, or asks nonsense, gets a refusal that no broker overlooks', async () => {
  const asked = { clientid: 'anna1', username: 'anna1', password: token };
  expect(await emqx('authn', asked, 'nonsense')).toBe('deny');
  expect(await rabbit('vhost', 'username=anna1', '')).toBe('deny');
  expect(await emqx('authn', { clientid: 'anna1' })).toBe('deny');
  expect(await emqx('authz', { ...asked, action: 'all', topic: 'kios/1/anna1/ack' })).toBe('deny');
  expect(await emqx('authn', { ...asked, password: 'x'.repeat(9_000) })).toBe('deny');
  const broken = await post('/v1/hooks/emqx/authn', '{', {
    ...{ 'content-type': 'application/json', 'kios-hook-secret': secret },
  });
  expect(broken).toEqual({ status: 200, text: '{"result":"deny"}' });
  expect(await rabbit('topic', '%%%')).toBe('deny');
});

test('a revoked kiosk is out: no answer lets it in, and its connection is taken over and ended', async () => {
  const kiosk = await setting.kiosk('ksk20');
  const line = await kiosk.connect();
  const closed = new Promise<void>((resolve) =>
    line.client.once('close', () => {
      resolve();
    }),
  );
  const shown = await kiosk.token({ audience: 'kios-broker' });
  const authn = { clientid: 'ksk20', username: 'ksk20', password: shown };
  const authz = { ...authn, action: 'publish', topic: 'kios/1/ksk20/ack' };
  expect([await emqx('authn', authn), await emqx('authz', authz)]).toEqual(['allow', 'allow']);
  // A connection of its own, as the command line has it.
  const store = await openStore(await connectDatabase(setting.config.store, systemClock), 'unused');
  expect(await store.revoke('ksk20')).toBe(true);
  await store.close();
  expect([await emqx('authn', authn), await emqx('authz', authz)]).toEqual(['deny', 'deny']);
  expect(await rabbit('vhost', 'username=ksk20')).toBe('deny');
  await closed;
  expect(broker.left).toContain('ksk20');
});

test('the secret and the tokens are in no log, and without `kind: hooks` nobody may ask', async () => {
  for (const hidden of [secret, password, token]) expect(setting.logText()).not.toContain(hidden);
  const other = await startSetting();
  const answer = await fetch(`${other.relayUrl}/v1/hooks/emqx/authn`, { method: 'POST' });
  expect(answer.status).toBe(404);
  await other.stop();
});

test('a wrong secret is refused as often as it comes, and told once a minute', async () => {
  const asked = { clientid: 'anna1', username: 'anna1', password: token };
  for (let i = 0; i < 50; i++) expect(await emqx('authn', asked, `guess-${i}`)).toBe('deny');
  expect(setting.logText().match(/hook\.wrong-secret/g)).toHaveLength(1);
  expect(await setting.metrics()).toMatch(/kios_faults_total\{place="hook-secret"\} \d{2}/);
});

test('who goes on guessing is told of apart, and must connect anew; the broker itself goes on', async () => {
  const asked = { clientid: 'anna1', username: 'anna1', password: token };
  const guess = (): Promise<Response> =>
    fetch(`${setting.relayUrl}/v1/hooks/emqx/authn`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'kios-hook-secret': 'guess' },
      body: JSON.stringify(asked),
    });
  const first = await guess();
  expect(first.headers.get('connection')).not.toBe('close');
  await first.text();
  // A minute's worth, of which the tests before have taken some.
  for (let i = 0; i < 600; i++) await (await guess()).text();
  const last = await guess();
  expect([last.status, await last.json()]).toEqual([200, { result: 'deny' }]);
  expect(last.headers.get('connection')).toBe('close');
  expect(await setting.metrics()).toContain('kios_faults_total{place="hook-guesses"}');
  expect(setting.logText()).toContain('hook.guesses');
  expect(await emqx('authn', asked)).toBe('allow');
});
