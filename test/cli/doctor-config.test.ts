// What `kios doctor` says of the configuration from afar: which one is here, since when it is on trial, and what is wrong.
import { mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { checkRemoteConfig } from '../../src/cli/doctor-config.ts';
import { sign } from '../kiosk/signer.ts';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-doctor-config-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true });
});

function keep(name: 'good' | 'next' | 'refused', content: unknown): string {
  const path = join(folder, `config-${name}.json`);
  writeFileSync(path, JSON.stringify(content));
  return path;
}
const token = (version: number): Promise<string> =>
  sign('kios-config', { env: 'sandbox', kioskId: 'ksk01', version, iat: 1, settings: {} });

test('a kiosk that was never given one says nothing of it', () => {
  expect(checkRemoteConfig(folder)).toEqual([]);
});

test('the last good one', async () => {
  keep('good', { token: await token(7) });
  expect(checkRemoteConfig(folder)).toEqual([{ check: 'remote', verdict: 'well', detail: '7' }]);
});

test('one that waits, and one on trial with the time of its start', async () => {
  keep('good', { token: await token(7) });
  keep('next', { token: await token(8), begun: false });
  expect(checkRemoteConfig(folder)).toMatchObject([
    { verdict: 'well', detail: '8, at the next start' },
  ]);
  const path = keep('next', { token: await token(8), begun: true });
  const began = new Date('2026-01-02T03:04:05.000Z');
  utimesSync(path, began, began);
  expect(checkRemoteConfig(folder)).toMatchObject([
    { verdict: 'well', detail: '8, on trial since 2026-01-02T03:04:05.000Z' },
  ]);
});

test('one that was refused is looked at, until a newer one is here', async () => {
  keep('good', { token: await token(7) });
  keep('refused', { version: 8, why: 'colour', kioskId: 'ksk01', kid: 'k1' });
  const code = 'config-refused';
  expect(checkRemoteConfig(folder)).toEqual([
    { check: 'remote', verdict: 'look', code, detail: '8: colour' },
  ]);
  keep('next', { token: await token(9), begun: false });
  expect(checkRemoteConfig(folder)).toMatchObject([{ verdict: 'well' }]);
});

test('a file that is damaged is named', () => {
  writeFileSync(join(folder, 'config-good.json'), '{');
  expect(checkRemoteConfig(folder)).toMatchObject([
    { verdict: 'look', detail: 'damaged, and asked for anew: config-good.json' },
  ]);
});
