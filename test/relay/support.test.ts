// Support bundles at the relay: taken from their kiosk alone, few, and only where the operator wants them.
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { maxSupportBytes } from '../../src/protocol/support.ts';
import { keepBundle, keptBundles, listBundles } from '../../src/relay/support-folder.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const kios = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
const run = promisify(execFile);
const bundle = (text = 'a bundle'): string => gzipSync(text).toString('base64');

let dir: string;
let folder: string;
let setting: Setting;
let kiosk: TestKiosk;

beforeAll(async () => {
  dir = mkdtempSync(join(tmpdir(), 'kios-bundles-'));
  folder = join(dir, 'support');
  setting = await startSetting({ overrides: { supportDir: folder } });
  kiosk = await setting.kiosk('sup01');
});
afterAll(async () => {
  await setting.stop();
  rmSync(dir, { recursive: true });
});

const post = (who: TestKiosk, body: unknown, of = who.kioskId): ReturnType<TestKiosk['call']> =>
  who.call('POST', `/v1/kiosks/${of}/support`, body);

test('a bundle is kept under its kiosk, readable by the relay alone', async () => {
  const answer = await post(kiosk, { bundle: bundle() });
  expect(answer.status).toBe(200);
  const name = String(answer.json['name']);
  expect(readFileSync(join(folder, 'sup01', name))).toEqual(gzipSync('a bundle'));
  expect(await listBundles(folder)).toMatchObject([{ kioskId: 'sup01', name }]);
});

test('a kiosk hands in no other’s, and without a token nobody does', async () => {
  const other = await setting.kiosk('sup02');
  expect(await post(other, { bundle: bundle() }, 'sup01')).toMatchObject({
    ...{ status: 403, json: { code: 'not-yours' } },
  });
  const path = `${setting.relayUrl}/v1/kiosks/sup02/support`;
  expect((await fetch(path, { method: 'POST', body: '{}' })).status).toBe(401);
  expect(readdirSync(folder)).toEqual(['sup01']);
});

test.each([
  ['no gzip', { bundle: Buffer.from('plain text').toString('base64') }, 400, 'bad-request'],
  ['no base64', { bundle: '../../etc' }, 400, 'bad-request'],
  ['nothing', {}, 400, 'bad-request'],
  [
    'more than a bundle may be',
    { bundle: Buffer.alloc(maxSupportBytes + 4096, 31).toString('base64') },
    ...([413, 'too-large'] as const),
  ],
])('%s is not kept', async (_what, body, status, code) => {
  const who = await setting.kiosk(`bad${status}${_what.length}`.slice(0, 9));
  expect(await post(who, body)).toMatchObject({ status, json: { code } });
  expect(await listBundles(folder, who.kioskId)).toEqual([]);
});

test('the third within a minute has to wait, and is told how long', async () => {
  const eager = await setting.kiosk('eager');
  for (const text of ['1', '2']) {
    expect((await post(eager, { bundle: bundle(text) })).status).toBe(200);
  }
  expect(await post(eager, { bundle: bundle('3') })).toMatchObject({
    ...{ status: 429, json: { code: 'rate-limited' } },
  });
  expect(await listBundles(folder, 'eager')).toHaveLength(2);
});

test('what is refused is refused before its body is read', async () => {
  const eager = await setting.kiosk('eager2');
  for (const text of ['1', '2']) await post(eager, { bundle: bundle(text) });
  const broken = { bundle: Buffer.alloc(maxSupportBytes + 4096, 31).toString('base64') };
  expect(await post(eager, broken)).toMatchObject({
    ...{ status: 429, json: { code: 'rate-limited' } },
  });
  expect(await post(eager, broken, 'sup01')).toMatchObject({ status: 403 });
});

test('a body that is none counts as well', async () => {
  const eager = await setting.kiosk('eager3');
  for (const body of [{}, { bundle: '' }]) {
    expect(await post(eager, body)).toMatchObject({ status: 400 });
  }
  expect(await post(eager, { bundle: bundle() })).toMatchObject({ status: 429 });
});

test('the newest few of a kiosk are kept; the oldest go, and what a crash left half written', async () => {
  const own = join(dir, 'many');
  mkdirSync(join(own, 'ksk01'), { recursive: true });
  writeFileSync(join(own, 'ksk01', 'half.tar.gz.new'), 'half');
  for (let i = 0; i < keptBundles + 2; i++) {
    await keepBundle(own, 'ksk01', Buffer.from(String(i)), Date.UTC(2026, 0, 1) + i);
  }
  await keepBundle(own, 'ksk02', Buffer.from('x'), 0);
  const names = (await listBundles(own, 'ksk01')).map(({ name }) => name);
  expect(names.map((name) => readFileSync(join(own, 'ksk01', name), 'utf8'))).toEqual(
    Array.from({ length: keptBundles }, (_, i) => String(i + 2)),
  );
  expect(readdirSync(join(own, 'ksk01'))).toHaveLength(keptBundles);
  expect(await listBundles(own)).toHaveLength(keptBundles + 1);
});

test('a relay without a folder for them takes none, and its command says so', async () => {
  const plain = await startSetting();
  try {
    const who = await plain.kiosk('sup03');
    const path = '/v1/kiosks/sup03/support';
    const refused = await who.call('POST', path, { bundle: bundle() });
    expect(refused).toMatchObject({ status: 404, json: { code: 'not-found' } });
    const unread = await who.call('POST', path, { bundle: '../../etc' });
    expect(unread).toMatchObject({ status: 404, json: { code: 'not-found' } });
    const config = join(dir, 'plain.yaml');
    writeFileSync(config, stringify(plain.config));
    const listing = run(process.execPath, [kios, 'relay', '-c', config, 'support-bundles']);
    await expect(listing).rejects.toThrow('names no supportDir');
  } finally {
    await plain.stop();
  }
});

test('kios relay support-bundles lists them and writes the newest out', async () => {
  const config = join(dir, 'relay.yaml');
  writeFileSync(config, stringify(setting.config));
  const relay = async (...args: string[]): Promise<string> =>
    (await run(process.execPath, [kios, 'relay', '-c', config, 'support-bundles', ...args])).stdout;
  expect(await relay('sup01')).toMatch(/^sup01 +\d+ {2}\d{8}T\d{9}Z-[0-9a-f]{8}\.tar\.gz\n$/);
  const out = join(dir, 'out.tar.gz');
  await relay('sup01', '--out', out);
  expect(readFileSync(out)).toEqual(gzipSync('a bundle'));
  expect(await relay('sup09')).toBe('sup09 has sent no bundle\n');
  const nowhere = join(dir, 'no-folder', 'out.tar.gz');
  await expect(relay('sup01', '--out', nowhere)).rejects.toThrow(
    `${nowhere} cannot be used: ENOENT`,
  );
});
