// A relay that is told to stop, as systemd does it: nobody who says nothing keeps it, and what it has begun it ends.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls } from 'node:tls';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { ulid } from 'ulid';
import { stringify } from 'yaml';
import { systemClock } from '../../src/lib/clock.ts';
import { publicJwk } from '../../src/protocol/api.ts';
import { signKioskToken } from '../../src/protocol/token.ts';
import { freePorts, makeCertificate } from '../bench/machine.ts';
import { made, startMidtrans, type Call } from '../relay/scripted-midtrans.ts';
import { merchantId, payee, serverKey } from '../relay/setting.ts';
import { Program, runKios } from './program.ts';

/** What systemd's patience and the relay's own allow. */
const limitMs = 10_000;
/** Without anybody to wait for. */
const quickMs = 4_000;

let dir: string;
let midtrans: Awaited<ReturnType<typeof startMidtrans>>;
let sockets: Socket[];
let program: Program | undefined;
beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-stop-'));
  midtrans = await startMidtrans();
  sockets = [];
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await program?.kill();
  midtrans.close();
  rmSync(dir, { recursive: true, force: true });
});

interface Running {
  file: string;
  httpPort: number;
  mqttPort: number;
}

async function start(tls?: { certFile: string; keyFile: string }): Promise<Running> {
  const [httpPort = 0, mqttPort = 0] = await freePorts(2);
  const file = join(dir, 'relay.yaml');
  writeFileSync(join(dir, 'server-key'), serverKey);
  const secure = tls === undefined ? {} : { tls };
  const settings = {
    environment: 'sandbox',
    http: { host: '127.0.0.1', port: httpPort, ...secure },
    publicUrl: `http://127.0.0.1:${httpPort}`,
    mqtt: { host: '127.0.0.1', port: mqttPort, ...secure },
    store: { sqlite: join(dir, 'relay.db') },
    stateDir: join(dir, 'state'),
    midtrans: { baseUrl: midtrans.url, serverKeyFile: join(dir, 'server-key'), merchantId },
    merchant: payee,
  };
  writeFileSync(file, stringify(settings));
  program = new Program('relay', '--config', file);
  await program.waitForMessage('relay.ready');
  return { file, httpPort, mqttPort };
}

/** SIGTERM; how long its end took. */
async function stop(): Promise<{ code: number | null; tookMs: number }> {
  const sinceMs = systemClock.monotonicMs();
  const code = await program?.stop();
  return { code: code ?? null, tookMs: systemClock.monotonicMs() - sinceMs };
}

async function silent(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1');
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('connect', resolve));
}

async function silentAfterHandshake(port: number): Promise<Socket> {
  const socket = connectTls({ port, host: '127.0.0.1', rejectUnauthorized: false });
  sockets.push(socket);
  socket.on('error', () => undefined);
  await new Promise<void>((resolve) => socket.once('secureConnect', resolve));
  return socket;
}

async function enrol({ file, httpPort }: Running, kioskId: string): Promise<KeyObject> {
  const made = await runKios('relay', '--config', file, 'enrolment', '--kiosk', kioskId, '--json');
  const { code } = JSON.parse(made.output) as { code: string };
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  const jwk = publicJwk.parse(publicKey.export({ format: 'jwk' }));
  const answer = await fetch(`http://127.0.0.1:${httpPort}/v1/enrol`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ code, publicKey: jwk }),
  });
  await answer.arrayBuffer();
  expect(answer.status).toBe(200);
  return privateKey;
}

test('silent connections on both ports and a slow charge in flight: the charge ends, exit code 0', async () => {
  const running = await start();
  const key = await enrol(running, 'ksk01');
  const charging = Promise.withResolvers<undefined>();
  midtrans.on('charge', async (call: Call) => {
    charging.resolve(undefined);
    await new Promise((resolve) => setTimeout(resolve, 2_000));
    return made(call.id);
  });
  const token = await signKioskToken({ kioskId: 'ksk01', bootId: 'b' }, key, systemClock.nowMs());
  const put = fetch(`http://127.0.0.1:${running.httpPort}/v1/sales/ksk01-${ulid()}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ amountIdr: 15_000 }),
  });
  await charging.promise;
  await silent(running.httpPort);
  await silent(running.mqttPort);
  const { code, tookMs } = await stop();
  const answer = await put;
  expect({ status: answer.status, code }).toEqual({ status: 201, code: 0 });
  expect(await answer.json()).toMatchObject({ verdict: 'pending' });
  expect(program?.output).toContain('relay.stopped');
  expect(tookMs).toBeLessThan(limitMs);
});

test('nobody who says nothing keeps it, before the handshake or after it', async () => {
  const { httpPort, mqttPort } = await start(makeCertificate(dir));
  for (const port of [httpPort, mqttPort]) {
    await silent(port);
    await silentAfterHandshake(port);
  }
  const idle = await silentAfterHandshake(httpPort);
  const answered = new Promise((resolve) => idle.once('data', resolve));
  idle.write('GET /healthz HTTP/1.1\r\nhost: relay\r\n\r\n');
  await answered;
  const half = await silentAfterHandshake(httpPort);
  half.write('GET /healthz HTTP/1.1\r\nhost: re');
  const { code, tookMs } = await stop();
  expect(code).toBe(0);
  expect(program?.output).toContain('relay.stopped');
  expect(tookMs).toBeLessThan(quickMs);
});

test('a Midtrans that answers nobody keeps it for less than ten seconds', async () => {
  const running = await start();
  const key = await enrol(running, 'ksk02');
  const charging = Promise.withResolvers<undefined>();
  midtrans.on('charge', async (call: Call) => {
    charging.resolve(undefined);
    await new Promise((resolve) => setTimeout(resolve, 2 * limitMs));
    return made(call.id);
  });
  const token = await signKioskToken({ kioskId: 'ksk02', bootId: 'b' }, key, systemClock.nowMs());
  const put = fetch(`http://127.0.0.1:${running.httpPort}/v1/sales/ksk02-${ulid()}`, {
    method: 'PUT',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ amountIdr: 15_000 }),
  }).catch(() => undefined);
  await charging.promise;
  await silent(running.httpPort);
  const { code, tookMs } = await stop();
  await put;
  expect(code).toBe(0);
  expect(program?.output).toContain('relay.stopped');
  expect(tookMs).toBeLessThan(limitMs);
});
