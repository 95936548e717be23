// Fetching a file from a real server: whole and right, or not there at all; and nothing half is left behind.
import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { download, type Download } from '../../src/kiosk/download.ts';

const bytes = Buffer.alloc(300_000, 'kios');
const sum = createHash('sha256').update(bytes).digest('hex');

let folder: string;
let server: Server;
let answer: (response: ServerResponse) => void;
let ended: AbortController;

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kios-download-'));
  ended = new AbortController();
  answer = (response) => void response.end(bytes);
  server = createServer((_request, response) => {
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  server.closeAllConnections();
  await new Promise((resolve) => server.close(resolve));
  rmSync(folder, { recursive: true, force: true });
});

function fetchIt(more: Partial<Download> = {}): Promise<void> {
  const { port } = server.address() as AddressInfo;
  return download({
    url: new URL(`http://127.0.0.1:${port}/kios.tar.gz`),
    path: join(folder, 'kios.tar.gz'),
    ...{ maxBytes: 1_000_000, sha256: sum, leaveBytes: 0, silenceMs: 10_000, limitMs: 20_000 },
    mayGoOn: () => Promise.resolve(),
    signal: ended.signal,
    ...more,
  });
}

test('a file comes whole, for its owner alone', async () => {
  answer = (response) => {
    response.writeHead(200, { 'content-length': bytes.length });
    response.write(bytes.subarray(0, 100_000));
    response.end(bytes.subarray(100_000));
  };
  await fetchIt();
  expect(readFileSync(join(folder, 'kios.tar.gz')).equals(bytes)).toBe(true);
  expect(statSync(join(folder, 'kios.tar.gz')).mode & 0o777).toBe(0o600);
  expect(readdirSync(folder)).toEqual(['kios.tar.gz']);
});

const head = (response: ServerResponse, length = bytes.length): ServerResponse =>
  response.writeHead(200, { 'content-length': length });

test.each<[string, (response: ServerResponse) => void, Partial<Download>, string]>([
  ['another sum', (response) => void head(response).end(Buffer.alloc(bytes.length)), {}, 'SHA-256'],
  ['too large a file', (response) => void response.end(bytes), { maxBytes: 299_999 }, 'larger'],
  ['no length', (response) => void response.writeHead(200).end(bytes), {}, 'larger'],
  ['a cut line', cut, {}, 'aborted'],
  [
    'an answer elsewhere',
    (response) => void response.writeHead(302, { location: '/x' }).end(),
    {},
    'HTTP 302',
  ],
  ['nothing there', (response) => void response.writeHead(404).end(), {}, 'HTTP 404'],
  ['a full disk', (response) => void head(response).end(bytes), { leaveBytes: 1e18 }, 'room'],
  ['a server that says nothing', () => undefined, { silenceMs: 50 }, 'says nothing'],
  ['a server that never ends', (response) => void head(response).write('a'), { limitMs: 100 }, ''],
])('%s leaves nothing', async (_what, given, more, words) => {
  answer = given;
  const failure = await fetchIt(more).catch((error: unknown) => error);
  expect(failure).toMatchObject({ code: 'download-failed' });
  expect(String(failure)).toContain(words);
  expect(readdirSync(folder)).toEqual([]);
});

function cut(response: ServerResponse): void {
  head(response).write(bytes.subarray(0, 1000), () => response.destroy());
}

test('it stops for a customer, and ends when the kiosk does', async () => {
  answer = (response) => void head(response).end(bytes);
  const served = Promise.withResolvers<undefined>();
  const begun = Promise.withResolvers<undefined>();
  const fetching = fetchIt({
    mayGoOn: async () => {
      begun.resolve(undefined);
      await served.promise;
    },
  }).catch((error: unknown) => error);
  await begun.promise;
  ended.abort();
  served.resolve(undefined);
  expect(await fetching).toMatchObject({ code: 'download-failed' });
  expect(readdirSync(folder)).toEqual([]);
});
