// The kiosk's calls for claims and for a relay that was restored, against a real HTTP server.
import { createPublicKey, generateKeyPairSync } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createRelayClient, type RelayClient } from '../../src/kiosk/relay-client.ts';
import { privateKeyOf, trustedKeys } from '../../src/kiosk/identity.ts';
import type { RecoverPage } from '../../src/kiosk/recover.ts';
import { silentLog } from '../../src/lib/log.ts';
import { systemClock } from '../../src/lib/clock.ts';
import { recoverBody, type RecoverBody } from '../../src/protocol/api.ts';
import { verifyReport } from '../../src/protocol/report.ts';
import { saleA, saleB } from './machine.ts';
import { identityFor, sign } from './signer.ts';

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

function clientFor(relayUrl: string): RelayClient {
  const identity = identityFor(relayUrl);
  return createRelayClient({
    identity,
    keys: trustedKeys(identity),
    bootId: 'boot-1',
    clock: systemClock,
    log: silentLog,
  });
}

function json(response: ServerResponse, status: number, body: unknown): void {
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

const problem = (code: string, status: number): object => ({
  ...{ type: 'about:blank', title: code, status, code },
});

describe('a grant', () => {
  const asked = { kind: 'redeem', saleId: saleA, amountIdr: 15_000, dispenseId: 'd1' } as const;
  const said = {
    ...{ env: 'sandbox', saleId: saleA, kioskId: 'ksk01', amountIdr: 15_000, dispenseId: 'd1' },
    iat: 1,
  };

  test('is believed when it is signed for exactly this dispense', async () => {
    answer = async (request, response, body) => {
      expect(`${request.method} ${request.url}`).toBe(`POST /v1/claims/${saleA}/redeem`);
      expect(JSON.parse(body)).toEqual({ dispenseId: 'd1' });
      json(response, 200, { grant: await sign('kios-grant', said) });
    };
    expect((await client.redeem(asked)).ok).toBe(true);
  });

  test.each<[string, () => Promise<string>]>([
    ['another dispense', () => sign('kios-grant', { ...said, dispenseId: 'd2' })],
    ['another sale', () => sign('kios-grant', { ...said, saleId: saleB })],
    ['another kiosk', () => sign('kios-grant', { ...said, kioskId: 'ksk02' })],
    ['another amount', () => sign('kios-grant', { ...said, amountIdr: 1 })],
    ['another environment', () => sign('kios-grant', { ...said, env: 'production' })],
    ['something else', () => sign('kios-verdict', said)],
    ['nobody', () => sign('kios-grant', said, generateKeyPairSync('ed25519').privateKey)],
  ])('for %s is none', async (_name, grant) => {
    answer = async (_request, response) => {
      json(response, 200, { grant: await grant() });
    };
    expect(await client.redeem(asked)).toEqual({
      ok: false,
      failure: { kind: 'lost', code: 'bad-proof' },
    });
  });

  const told = { saleId: saleA, dispenseId: 'd1', result: 'done' } as const;
  const heard = { ...told, env: 'sandbox', kioskId: 'ksk01', signed: true, iat: 1 };

  test('its result is posted, and heard when the relay signs that', async () => {
    answer = async (request, response, body) => {
      expect(`${request.method} ${request.url}`).toBe(`POST /v1/claims/${saleA}/result`);
      expect(JSON.parse(body)).toMatchObject({ dispenseId: 'd1', result: 'done' });
      json(response, 200, { state: 'honoured', proof: await sign('kios-heard', heard) });
    };
    expect((await client.redeemResult(told)).ok).toBe(true);
    answer = (_request, response) => void response.end('<h1>maintenance</h1>');
    expect((await client.redeemResult(told)).ok).toBe(false);
  });

  test.each([
    ['nobody', undefined],
    ['a relay that got it unsigned', { ...heard, signed: false }],
    ['a relay that got another result', { ...heard, result: 'failed' }],
    ['a relay, of another dispense', { ...heard, dispenseId: 'd2' }],
    ['a relay, of another sale', { ...heard, saleId: saleB }],
    ['a relay, of another kiosk', { ...heard, kioskId: 'ksk02' }],
    ['the sandbox’s relay, or production’s', { ...heard, env: 'production' }],
  ])('its result is not heard by %s', async (_name, claims) => {
    answer = async (_request, response) => {
      const proof = claims === undefined ? 'none' : await sign('kios-heard', claims);
      json(response, 200, { state: 'honoured', proof });
    };
    expect(await client.redeemResult(told)).toMatchObject({ failure: { code: 'bad-proof' } });
  });
});

describe('a relay that was restored', () => {
  test('refuses a cursor of the ledger that it lost, which the question names', async () => {
    answer = (request, response) => {
      const { searchParams } = new URL(request.url ?? '', url);
      expect(Object.fromEntries(searchParams)).toEqual({ since: '3.0a1b2c3d', ledgerId: 'old' });
      json(response, 409, problem('ledger-differs', 409));
    };
    expect(await client.changes('3.0a1b2c3d', 'old')).toMatchObject({
      failure: { kind: 'refused', code: 'ledger-differs' },
    });
  });

  test('is given what the journal knows, and its answer is read', async () => {
    const said = { ledgerId: 'new', taken: 1, refused: [], recovering: true };
    answer = (request, response, body) => {
      expect(`${request.method} ${request.url}`).toBe('POST /v1/recover');
      posted = recoverBody.parse(JSON.parse(body));
      json(response, 200, said);
    };
    const page: RecoverPage = {
      sales: [
        { saleId: saleA, proof: 'p' },
        { saleId: saleB, proof: 'q', fulfilment: 'done' },
      ],
      since: '3.0a1b2c3d',
    };
    let posted: RecoverBody = { sales: [] };
    expect(await client.recover(page)).toEqual({ ok: true, value: said });
    const [bare, reported] = posted.sales;
    expect(posted.since).toBe('3.0a1b2c3d');
    expect(bare).toEqual({ proof: 'p' });
    // As any report: under the kiosk's own signature.
    expect(reported).toMatchObject({ proof: 'q', fulfilment: 'done' });
    const publicKey = createPublicKey(privateKeyOf(identityFor(url)));
    await verifyReport(reported?.signed ?? '', { saleId: saleB, result: 'done' }, publicKey);
  });
});
