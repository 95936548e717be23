// A kiosk whose clock is so wrong that no certificate is valid, at a real TLS server: what it asks unverified, whom it
// believes, and what it asks of root.
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { getCACertificates, setDefaultCACertificates } from 'node:tls';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { AskRoot } from '../../src/kiosk/ask-root.ts';
import { sendByHttp, type Send } from '../../src/kiosk/send.ts';
import { mendingClock } from '../../src/kiosk/wrong-clock.ts';
import { systemClock, type Clock } from '../../src/lib/clock.ts';
import { silentLog } from '../../src/lib/log.ts';
import { signProof } from '../../src/protocol/proof.ts';
import type { SignedRequest } from '../../src/protocol/root-request.ts';
import { makeExpiredCertificate } from './expired-certificate.ts';

const relayTime = '2026-11-22T10:00:00.000Z';
const { publicKey, privateKey } = generateKeyPairSync('ed25519');
let folder: string;
let trusted: string[];
let server: Server;
let relayUrl: string;
let asked: string[];
/** The relay's answer to a question with this nonce. */
let proofOf: (nonce: string) => Promise<string>;

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-tls-'));
  makeExpiredCertificate(folder);
  trusted = getCACertificates('default');
  // Trusted in all but its dates.
  setDefaultCACertificates([readFileSync(join(folder, 'cert.pem'), 'utf8')]);
});

afterAll(() => {
  setDefaultCACertificates(trusted);
  rmSync(folder, { recursive: true });
});

beforeEach(async () => {
  asked = [];
  proofOf = (nonce) => signed(nonce);
  const files = {
    key: readFileSync(join(folder, 'key.pem')),
    cert: readFileSync(join(folder, 'cert.pem')),
  };
  server = createServer(files, (request, response) => {
    asked.push(`${request.method ?? ''} ${request.url ?? ''}`);
    expect(request.headers.authorization).toBeUndefined();
    const nonce = new URL(request.url ?? '', relayUrl).searchParams.get('nonce') ?? '';
    void proofOf(nonce).then((proof) => {
      response.end(JSON.stringify({ proof }));
    });
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  relayUrl = `https://127.0.0.1:${(server.address() as AddressInfo).port}`;
});

afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => {
    server.close(resolve);
  });
});

const signed = (nonce: string, key: KeyObject = privateKey): Promise<string> =>
  signProof('kios-time', { nonce, time: relayTime }, { kid: 'first', privateKey: key });

interface Run {
  /** What root was asked, once it was, or nothing when the attempt to mend ended without. */
  outcome: Promise<SignedRequest | string>;
  send: Send;
}

/** @param nowMs what the kiosk takes for the time */
function kiosk(nowMs: number): Run {
  const outcome = Promise.withResolvers<SignedRequest | string>();
  const askRoot: AskRoot = (_task, request) => {
    outcome.resolve(request as SignedRequest);
    return Promise.resolve({ id: request.id, outcome: 'done', why: '' });
  };
  const clock: Clock = { ...systemClock, nowMs: () => nowMs };
  const say = (_fields: unknown, event?: string): void => {
    outcome.resolve(event ?? '');
  };
  const log = { ...silentLog, warn: say, error: say };
  const send = mendingClock({
    ...{ send: sendByHttp, relayUrl, clock, log, askRoot, links: () => [] },
    keys: new Map([['first', publicKey]]),
    signal: new AbortController().signal,
  });
  return { send, outcome: outcome.promise };
}

const call = (send: Send): Promise<unknown> =>
  send(new URL('/v1/sales/x', relayUrl), {
    method: 'GET',
    headers: {},
    limitMs: 5_000,
    maxBytes: 100,
  });

describe('a certificate whose dates do not hold', () => {
  test('the call fails as before; the signed time is handed to root with when it was asked', async () => {
    const { send, outcome } = kiosk(Date.parse('2027-11-22T10:00:00.000Z'));
    await expect(call(send)).rejects.toThrow(/no whole answer/);
    const request = await outcome;
    if (typeof request === 'string') throw new Error(request);
    expect(asked).toEqual([`GET /v1/time?nonce=${request.id}`]);
    expect(request.token.split('.')).toHaveLength(3);
    expect(request.heardAtMs).toBeGreaterThan(0);
  });

  test('a clock that is right is left alone: the certificate has really run out', async () => {
    const { send, outcome } = kiosk(Date.parse(relayTime) + 20_000);
    await expect(call(send)).rejects.toThrow();
    expect(await outcome).toBe('clock.certificate-expired');
  });

  test('a stranger, another question, no answer of a relay: root hears of nothing', async () => {
    const stranger = generateKeyPairSync('ed25519').privateKey;
    const answers = [
      (nonce: string) => signed(nonce, stranger),
      () => signed('another-question'),
      () => Promise.resolve('x'),
      () => Promise.resolve('x'.repeat(20_000)),
    ];
    for (const answer of answers) {
      proofOf = answer;
      const { send, outcome } = kiosk(Date.parse('2027-11-22T10:00:00.000Z'));
      await expect(call(send)).rejects.toThrow();
      expect(await outcome).toBe('clock.not-mended');
    }
  });

  test('it asks once a minute, however often it fails', async () => {
    const { send, outcome } = kiosk(Date.parse('2027-11-22T10:00:00.000Z'));
    for (let index = 0; index < 3; index++) await expect(call(send)).rejects.toThrow();
    await outcome;
    expect(asked).toHaveLength(1);
  });
});

test('another failure asks nothing', async () => {
  const { send } = kiosk(Date.parse('2027-11-22T10:00:00.000Z'));
  const nowhere = new URL('https://127.0.0.1:1/');
  const request = { method: 'GET', headers: {}, limitMs: 5_000, maxBytes: 100 };
  await expect(send(nowhere, request)).rejects.toThrow();
  expect(asked).toEqual([]);
});
