// The kiosk's calls to the relay, against a real HTTP server: what is believed, and how each failure is told apart.
import { generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRelayClient, type RelayClient } from '../../src/kiosk/relay-client.ts';
import { trustedKeys } from '../../src/kiosk/identity.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { verifyReport } from '../../src/protocol/report.ts';
import { skewNonce, verifyKioskToken } from '../../src/protocol/token.ts';
import { saleA } from './machine.ts';
import { identityFor, kioskKey, sign, signedSale } from './signer.ts';

type Answer = (
  request: IncomingMessage,
  response: ServerResponse,
  body: string,
) => void | Promise<void>;

let server: Server;
let answer: Answer;
let client: RelayClient;
let url: string;

beforeEach(async () => {
  answer = (_request, response) => void response.end();
  server = createServer((request, response) => {
    let body = '';
    request.on('data', (chunk: Buffer) => (body += chunk.toString()));
    request.on('end', () => void answer(request, response, body));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  client = clientFor(url);
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
});

function clientFor(relayUrl: string, clock: Clock = systemClock): RelayClient {
  const identity = identityFor(relayUrl);
  return createRelayClient({
    identity,
    keys: trustedKeys(identity),
    bootId: 'boot-1',
    clock,
    log: silentLog,
  });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const problem = (code: string, status: number, more: object = {}): object => ({
  type: 'about:blank',
  title: code,
  status,
  code,
  ...more,
});

const charge = { kind: 'charge', saleId: saleA, amountIdr: 15_000, items: [] } as const;

test('a charge is a PUT with the kiosk’s own token, and its proved answer is believed', async () => {
  answer = async (request, response, body) => {
    expect(`${request.method} ${request.url}`).toBe(`PUT /v1/sales/${saleA}`);
    expect(JSON.parse(body)).toEqual({ amountIdr: 15_000 });
    const token = (request.headers.authorization ?? '').replace('Bearer ', '');
    await verifyKioskToken(token, kioskKey.publicKey, systemClock.nowMs());
    const nonce = request.headers['kios-nonce'];
    json(
      response,
      201,
      await signedSale({ verdict: 'pending', qrString: 'QR', expiresInMs: 9, nonce }),
    );
  };
  const answered = await client.charge(charge);
  expect(answered).toMatchObject({
    ok: true,
    value: { verdict: 'pending', qrString: 'QR', expiresInMs: 9 },
  });
});

describe('what is not believed', () => {
  test.each<[string, (nonce: unknown) => Promise<unknown>]>([
    [
      'a verdict that its proof does not say',
      async (nonce) => ({ ...(await signedSale({ nonce })), verdict: 'refunded' }),
    ],
    [
      'a swapped QR',
      async (nonce) => ({ ...(await signedSale({ qrString: 'OURS', nonce })), qrString: 'THEIRS' }),
    ],
    [
      'a younger settlement',
      async (nonce) => ({
        ...(await signedSale({ settledAgoMs: 9_000_000, nonce })),
        settledAgoMs: 0,
      }),
    ],
    [
      'a longer life',
      async (nonce) => ({
        ...(await signedSale({ expiresInMs: 1, nonce })),
        expiresInMs: 86_400_000,
      }),
    ],
    ['the answer to another question', async () => signedSale({ nonce: 'an-older-question-1' })],
    ['a message that was no answer', async () => signedSale()],
    [
      'a stranger’s signature',
      async (nonce) => signedSale({ nonce }, generateKeyPairSync('ed25519').privateKey),
    ],
  ])('%s', async (_name, document) => {
    answer = async (request, response) => {
      json(response, 200, await document(request.headers['kios-nonce']));
    };
    expect(await client.look(saleA)).toEqual({
      ok: false,
      failure: { kind: 'lost', code: 'bad-proof' },
    });
  });
});

describe('a report', () => {
  const done = { kind: 'report', saleId: saleA, result: 'done' } as const;

  test('is taken when the relay signs that it was', async () => {
    answer = async (request, response) => {
      json(
        response,
        200,
        await signedSale({ fulfilment: 'done', nonce: request.headers['kios-nonce'] }),
      );
    };
    expect((await client.report(done)).ok).toBe(true);
  });

  test.each<[string, Answer]>([
    ['a proxy’s page', (_request, response) => void response.end('<h1>maintenance</h1>')],
    [
      'a sale without it',
      async (request, response) => {
        json(response, 200, await signedSale({ nonce: request.headers['kios-nonce'] }));
      },
    ],
  ])('is not taken by %s', async (_name, given) => {
    answer = given;
    expect((await client.report(done)).ok).toBe(false);
  });
});

test('what it did carries the kiosk’s own signature: the sale’s goods, and those of a grant', async () => {
  const bodies: Record<string, string>[] = [];
  answer = (_request, response, body) => {
    bodies.push(JSON.parse(body) as Record<string, string>);
    json(response, 503, problem('store-down', 503));
  };
  await client.report({ kind: 'report', saleId: saleA, result: 'failed' });
  await client.redeemResult({ saleId: saleA, dispenseId: 'd1', result: 'done' });
  const [own, granted] = bodies;
  const { publicKey } = kioskKey;
  await verifyReport(own?.['signed'] ?? '', { saleId: saleA, result: 'failed' }, publicKey);
  const redeemed = { saleId: saleA, dispenseId: 'd1', result: 'done' } as const;
  await verifyReport(granted?.['signed'] ?? '', redeemed, publicKey);
});

describe('a report that is refused because another one stands', () => {
  const done = { kind: 'report', saleId: saleA, result: 'done' } as const;
  const refuseThen =
    (fulfilment: 'failed' | undefined): Answer =>
    async (request, response) => {
      if (request.method === 'POST') {
        json(response, 409, problem('fulfilment-mismatch', 409));
        return;
      }
      const nonce = request.headers['kios-nonce'];
      json(
        response,
        200,
        await signedSale(fulfilment === undefined ? { nonce } : { fulfilment, nonce }),
      );
    };

  test('is over when the relay’s signature says which', async () => {
    answer = refuseThen('failed');
    expect(await client.report(done)).toMatchObject({
      failure: { kind: 'refused', code: 'fulfilment-mismatch' },
    });
  });

  test('goes on when nobody signed anything', async () => {
    answer = refuseThen(undefined);
    expect(await client.report(done)).toEqual({
      ok: false,
      failure: { kind: 'lost', code: 'bad-proof' },
    });
  });
});

test('an answer that is replayed as a message is not believed', async () => {
  const document = await signedSale({
    verdict: 'pending',
    qrString: 'QR',
    expiresInMs: 9000,
    nonce: 'an-older-question-1',
  });
  await expect(client.prove(document, 0)).rejects.toMatchObject({ code: 'bad-proof' });
  await expect(client.prove(await signedSale(), 0)).resolves.toMatchObject({ verdict: 'paid' });
});

test('called a copy, it signs its next word anew: by that the relay knows whether it is one', async () => {
  let nowMs = systemClock.nowMs();
  const sent: (string | undefined)[] = [];
  answer = (request, response) => {
    sent.push(request.headers.authorization);
    json(response, 409, problem(sent.length === 2 ? 'kiosk-cloned' : 'sale-unknown', 409));
  };
  const kiosk = clientFor(url, { ...systemClock, nowMs: () => nowMs });
  for (let call = 0; call < 3; call++) {
    await kiosk.look(saleA);
    nowMs += 2_000;
  }
  expect(sent[1]).toBe(sent[0]);
  expect(sent[2]).not.toBe(sent[1]);
});

test('the broker’s password opens nothing at the relay', async () => {
  const token = await client.brokerToken();
  const now = systemClock.nowMs();
  await expect(verifyKioskToken(token, kioskKey.publicKey, now)).rejects.toMatchObject({
    code: 'unauthorised',
  });
  await expect(
    verifyKioskToken(token, kioskKey.publicKey, now, 'kios-broker'),
  ).resolves.toMatchObject({ sub: 'ksk01' });
});

describe('how a call failed', () => {
  const failureOf = async (given: Answer): Promise<unknown> => {
    answer = given;
    const answered = await client.charge(charge);
    return answered.ok ? answered : answered.failure;
  };

  test('nothing listens: certainly unsent', async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    expect(await failureOf(() => undefined)).toEqual({ kind: 'unsent', code: 'relay-unreachable' });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  });

  test.each<[string, Answer]>([
    ['a connection that is cut', (request) => void request.socket.destroy()],
    [
      'a 500',
      (_q, response) => {
        json(response, 500, problem('internal', 500));
      },
    ],
    [
      'a 503 of ours',
      (_q, response) => {
        json(response, 503, problem('store-down', 503));
      },
    ],
    [
      'a proxy’s page',
      (_q, response) => void response.writeHead(502).end('<html>bad gateway</html>'),
    ],
    ['a 404 that is not ours', (_q, response) => void response.writeHead(404).end('nope')],
    [
      'a 200 that is no sale',
      (_q, response) => {
        json(response, 200, { hello: 1 });
      },
    ],
    ['an endless answer', (_q, response) => void response.end('x'.repeat(3_000_000))],
    [
      'a redirect',
      (_q, response) => void response.writeHead(307, { location: 'http://127.0.0.1:1/' }).end(),
    ],
  ])('%s: nobody knows', async (_name, given) => {
    expect(await failureOf(given)).toMatchObject({ kind: 'lost', code: 'relay-unreachable' });
  });

  test.each([
    ['sale-mismatch', 409, false],
    ['sale-open', 409, true],
    ['rate-limited', 429, true],
    ['kiosk-revoked', 403, false],
    ['gateway-down', 503, false],
    ['recovering', 503, true],
  ])('%s is the relay’s own refusal', async (code, status, retryable) => {
    const failure = await failureOf((_q, response) => {
      json(response, status, problem(code, status));
    });
    expect(failure).toEqual({ kind: 'refused', code, retryable });
  });
});

describe('a wrong clock', () => {
  test('is learnt from the probe, before anything is refused', async () => {
    const ahead = 3600_000;
    answer = async (request, response) => {
      const nonce = new URL(request.url ?? '', url).searchParams.get('nonce') ?? '';
      const time = new Date(systemClock.nowMs() + ahead).toISOString();
      json(response, 200, { proof: await sign('kios-time', { nonce, time }) });
    };
    expect((await client.probe()).ok).toBe(true);
    const token = await client.brokerToken();
    await expect(
      verifyKioskToken(token, kioskKey.publicKey, systemClock.nowMs() + ahead, 'kios-broker'),
    ).resolves.toMatchObject({ sub: 'ksk01' });
  });

  test('is corrected by the relay’s signed time, and the call repeated', async () => {
    const ahead = 3600_000;
    let calls = 0;
    answer = async (request, response) => {
      calls++;
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      try {
        await verifyKioskToken(token, kioskKey.publicKey, systemClock.nowMs() + ahead);
        json(response, 200, await signedSale({ nonce: request.headers['kios-nonce'] }));
      } catch {
        const time = new Date(systemClock.nowMs() + ahead).toISOString();
        const proof = await sign('kios-time', { nonce: skewNonce(token), time });
        json(response, 401, problem('clock-skew', 401, { time: proof }));
      }
    };
    expect((await client.look(saleA)).ok).toBe(true);
    expect((await client.look(saleA)).ok).toBe(true);
    expect(calls).toBe(3);
  });

  test('a token that was refused is not shown again, however little the clock is off', async () => {
    const shown: string[] = [];
    answer = async (request, response) => {
      const token = (request.headers.authorization ?? '').replace('Bearer ', '');
      shown.push(token);
      const time = new Date(systemClock.nowMs() + 10_000).toISOString();
      const proof = await sign('kios-time', { nonce: skewNonce(token), time });
      json(response, 401, problem('clock-skew', 401, { time: proof }));
    };
    // A second goes by between two calls: a token has no finer time.
    const clock = { ...systemClock, nowMs: () => systemClock.nowMs() + 1000 * shown.length };
    expect((await clientFor(url, clock).look(saleA)).ok).toBe(false);
    expect(shown).toHaveLength(2);
    expect(shown[1]).not.toBe(shown[0]);
  });

  test.each([
    [
      'not for this call',
      async () => sign('kios-time', { nonce: 'old', time: '2030-01-01T00:00:00.000Z' }),
    ],
    [
      'signed by a stranger',
      async () =>
        sign(
          'kios-time',
          { nonce: 'x', time: '2030-01-01T00:00:00.000Z' },
          generateKeyPairSync('ed25519').privateKey,
        ),
    ],
  ])('is not taken from a time %s', async (_name, proof) => {
    answer = async (_request, response) => {
      json(response, 401, problem('clock-skew', 401, { time: await proof() }));
    };
    expect(await client.look(saleA)).toEqual({
      ok: false,
      failure: { kind: 'lost', code: 'bad-proof' },
    });
  });
});
