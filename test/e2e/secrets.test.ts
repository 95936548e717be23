// Secrets are planted everywhere they belong, and sought everywhere they do not: arguments, environments, logs, the support
// bundle. Real processes, a sale, a claim, faults, forgeries and a crash.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { freePorts } from '../bench/machine.ts';
import { givenAway, ProcessWatch, type Secrets } from './planted.ts';
import { Program, runKios } from './program.ts';
import { serverKey, World } from './world.ts';

const technicianCode = '2718281';
const wifiPassword = 'rahasia-dapur-7731';
const brokerPassword = 'broker-pass-PLANTED-5512';
const hookSecret = 'hook-secret-PLANTED-9943';

let world: World;
let watch: ProcessWatch;
let secrets: Secrets;
/** What each process has said, also of those that are over. */
const logs: Record<string, () => string> = {};

beforeAll(async () => {
  watch = new ProcessWatch();
  world = await World.start({ kiosk: { technicianCode } });
  secrets = { ...plantedSecrets(), technicianCode, wifiPassword, brokerPassword, hookSecret };
  const { kiosk, relay, twin } = world;
  Object.assign(logs, {
    ...{ kiosk: () => kiosk.output, relay: () => relay.output, twin: () => twin.output },
  });
});
afterAll(async () => {
  watch.end();
  await world.end();
});

function plantedSecrets(): Secrets {
  const identity = JSON.parse(readFileSync(join(world.folder, 'kiosk/identity.json'), 'utf8')) as {
    privateKeyPem: string;
    enrolment: { claimSecret: string };
  };
  const relayFolder = join(world.folder, 'relay');
  const keys = readdirSync(relayFolder).filter((name) => /^relay-key.*\.pem$/.test(name));
  expect(keys).toHaveLength(1);
  const pem = readFileSync(join(relayFolder, keys[0] ?? ''), 'utf8');
  return {
    serverKey,
    kioskKey: bodyOf(identity.privateKeyPem),
    relayKey: bodyOf(pem),
    claimSecret: identity.enrolment.claimSecret,
  };
}

/** The one line of base64 of an Ed25519 key. */
function bodyOf(pem: string): string {
  const [, body = ''] = pem.split('\n');
  expect(body).toMatch(/^[A-Za-z0-9+/=]{60,}$/);
  return body;
}

/** Buys for 15,000; the sale's id and the QR's text. */
async function buy(): Promise<{ saleId: string; qr: string; mark: number }> {
  await world.toIdle();
  const { mark } = world.kiosk;
  world.press('1', '5', '000', 'enter');
  const qr = await world.qrOnScreen();
  return { qr, mark, saleId: await world.saleId(mark) };
}

test('the net is whole: it sees each secret where it belongs, however it is written', () => {
  const kept = [
    readFileSync(join(world.folder, 'kiosk/identity.json'), 'utf8'),
    readFileSync(join(world.folder, 'server-key'), 'utf8'),
    readFileSync(join(world.folder, 'kiosk.yaml'), 'utf8'),
  ].join('\n');
  expect(givenAway(kept, secrets)).toEqual([
    ...['serverKey', 'kioskKey', 'claimSecret', 'technicianCode', 'a private key'],
  ]);
  for (const [name, secret] of Object.entries(secrets)) {
    const basic = Buffer.from(`${secret}:`).toString('base64');
    expect(givenAway(`Basic ${basic}`, secrets)).toContain(name);
    expect(givenAway(`x${Buffer.from(secret).toString('hex')}y`, secrets)).toContain(name);
  }
  watch.look();
  expect(watch.text).toContain('kios.ts kiosk --config');
  expect(watch.text).toContain('kios.ts relay --config');
});

test('a sale, a claim, a stopped sale, a technician', async () => {
  const paid = await buy();
  await world.pay(paid.qr);
  expect((await world.phase('result', paid.mark))['outcome']).toBe('done');

  await world.sheet(1);
  world.board.jamAt(1);
  const owed = await buy();
  await world.pay(owed.qr);
  expect((await world.phase('result', owed.mark))['outcome']).toBe('claim');
  const slip = await world.sheet(2);
  const code = /(\d{4}) (\d{4}) (\d{3})/.exec(slip.text.join('\n'))?.slice(1).join('') ?? '';
  expect(code).toHaveLength(11);
  secrets = { ...secrets, paidQr: paid.qr, owedQr: owed.qr, claimCode: code };
  world.board.jamAt(undefined);
  await world.board.unplug();
  await world.board.plug();
  await world.toIdle();
  world.scanner.scan({ text: `KLAIM${code}` });
  await world.kiosk.waitForMessage('claim.sought', owed.mark);
  await world.toIdle();
  world.scanner.scan({ text: `TEKNISI${technicianCode}` });
  await world.phase('technician', owed.mark);
  world.press('3', 'cancel', 'enter');
  const stopped = await buy();
  world.press('cancel');
  await world.phase('result', stopped.mark);
});

test('faults of Midtrans, forged and signed notices, junk with secrets in it', async () => {
  await world.faults({ on: 'charge', do: { kind: 'http', status: 500, html: true } });
  const { qr, mark, saleId } = await buy();
  await world.pay(qr);
  await world.phase('result', mark);
  const signed = { order_id: saleId, status_code: '200', gross_amount: '15000.00' };
  const signature = createHash('sha512').update(`${saleId}20015000.00${serverKey}`).digest('hex');
  const token = heldToken();
  const bearer = { authorization: `Bearer ${token}` };
  const notice = (signature_key: string): string => JSON.stringify({ ...signed, signature_key });
  const junk: { to: string; body?: string; headers?: Record<string, string> }[] = [
    { to: 'POST /v1/notifications/midtrans', body: notice(signature) },
    { to: 'POST /v1/notifications/midtrans', body: notice('f'.repeat(128)) },
    { to: `PUT /v1/sales/${saleId}`, body: '{"amountIdr":', headers: bearer },
    { to: `GET /v1/changes?since=${token}`, headers: bearer },
    { to: 'POST /v1/enrol', body: JSON.stringify({ code: secrets['claimSecret'], publicKey: {} }) },
    { to: `GET /v1/keys?after=${encodeURIComponent(secrets['paidQr'] ?? '')}` },
  ];
  for (const { to, body, headers } of junk) {
    const [method = '', path = ''] = to.split(' ');
    await fetch(world.relayUrl + path, {
      ...{ method, headers: { 'content-type': 'application/json', ...headers } },
      ...(body === undefined ? {} : { body }),
    });
  }
});

/** One that the relay would know the form of, signed by nobody. */
function heldToken(): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const claims = part({ sub: 'ksk01', aud: 'kios-relay', boot: 'boot-planted' });
  return `${part({ alg: 'EdDSA' })}.${claims}.${'s'.repeat(86)}`;
}

test('kiosk and relay die in mid-sale and come back', async () => {
  const { qr } = await buy();
  const before = { kiosk: world.kiosk.output, relay: world.relay.output };
  await Promise.all([world.kiosk.kill(), world.relay.kill()]);
  await world.startRelay();
  await world.startKiosk();
  const { kiosk, relay } = world;
  logs['kiosk of before'] = () => before.kiosk;
  logs['relay of before'] = () => before.relay;
  logs['kiosk'] = () => kiosk.output;
  logs['relay'] = () => relay.output;
  await world.ready();
  await world.pay(qr);
  await world.phase('result');
});

test('a configuration that is wrong names its lines, not its secrets', async () => {
  const file = join(world.folder, 'wrong.yaml');
  const text = readFileSync(join(world.folder, 'kiosk.yaml'), 'utf8');
  const unquoted = text.replace(/technicianCode: .*/, `technicianCode: 0${technicianCode}`);
  expect(unquoted).not.toBe(text);
  writeFileSync(file, `${unquoted}\ncolour: red\n`);
  const { code, output } = await runKios('kiosk', '--config', file);
  expect(code).toBe(1);
  expect(output).toContain('technicianCode: put it in quotes');
  logs['wrong configuration'] = () => output;
});

test('an identity that is damaged is not quoted', async () => {
  const folder = join(world.folder, 'damaged');
  mkdirSync(folder, { mode: 0o700 });
  const whole = readFileSync(join(world.folder, 'kiosk/identity.json'), 'utf8');
  writeFileSync(join(folder, 'identity.json'), whole.slice(0, -20), { mode: 0o600 });
  const config = join(world.folder, 'kiosk.yaml');
  const { code, output } = await runKios('kiosk', '--config', config, '--state', folder);
  expect(code).toBe(1);
  logs['damaged identity'] = () => output;
});

test('a relay with a broker outside shows neither its password nor the hook secret', async () => {
  const [http, dead] = await freePorts(2);
  const at = (name: string): string => join(world.folder, name);
  mkdirSync(at('relay2'));
  writeFileSync(at('broker-password'), `${brokerPassword}\n`, { mode: 0o600 });
  writeFileSync(at('hook-secret'), `${hookSecret}\n`, { mode: 0o600 });
  writeFileSync(
    at('relay2.yaml'),
    stringify({
      environment: 'sandbox',
      http: { host: '127.0.0.1', port: http },
      publicUrl: `http://127.0.0.1:${http}`,
      broker: {
        ...{ kind: 'hooks', url: `mqtt://127.0.0.1:${dead}`, username: 'kios-relay' },
        ...{ passwordFile: at('broker-password'), hookSecretFile: at('hook-secret') },
        publicUrl: `mqtt://127.0.0.1:${dead}`,
      },
      store: { sqlite: at('relay2/relay.sqlite') },
      stateDir: at('relay2'),
      midtrans: {
        ...{ baseUrl: world.twinUrl, serverKeyFile: at('server-key'), merchantId: 'G000000001' },
      },
      merchant: { name: 'KIOS CONTOH', nmid: 'AID1099000000001', pan: '9360091400000000017' },
    }),
  );
  const relay = new Program('relay', '--config', at('relay2.yaml'));
  await relay.waitForMessage('relay.ready');
  await relay.waitForMessage('broker.error');
  const url = `http://127.0.0.1:${http}/v1/hooks/emqx/authn`;
  const asked = { clientid: 'ksk01', username: 'kios-relay', password: brokerPassword };
  for (const secret of [hookSecret, 'a guess']) {
    await fetch(`${url}?secret=${encodeURIComponent(secret)}`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' } },
      body: JSON.stringify(asked),
    });
  }
  await relay.stop();
  logs['relay with a broker outside'] = () => relay.output;
});

test('the support bundle has states and none of it, whatever lies about on the machine', async () => {
  const root = join(world.folder, 'tree');
  for (const folder of ['etc/NetworkManager/system-connections', 'var/lib/kios-root', 'sys/dev']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
  const keyfile = `[wifi-security]\nkey-mgmt=wpa-psk\npsk=${wifiPassword}\n`;
  writeFileSync(join(root, 'etc/NetworkManager/system-connections/kios.nmconnection'), keyfile);
  const out = join(world.folder, 'bundle.tar.gz');
  const config = join(world.folder, 'kiosk.yaml');
  const made = await runKios('support', '--config', config, '--root', root, '--out', out);
  expect(made).toMatchObject({ code: 0 });
  logs['kios support'] = () => made.output;
  const bundle = gunzipSync(readFileSync(out)).toString('latin1');
  expect(bundle).toContain('"kioskId": "ksk01"');
  expect(bundle).toContain('"verdict": "paid"');
  expect(givenAway(bundle, secrets)).toEqual([]);
});

test('no log of all of them gives anything away', () => {
  const found = Object.entries(logs).map(([name, text]) => [name, givenAway(text(), secrets)]);
  expect(found.filter(([, names]) => names?.length !== 0)).toEqual([]);
  expect(Object.keys(logs)).toHaveLength(9);
  for (const text of Object.values(logs)) expect(text().length).toBeGreaterThan(10);
});

test('no process had any of it in its arguments or its environment', () => {
  expect(givenAway(watch.text, secrets)).toEqual([]);
});

test('no unit that runs kios leaves a core dump behind', () => {
  const folder = join(import.meta.dirname, '../../systemd');
  const running = readdirSync(folder)
    .filter((name) => name.endsWith('.service'))
    .map((name) => [name, readFileSync(join(folder, name), 'utf8')] as const)
    .filter(([, text]) => /^Exec\w+=.*\/opt\/kios\//m.test(text));
  expect(running.length).toBeGreaterThan(3);
  const dumping = running.filter(([, text]) => !/^LimitCORE=0$/m.test(text));
  expect(dumping.map(([name]) => name)).toEqual([]);
});
