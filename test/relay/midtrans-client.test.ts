// The client at real sockets: what it sends, what it never sends, and that a bad line ends in an outcome, never in a throw.
import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { createMidtrans, type MidtransClient } from '../../src/relay/midtrans/client.ts';

const serverKey = 'SB-Mid-server-EXAMPLEKEY';
const order = {
  saleId: 'ksk01-01JD0000000000000000000000',
  kioskId: 'ksk01',
  amountIdr: 30_000,
  items: [{ id: 'SLOT-1', name: 'Kopi susu', priceIdr: 15_000, quantity: 2 }],
};

let servers: Server[] = [];
let client: MidtransClient | undefined;
afterEach(async () => {
  await client?.close();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  servers = [];
});

async function listen(answers: RequestListener): Promise<number> {
  const server = createServer(answers);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

function clientTo(port: number, timeoutMs = 300): MidtransClient {
  client = createMidtrans({
    ...{ baseUrl: `http://127.0.0.1:${port}`, serverKey, paymentType: 'qris', acquirer: 'gopay' },
    notificationUrl: 'https://relay.example.id/v1/notifications/midtrans',
    expiryMinutes: 15,
    timeouts: { chargeMs: timeoutMs, askMs: timeoutMs },
  });
  return client;
}

const page =
  (status: number, type = 'text/html'): RequestListener =>
  (_q, r) =>
    r.writeHead(status, { 'content-type': type }).end('<html>');

test.each<[string, RequestListener]>([
  ['a page of HTML', page(502)],
  ['a page of HTML that says 200', page(200)],
  ['a firewall', page(403)],
  ['an empty body', (_q, r) => r.end()],
  ['an empty 404', (_q, r) => r.writeHead(404).end()],
  ['nothing for too long', () => undefined],
  [
    'a header and then nothing',
    (_q, r) => {
      r.writeHead(200).flushHeaders();
    },
  ],
  ['a closed connection', (q) => q.socket.destroy()],
  [
    'a body that is cut off',
    (q, r) => {
      r.writeHead(200, { 'content-length': '500' }).write('{"status_code":"201",');
      setImmediate(() => q.socket.destroy());
    },
  ],
  ['a body above the cap', (_q, r) => r.end(`{"status_code":"404","x":"${'x'.repeat(70_000)}"}`)],
  [
    'a length above the cap',
    (_q, r) => r.writeHead(200, { 'content-length': '9999999' }).end('{}'),
  ],
  ['no HTTP at all', (q) => q.socket.end('SSH-2.0-OpenSSH\r\n')],
])('%s is an unknown outcome of every call', async (_name, answers) => {
  const midtrans = clientTo(await listen(answers));
  const outcomes = await Promise.all([
    midtrans.charge(order, 'k'),
    midtrans.status('x'),
    midtrans.stop('cancel', 'x', 'k'),
    midtrans.refund('x', { key: 'k', amountIdr: 1, reason: '' }),
  ]);
  for (const outcome of outcomes)
    expect(outcome).toMatchObject({ kind: 'unknown', answered: false });
  expect(JSON.stringify(outcomes)).not.toContain(serverKey);
});

test('the media type does not matter: the body counts', async () => {
  const port = await listen((_q, r) =>
    r.writeHead(404, { 'content-type': 'text/html' }).end('{"status_code":"404"}'),
  );
  expect(await clientTo(port).status('x')).toEqual({ kind: 'absent' });
});

test.each([301, 302, 303, 307, 308])(
  'HTTP %i is not followed: no key goes elsewhere',
  async (http) => {
    let followed = 0;
    const elsewhere = await listen((_q, r) => {
      followed++;
      r.end('{"status_code":"404"}');
    });
    const location = `http://127.0.0.1:${elsewhere}/`;
    const midtrans = clientTo(await listen((_q, r) => r.writeHead(http, { location }).end()));
    expect((await midtrans.charge(order, 'k')).kind).toBe('unknown');
    expect((await midtrans.status('x')).kind).toBe('unknown');
    const image = await midtrans.image(
      `http://127.0.0.1:${(servers[1]?.address() as AddressInfo).port}/qr`,
    );
    expect(image).toMatchObject({ kind: 'unavailable' });
    expect(followed).toBe(0);
  },
);

test('a refused connection is unsent: not a byte has left', async () => {
  const port = await listen(() => undefined);
  await new Promise((resolve) => servers[0]?.close(resolve));
  const midtrans = clientTo(port);
  expect(await midtrans.charge(order, 'k')).toMatchObject({ kind: 'unsent', why: 'unreachable' });
  expect(await midtrans.status('x')).toMatchObject({ kind: 'unsent' });
});

test('calls share connections that stay open, and no more of them than the limit', async () => {
  let most = 0;
  const server = (): Server | undefined => servers[0];
  const port = await listen((_q, r) => {
    server()?.getConnections((_error, count) => {
      most = Math.max(most, count);
      setTimeout(() => r.end('{"status_code":"404"}'), 2);
    });
  });
  const midtrans = clientTo(port, 5_000);
  const asked = Array.from({ length: 300 }, () => midtrans.status('x'));
  for (const outcome of await Promise.all(asked)) expect(outcome.kind).toBe('absent');
  expect(most).toBeGreaterThan(1);
  expect(most).toBeLessThanOrEqual(128);
});

test('the basket, the kiosk and the expiry go with the charge; ids are escaped', async () => {
  const seen: { url: string | undefined; body: string; type: string | undefined }[] = [];
  const port = await listen((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => {
      seen.push({ url: request.url, body, type: request.headers['content-type'] });
      response.end('{"status_code":"404"}');
    });
  });
  const midtrans = clientTo(port);
  await midtrans.charge(order, 'k');
  await midtrans.stop('expire', 'a/../b?c', 'k');
  await midtrans.refund('x', { key: 'sale-1', amountIdr: 5_000, reason: 'failed' });
  const items = [{ id: 'SLOT-1', name: 'Kopi susu', price: 15_000, quantity: 2 }];
  expect(JSON.parse(seen[0]?.body ?? '')).toEqual({
    payment_type: 'qris',
    transaction_details: { order_id: order.saleId, gross_amount: 30_000 },
    qris: { acquirer: 'gopay' },
    item_details: items,
    custom_expiry: { expiry_duration: 15, unit: 'minute' },
    custom_field1: 'ksk01',
  });
  expect(seen[1]).toMatchObject({ url: '/v2/a%2F..%2Fb%3Fc/expire', body: '' });
  const refund = { refund_key: 'sale-1', amount: 5_000, reason: 'failed' };
  expect(JSON.parse(seen[2]?.body ?? '')).toEqual(refund);
});

test('a picture is capped, must be one, and is asked for without the key', async () => {
  let answer: RequestListener = () => undefined;
  const keys: unknown[] = [];
  const port = await listen((request, response) => {
    keys.push(request.headers.authorization);
    answer(request, response);
  });
  const midtrans = clientTo(port);
  const image = async (listener: RequestListener, path = '/qr'): Promise<unknown> => {
    answer = listener;
    return midtrans.image(`http://127.0.0.1:${port}${path}`);
  };
  const png =
    (body: string): RequestListener =>
    (_q, r) =>
      r.writeHead(200, { 'content-type': 'image/png' }).end(body);
  expect(await image(png('x'))).toMatchObject({ kind: 'image' });
  expect(await image(png('x'.repeat(1_048_577)))).toMatchObject({ kind: 'unavailable' });
  expect(await image(page(200, 'text/html'))).toEqual({
    kind: 'unavailable',
    detail: 'HTTP 200 text/html',
  });
  expect(await image(page(404, 'image/png'))).toMatchObject({ kind: 'unavailable' });
  expect(await image(() => undefined)).toMatchObject({ kind: 'unavailable', silent: true });
  expect(keys.length).toBeGreaterThan(4);
  expect(keys.every((key) => key === undefined)).toBe(true);
});

test.each([
  'https://example.com/qr',
  'https://api.midtrans.com.example.com/qr',
  'https://api.midtrans.com:8443/qr',
  'http://api.midtrans.com/qr',
  'ftp://api.midtrans.com/qr',
  'https://127.0.0.1:1/qr',
  'not an address',
])('no picture is fetched from %s', async (url) => {
  const midtrans = clientTo(await listen(() => undefined));
  const outcome = await midtrans.image(url);
  expect(outcome).toMatchObject({ kind: 'unavailable' });
  expect(outcome).not.toHaveProperty('silent');
});
