// The operator's commands that make sheets and files: what is not meant is refused in one line, before anything is made or
// overwritten.
import { generateKeyPairSync } from 'node:crypto';
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { runKios } from '../e2e/program.ts';
import { storeFile } from '../relay/restored.ts';
import { startSetting, type Setting } from '../relay/setting.ts';

let setting: Setting;
let config: string;
let folder: string;
let out: string;

beforeAll(async () => {
  setting = await startSetting();
  config = join(setting.dir, 'relay.yaml');
  const given = { ...setting.config, store: { sqlite: storeFile(setting) } };
  writeFileSync(config, JSON.stringify(given));
  folder = mkdtempSync(join(tmpdir(), 'kios-sheets-'));
});
afterAll(async () => {
  await setting.stop();
  rmSync(folder, { recursive: true });
});
beforeEach(() => {
  out = join(folder, 'page.svg');
  rmSync(out, { force: true });
});

const relay = (...args: string[]): ReturnType<typeof runKios> =>
  runKios('relay', '-c', config, ...args);
const wifi = (...args: string[]): ReturnType<typeof runKios> =>
  relay('setup-sheet', 'wifi', '-k', 'ksk01', '--ssid', 'Warung', '--out', out, ...args);
const settings = (...args: string[]): ReturnType<typeof runKios> =>
  relay('setup-sheet', 'settings', '-k', 'ksk01', '--out', out, ...args);

function fileOf(name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  return path;
}

/** One line, and no page. */
function refused({ code, output }: { code: number | null; output: string }, words: string): void {
  expect(output).toContain(words);
  expect(output.trim().split('\n')).toHaveLength(1);
  expect(code).toBe(1);
  expect(existsSync(out)).toBe(false);
}

test('an open network is made when that is what was said, and not for a password forgotten', async () => {
  refused(await wifi(), '--open for a network without a password');
  refused(await wifi('--wpa3'), 'WPA3 has a password: name --password-file');
  refused(await wifi('--wpa3', '--open'), 'WPA3 has a password');
  const password = fileOf('password', 'rahasia-warung\n');
  refused(await wifi('--open', '--password-file', password), 'one of the two');
  expect(await wifi('--open')).toMatchObject({ code: 0 });
  expect(statSync(out).mode & 0o777).toBe(0o600);
});

test('a password is one line that a Wi-Fi takes; what was wrong is told without it', async () => {
  const wrong = ['short', 'rahasia-warung\nsecond\n', '', `${'x'.repeat(64)}\n`, 'kata-sandi-é'];
  for (const [index, text] of wrong.entries()) {
    const said = await wifi('--password-file', fileOf(`wrong-${index}`, text));
    refused(said, 'one line of 8 to 63 printable characters (ASCII) or 64 hexadecimal digits');
    expect(said.output).toContain(`--password-file ${join(folder, `wrong-${index}`)}`);
    expect(said.output).not.toMatch(/rahasia|second|sandi-|xxx/);
  }
  refused(await wifi('--password-file', join(folder, 'absent')), 'absent cannot be used: ENOENT');
  expect(await wifi('--password-file', fileOf('windows', 'rahasia-warung\r\n'))).toMatchObject({
    code: 0,
  });
});

test('a page is written over no other file', async () => {
  const page = fileOf('page.svg', 'a good one');
  const enrolment = ['enrolment', '-k', 'ksk01', '--qr', '--out', page];
  for (const said of [
    await wifi('--open'),
    await settings('--language', 'en'),
    await relay(...enrolment),
  ]) {
    expect(said).toMatchObject({ code: 1 });
    expect(said.output).toContain(`${page} is there already, and nothing is overwritten`);
  }
  expect(readFileSync(page, 'utf8')).toBe('a good one');
});

test('a page without --qr is refused before a code is made', async () => {
  refused(await relay('enrolment', '-k', 'ksk02', '--out', out), 'are for the QR: add --qr');
});

test('settings that no kiosk can have are told by their own name', async () => {
  refused(await settings('--rotation', '45'), '0, 90, 180 or 270');
  refused(await settings('--panel-width-mm', '99999'), '30 to 2000 millimetres');
  refused(await settings('--panel-width-mm', 'wide'), '30 to 2000 millimetres');
});

test('a key that is none is told as such', async () => {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const other = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString();
  for (const text of ['SB-Mid-server-secret', other]) {
    const key = fileOf('server-key', text);
    const words = `${key} holds no Ed25519 private key in PEM`;
    refused(await settings('--language', 'en', '--key', key), words);
  }
});

test('a backup where nothing can be written names that place', async () => {
  const place = join(folder, 'no-folder', 'copy.db');
  const said = await relay('backup', place);
  refused(said, `${place} cannot be used: ENOENT`);
  expect(said.output).not.toContain('relay.yaml');
});

test('a support bundle that cannot be written is told in one line', async () => {
  const place = join(folder, 'no-folder', 'bundle.tar.gz');
  const said = await runKios('support', '--config', join(folder, 'no.yaml'), '--out', place);
  refused(said, `${place} cannot be used: ENOENT`);
});

test('a code that is too short is told before anybody is asked', async () => {
  const state = join(folder, 'state');
  const line = ['--relay', 'https://relay.invalid', '--code', 'x', '--state', state];
  refused(await runKios('enrol', ...line), 'such as 7K3M-Q9TX-2B4C');
  expect(existsSync(state)).toBe(false);
});

test('nothing to tell is told', async () => {
  expect((await relay('release', 'list')).output).toContain('no channel has a release');
  const none = await relay('command', '--all', 'restart');
  expect(none).toMatchObject({ code: 1 });
  expect(none.output).toContain('no kiosk is enrolled here');
  const nobody = await relay('commands', '--kiosk', 'nope');
  expect(nobody).toMatchObject({ code: 1 });
  expect(nobody.output).toContain('no kiosk nope was ever enrolled here');
});
