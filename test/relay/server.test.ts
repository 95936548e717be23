// The relay's own front: TLS in the process, slow clients, readiness, and the counts of what it answered.
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync, mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:https';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectTls, TLSSocket } from 'node:tls';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { startFault } from '../../src/cli/start-fault.ts';
import { noticeSignature } from '../../src/relay/midtrans/notification.ts';
import { readTls } from '../../src/relay/tls.ts';
import { pay, serverKey, startSetting, type Setting } from './setting.ts';

let dir: string;
let plain: Setting;
let secure: Setting;
beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-tls-'));
  certificate('relay');
  plain = await startSetting();
  secure = await startSetting({ http: { tls: pair('relay') } });
});
afterAll(async () => {
  await plain.stop();
  await secure.stop();
  rmSync(dir, { recursive: true, force: true });
});

function pair(name: string): { certFile: string; keyFile: string } {
  return { certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) };
}

/** A certificate for 127.0.0.1 that signs itself. */
function certificate(name: string): void {
  const { certFile, keyFile } = pair(name);
  execFileSync(
    'openssl',
    [
      ...['req', '-x509', '-nodes', '-days', '2', '-newkey', 'ec'],
      ...['-pkeyopt', 'ec_paramgen_curve:P-256', '-subj', '/CN=relay'],
      ...['-addext', 'subjectAltName=IP:127.0.0.1', '-keyout', keyFile, '-out', certFile],
    ],
    { stdio: 'ignore' },
  );
}

function portOf(setting: Setting): number {
  return Number(new URL(setting.relayUrl).port);
}

test('a notification over TLS 1.2 is taken: Midtrans’ sender speaks nothing newer', async () => {
  const signed = { order_id: 'unknown-2', status_code: '200', gross_amount: '15000.00' };
  const signature_key = noticeSignature(signed, serverKey);
  const body = JSON.stringify({ ...signed, transaction_status: 'settlement', signature_key });
  const answer = await new Promise<{ status: number | undefined; protocol: string | null }>(
    (resolve, reject) => {
      const asked = request({
        ...{ host: '127.0.0.1', port: portOf(secure), method: 'POST' },
        ...{ path: '/v1/notifications/midtrans', maxVersion: 'TLSv1.2' },
        ca: readFileSync(pair('relay').certFile),
        headers: { 'content-type': 'application/json' },
      });
      asked.once('error', reject);
      asked.once('response', (response) => {
        response.resume();
        const { socket } = response;
        const protocol = socket instanceof TLSSocket ? socket.getProtocol() : null;
        resolve({ status: response.statusCode, protocol });
      });
      asked.end(body);
    },
  );
  expect(answer).toEqual({ status: 200, protocol: 'TLSv1.2' });
});

test('TLS 1.1 is refused', async () => {
  const refused = new Promise<Error>((resolve) => {
    const socket = connectTls({
      ...{ host: '127.0.0.1', port: portOf(secure), rejectUnauthorized: false },
      ...{ minVersion: 'TLSv1.1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT@SECLEVEL=0' },
    });
    socket.once('error', resolve);
  });
  expect((await refused).message).toMatch(/protocol version|alert|unsupported/i);
});

test('certificate and key that are no pair are told with the setting, before a port is taken', () => {
  certificate('other');
  const mixed = { certFile: pair('relay').certFile, keyFile: pair('other').keyFile };
  let fault: unknown;
  try {
    readTls(mixed, 'http.tls');
  } catch (error) {
    fault = startFault('relay.yaml', error, {});
  }
  expect(String(fault)).toMatch(/http\.tls: .*relay\.crt and .*other\.key are no pair/);
  writeFileSync(join(dir, 'empty'), '');
  expect(() => readTls({ ...mixed, keyFile: join(dir, 'none') }, 'mqtt.tls')).toThrow(/none/);
});

test('a client that never ends its header is cut off, and the relay answers others meanwhile', async () => {
  const slow = connect(portOf(plain), '127.0.0.1');
  const sinceMs = performance.now();
  const closed = new Promise<number>((resolve) => {
    slow.on('error', () => undefined);
    slow.once('close', () => {
      resolve(performance.now() - sinceMs);
    });
  });
  slow.resume();
  slow.write('GET /healthz HTTP/1.1\r\nHost: relay\r\nX-Slow: ');
  const drip = setInterval(() => slow.write('a'), 200);
  expect((await fetch(`${plain.relayUrl}/healthz`)).status).toBe(200);
  await closed;
  clearInterval(drip);
}, 25_000);

test('ready says what is not usable: a store that is closed, a broker that is down', async () => {
  const own = await startSetting();
  const ready = async (): Promise<unknown> => (await fetch(`${own.relayUrl}/readyz`)).json();
  expect(await ready()).toEqual({ ready: true, store: true, broker: true, accepting: true });
  await own.stop();
});

test('every answer is counted under its route, never under an id', async () => {
  const kiosk = await plain.kiosk('ksk80');
  const saleId = kiosk.newSaleId();
  await kiosk.put(saleId, 15_000);
  const text = await plain.metrics();
  expect(text).toMatch(/kios_http_seconds_count\{route="\/v1\/sales\/:saleId",status="201"\} 1/);
  expect(text).not.toContain(saleId);
});

test('what waits in the tables is on the graphs: a sale that is open, a verdict on its way', async () => {
  const own = await startSetting();
  try {
    const kiosk = await own.kiosk('ksk81');
    await kiosk.put(kiosk.newSaleId(), 15_000);
    const text = await own.metrics();
    expect(text).toMatch(/kios_depth\{what="openSales"\} 1/);
    expect(text).toMatch(/kios_depth\{what="outbox"\} 1/);
    expect(text).toMatch(/kios_depth\{what="claims"\} 0/);
  } finally {
    await own.stop();
  }
});

test('every hop of a verdict is timed, from the notice to the kiosk’s disk', async () => {
  const kiosk = await plain.kiosk('ksk82');
  const line = await kiosk.connect();
  const put = await kiosk.put(kiosk.newSaleId(), 15_000);
  await pay(plain, put.sale.qrString ?? '');
  const paid = await line.next(({ verdict }) => verdict === 'paid');
  await kiosk.call('POST', '/v1/ack', { ledgerId: paid.ledgerId, upTo: paid.seq });
  const text = await plain.metrics();
  const count = (hop: string): number =>
    Number(new RegExp(`kios_hop_seconds_count{hop="${hop}"} (\\d+)`).exec(text)?.[1] ?? 0);
  for (const hop of ['notice-stored', 'notice-confirmed', 'verdict-sent', 'verdict-acked']) {
    expect({ hop, counted: count(hop) > 0 }).toEqual({ hop, counted: true });
  }
  await line.client.endAsync();
});
