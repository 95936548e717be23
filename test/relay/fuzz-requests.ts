// Requests that nobody sane sends, drawn from a seed: each route with good bodies gone wrong, tokens of others, junk. Draws
// only; it sends nothing.
import { noticeSignature } from '../../src/relay/midtrans/notification.ts';
import { type Random } from '../../src/twin/random.ts';

export interface FuzzRoute {
  method: string;
  /** As the relay names it; what begins with a colon is drawn. */
  path: string;
  /** A body that would be right. */
  body?: unknown;
}

const sale = {
  amountIdr: 15_000,
  items: [{ id: 'a', name: 'Kopi', priceIdr: 15_000, quantity: 1 }],
};
const hook = { clientid: 'fuz01', username: 'fuz01', password: 'x', action: 'publish', topic: 'a' };

/** Every route of the relay: `fuzz.test.ts` holds this list to the sources. */
export const fuzzRoutes: readonly FuzzRoute[] = [
  { method: 'GET', path: '/healthz' },
  { method: 'GET', path: '/readyz' },
  { method: 'GET', path: '/metrics' },
  { method: 'GET', path: '/v1/keys?after=:word' },
  { method: 'GET', path: '/v1/time?nonce=:word' },
  {
    method: 'POST',
    path: '/v1/enrol',
    body: { code: 'AAAA-BBBB-CCCC', publicKey: { kty: 'OKP', crv: 'Ed25519', x: 'a'.repeat(43) } },
  },
  { method: 'POST', path: '/v1/notifications/midtrans', body: {} },
  { method: 'PUT', path: '/v1/sales/:saleId', body: sale },
  { method: 'GET', path: '/v1/sales/:saleId' },
  { method: 'GET', path: '/v1/sales/:saleId/qr.png' },
  {
    method: 'POST',
    path: '/v1/sales/:saleId/cancel',
    body: { reason: 'customer', amountIdr: 15_000 },
  },
  { method: 'POST', path: '/v1/sales/:saleId/fulfilment', body: { result: 'done', detail: 'x' } },
  { method: 'GET', path: '/v1/changes?since=:cursor&ledgerId=:word' },
  { method: 'POST', path: '/v1/ack', body: { ledgerId: 'x', upTo: 0 } },
  {
    method: 'POST',
    path: '/v1/recover',
    body: { sales: [{ proof: 'a.b.c', fulfilment: 'done' }], since: '0.00000000' },
  },
  { method: 'POST', path: '/v1/claims/:saleId/redeem', body: { dispenseId: 'd-1' } },
  {
    method: 'POST',
    path: '/v1/claims/:saleId/result',
    body: { dispenseId: 'd-1', result: 'done' },
  },
  { method: 'GET', path: '/v1/commands' },
  { method: 'GET', path: '/v1/config?have=:word' },
  { method: 'GET', path: '/v1/release?arch=:word&version=:word' },
  { method: 'POST', path: '/v1/commands/:word/result', body: { outcome: 'done', why: 'x' } },
  {
    method: 'POST',
    path: '/v1/kiosks/:kioskId/support',
    body: { bundle: 'H4sIAAAAAAAAAwMAAAAAAAAAAAA=' },
  },
  { method: 'POST', path: '/v1/hooks/emqx/authn', body: hook },
  { method: 'POST', path: '/v1/hooks/emqx/authz', body: hook },
  { method: 'POST', path: '/v1/hooks/rabbitmq/user', body: { ...hook, client_id: 'fuz01' } },
  { method: 'POST', path: '/v1/hooks/rabbitmq/vhost', body: hook },
  {
    method: 'POST',
    path: '/v1/hooks/rabbitmq/resource',
    body: { ...hook, resource: 'queue', name: 'a' },
  },
  {
    method: 'POST',
    path: '/v1/hooks/rabbitmq/topic',
    body: { ...hook, name: 'amq.topic', permission: 'read', routing_key: 'a' },
  },
];

export interface FuzzWorld {
  /** Tokens: of kiosks of its own that are good, and what looks like one. */
  tokens: readonly string[];
  /** Sales of an honest kiosk, and ids of its own. */
  saleIds: readonly string[];
  kioskIds: readonly string[];
  serverKey: string;
}

export interface FuzzRequest {
  method: string;
  path: string;
  headers: Record<string, string>;
  body?: string;
}

/** One request, drawn. */
export function drawRequest(random: Random, world: FuzzWorld): FuzzRequest {
  const route = pick(random, fuzzRoutes);
  const method = chance(random, 0.03) ? pick(random, methods) : route.method;
  const headers: Record<string, string> = {
    // As if by a proxy: each has an address of its own, so that the limits do not answer all of them.
    'x-forwarded-for': [10, ...[0, 0, 0].map(() => below(random, 256))].join('.'),
    'content-type': chance(random, 0.9) ? 'application/json' : pick(random, types),
  };
  if (chance(random, 0.85)) headers['authorization'] = `Bearer ${drawToken(random, world)}`;
  if (chance(random, 0.5)) headers['kios-nonce'] = drawWord(random);
  const request = { method, path: drawPath(random, route.path, world), headers };
  if (route.body === undefined || method === 'GET' || method === 'HEAD') return request;
  const isNotice = route.path.endsWith('/midtrans');
  return { ...request, body: isNotice ? drawNotice(random, world) : drawBody(random, route.body) };
}

const methods = ['GET', 'POST', 'PUT', 'DELETE', 'PATCH', 'HEAD', 'OPTIONS'] as const;
const types = [
  'text/plain',
  'application/x-www-form-urlencoded',
  'application/json; charset=x',
  'é'.normalize('NFD').slice(0, 1),
  'multipart/form-data',
] as const;
/** What has broken parsers, counts and queries of others. */
const oddTexts = [
  '',
  '\u0000',
  '__proto__',
  'constructor',
  "' OR 1=1 --",
  '../../etc/passwd',
  '%00',
  '{{7*7}}',
  '\ud800',
  '𝕊',
  'NaN',
  '-1',
  '1e309',
  '9007199254740993',
  'a'.repeat(5_000),
  '\r\nX: y',
] as const;
const oddValues: readonly unknown[] = [
  null,
  true,
  -1,
  0,
  0.5,
  1e21,
  2 ** 53,
  [],
  {},
  [[[[]]]],
  { toString: 1 },
  ...oddTexts,
];

function drawPath(random: Random, path: string, world: FuzzWorld): string {
  return path.replace(/:(\w+)/g, (_whole, name: string) => {
    if (chance(random, 0.2)) return encodeURIComponent(wellFormed(pick(random, oddTexts)));
    if (name === 'saleId') return pick(random, world.saleIds);
    if (name === 'cursor') return `${below(random, 50)}.${drawHex(random, 8)}`;
    if (name === 'kioskId') return pick(random, world.kioskIds);
    return drawWord(random);
  });
}

function drawToken(random: Random, { tokens }: FuzzWorld): string {
  const token = pick(random, tokens);
  if (chance(random, 0.75)) return token;
  const at = below(random, token.length);
  return `${token.slice(0, at)}${drawHex(random, 2)}${token.slice(at + 2)}`;
}

function drawBody(random: Random, good: unknown): string {
  if (chance(random, 0.05)) return '['.repeat(below(random, 2_000));
  const text = JSON.stringify(chance(random, 0.5) ? good : mutated(random, good, 0));
  if (chance(random, 0.9)) return text;
  return text.slice(0, below(random, text.length));
}

/** The same shape with something else at some place of it. */
function mutated(random: Random, value: unknown, depth: number): unknown {
  if (depth > maxDepth || chance(random, 0.25)) return pick(random, oddValues);
  if (Array.isArray(value)) {
    const list: readonly unknown[] = value;
    const many = chance(random, 0.1) ? Array.from({ length: 600 }, () => list[0]) : list;
    return many.map((one): unknown =>
      chance(random, 0.5) ? one : mutated(random, one, depth + 1),
    );
  }
  if (typeof value !== 'object' || value === null) {
    return chance(random, 0.5) ? value : pick(random, oddValues);
  }
  const entries = Object.entries(value)
    .filter(() => chance(random, 0.9))
    .map(([name, one]: [string, unknown]) => [
      name,
      chance(random, 0.5) ? one : mutated(random, one, depth + 1),
    ]);
  const more = chance(random, 0.1) ? [[drawWord(random), pick(random, oddValues)]] : [];
  return Object.fromEntries([...entries, ...more]);
}
const maxDepth = 6;

/** Half of them signed as Midtrans does: then everything else in it is to be distrusted. */
function drawNotice(random: Random, world: FuzzWorld): string {
  const signed = {
    order_id: pick(random, world.saleIds),
    status_code: pick(random, ['200', '201', '202', '407', 'x']),
    gross_amount: pick(random, ['15000.00', '1.00', '-15000.00', '15000', '1e4']),
  };
  const notice = {
    ...signed,
    transaction_status: pick(random, ['settlement', 'capture', 'pending', 'expire', 'refund', 'x']),
    transaction_id: drawHex(random, 32),
    fraud_status: pick(random, ['accept', 'deny', 'challenge']),
    merchant_id: 'G000000001',
    signature_key: chance(random, 0.5)
      ? noticeSignature(signed, world.serverKey)
      : drawHex(random, 128),
  };
  return chance(random, 0.7) ? JSON.stringify(notice) : drawBody(random, notice);
}

/** Bytes for a bare connection: the head of a packet that is right, and then anything. */
export function drawBytes(random: Random, packets: readonly Buffer[]): Buffer {
  const good = Buffer.concat(packets.filter(() => chance(random, 0.7)));
  const spoilt = Buffer.from(good);
  const spots = below(random, 6);
  for (let i = 0; i < spots && spoilt.length > 0; i++) {
    spoilt[below(random, spoilt.length)] = below(random, 256);
  }
  const tail = Buffer.from(Array.from({ length: below(random, 300) }, () => below(random, 256)));
  return Buffer.concat([spoilt.subarray(0, spoilt.length - below(random, 4)), tail]);
}

export function chance(random: Random, share: number): boolean {
  return random() < share;
}

export function pick<T>(random: Random, from: readonly T[]): T {
  const found = from[below(random, from.length)];
  if (found === undefined) throw new Error('nothing to pick from');
  return found;
}

function below(random: Random, limit: number): number {
  return Math.floor(random() * limit);
}

function drawWord(random: Random): string {
  return (
    random()
      .toString(36)
      .slice(2, 2 + 4 + below(random, 12)) + drawHex(random, below(random, 40))
  );
}

function drawHex(random: Random, length: number): string {
  return Array.from({ length }, () => below(random, 16).toString(16)).join('');
}

/** What an address can carry. */
function wellFormed(text: string): string {
  return text.toWellFormed();
}
