// The bench's page as a server: real sockets, real virtual devices, a wallet that answers from here.
import { mkdtempSync, rmSync } from 'node:fs';
import { request } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { createKeypad } from '../../drivers/keypad/keypad.ts';
import type { Key } from '../../drivers/device.ts';
import { createVirtualDevices, type VirtualDevices } from '../../src/bench/devices.ts';
import { servePage, type BenchPage } from '../../src/bench/page-server.ts';
import { systemClock } from '../../src/lib/clock.ts';

let dir: string;
let devices: VirtualDevices;
let page: BenchPage;

beforeEach(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-'));
  const real = { dispenser: 'none' };
  devices = await createVirtualDevices({ dir, real, clock: systemClock });
  page = await servePage({ port: 0, devices, twinPort: 9 });
});

afterEach(async () => {
  await page.close();
  await devices.close();
  rmSync(dir, { recursive: true, force: true });
});

async function post(path: string, body: unknown, headers: object = {}): Promise<number> {
  const { origin } = new URL(page.url);
  const response = await fetch(new URL(path, page.url), {
    method: 'POST',
    headers: { 'content-type': 'application/json', origin, ...headers },
    body: JSON.stringify(body),
  });
  return response.status;
}

async function statusWithHost(host: string): Promise<number | undefined> {
  return new Promise((resolve, reject) => {
    request(page.url, { headers: { host } }, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });
}

test('the page comes with its policy', async () => {
  const response = await fetch(page.url);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'/);
});

test('a name that only points here is refused, and so is a page from elsewhere', async () => {
  const { host } = new URL(page.url);
  expect(await statusWithHost(host)).toBe(200);
  expect(await statusWithHost(host.replace('127.0.0.1', 'rebound.example'))).toBe(403);
  expect(await post('/keys', { key: '1' }, { origin: 'http://evil.example' })).toBe(403);
});

test('a key reaches a real keypad driver; without one it is lost, and said so', async () => {
  expect(await post('/keys', { key: '7' })).toBe(409);
  const pressed = Promise.withResolvers<Key>();
  const keypad = createKeypad({
    at: devices.at.keypad,
    clock: systemClock,
    onKey: (key) => {
      pressed.resolve(key);
    },
  });
  await keypad.open(new AbortController().signal);
  try {
    expect(await post('/keys', { key: '7' })).toBe(204);
    expect(await pressed.promise).toBe('7');
  } finally {
    await keypad.close();
  }
});

test.each([
  ['/keys', { key: 'rubbish' }],
  ['/keys', {}],
  ['/scans', { text: '' }],
  ['/scans', { text: 'a\nb' }],
  ['/switches', { name: 'fuse', on: true }],
  ['/wallet/pay', { qrString: 'x', amountIdr: 1 }],
])('%s with %o is a bad request', async (path, body) => {
  expect(await post(path, body)).toBe(400);
});

test('a wallet without a network says so', async () => {
  expect(await post('/wallet/scan', { qrString: 'x' })).toBe(502);
});

test('a switch is turned, and a real device has none', async () => {
  expect(await post('/switches', { name: 'display-unplugged', on: true })).toBe(204);
  expect(devices.switched('display-unplugged')).toBe(true);
  expect(await post('/switches', { name: 'dispenser-jam', on: true })).toBe(204);
  expect(devices.switched('dispenser-jam')).toBeUndefined();
});

test('a dark screen has no picture', async () => {
  expect((await fetch(new URL('/screen', page.url))).status).toBe(204);
});

test('nothing is served that is not of the page', async () => {
  for (const path of ['/package.json', '/page/../demo.ts', '/page/state.ts', '/paper/1']) {
    expect((await fetch(new URL(path, page.url))).status, path).toBe(404);
  }
});
