// From a kiosk that nobody knows to one that sells, with real processes: the operator's command makes the QR, the kiosk's own
// scanner reads it, and systemd's part (a new start) is the test's. Then its end: revoked, and enrolled again.
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import decodeQr from 'qr/decode.js';
import sharp from 'sharp';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { isSheet } from '../../src/protocol/sheet.ts';
import { runKios } from './program.ts';
import { World } from './world.ts';

let world: World;

beforeAll(async () => {
  world = await World.start({ enrolled: false });
});
afterAll(async () => {
  await world.end();
});

const relayYaml = (): string => join(world.folder, 'relay.yaml');
const page = (name: string): string => join(world.folder, name);
let printed = 0;

/** What the operator prints, read as a scanner reads paper: out of the picture. */
async function print(...flags: string[]): Promise<string> {
  const out = page(`sheet-${++printed}.svg`);
  const made = await runKios('relay', '--config', relayYaml(), ...flags, '--out', out);
  expect(made).toMatchObject({ code: 0 });
  expect(statSync(out).mode & 0o777).toBe(0o600);
  const picture = sharp(out, { density: 120 }).ensureAlpha().raw();
  const { data, info } = await picture.toBuffer({ resolveWithObject: true });
  const text = decodeQr({ width: info.width, height: info.height, data });
  expect(isSheet(text)).toBe(true);
  expect(made.output + readFileSync(out, 'utf8')).not.toContain(text);
  return text;
}

async function sells(): Promise<void> {
  const { mark } = world.kiosk;
  world.press('1', '5', '000', 'enter');
  await world.pay(await world.qrOnScreen());
  expect(await world.phase('result', mark)).toMatchObject({ outcome: 'done' });
  await world.toIdle();
}

/** Ends by itself, and is started by systemd. */
async function startedAnew(): Promise<void> {
  expect(await world.kiosk.exited).toMatchObject({ signal: null });
  await world.startKiosk();
  await world.ready();
}

test('scanned, enrolled, started anew, and a sale', async () => {
  await world.scanner.whenOpened();
  const qr = await print('enrolment', '--kiosk', 'ksk01', '--site', 'kuta-square', '--qr');
  world.scanner.scan({ text: qr });
  await world.kiosk.waitForMessage('kiosk.enrolled');
  expect(world.kiosk.output).not.toContain(qr.slice(0, 60));
  await startedAnew();
  await sells();
});

test('held up by a customer, the same QR is a word; a sale goes on', async () => {
  const qr = await print('enrolment', '--site', 'kuta-square', '--qr');
  world.scanner.scan({ text: qr });
  await world.kiosk.waitFor('a word', (line) => line['result'] === 'sheet-not-now');
  await world.toIdle();
  await sells();
});

test('a second enrolment needs --force', async () => {
  const { code, pin } = await typedCode();
  const refused = await enrol(code, pin);
  expect(refused.code).toBe(1);
  expect(refused.output).toContain('--force');
});

test('revoked, it sells no more; enrolled again with --force and a pin, it does', async () => {
  const { code: ended } = await runKios('relay', '-c', relayYaml(), 'revoke', '-k', 'ksk01');
  expect(ended).toBe(0);
  await world.kiosk.waitFor('a kiosk that does not sell', (line) =>
    JSON.stringify(line['missing'] ?? []).includes('kiosk-revoked'),
  );
  const before = identity();
  const { code, pin } = await typedCode();
  await world.kiosk.stop();
  expect((await enrol(code, 'A'.repeat(43), '--force')).output).toContain('bad-proof');
  expect(identity()).toEqual(before);
  // The code was used for this key: it serves for the same key again.
  expect(await enrol(code, pin, '--force')).toMatchObject({ code: 0 });
  expect(identity()['privateKeyPem']).not.toBe(before['privateKeyPem']);
  await world.startKiosk();
  await world.ready();
  await sells();
});

test('no identity again (a new card): the QR of a new code brings it back under its name', async () => {
  await world.kiosk.stop();
  await world.forgetIdentity();
  await world.startKiosk('kiosk.not-enrolled');
  await world.scanner.whenOpened();
  world.scanner.scan({ text: await print('enrolment', '--kiosk', 'ksk01', '--qr') });
  await world.kiosk.waitForMessage('kiosk.enrolled');
  await startedAnew();
  await sells();
});

test('a Wi-Fi sheet: its password comes from a file, and stands in the QR alone', async () => {
  const password = page('wifi-password');
  writeFileSync(password, 'rahasia-warung\n', { mode: 0o600 });
  const flags = ['--ssid', 'Warung & Kopi', '--password-file', password, '--site', 'kuta-square'];
  await print('setup-sheet', 'wifi', ...flags);
  const svg = readFileSync(page(`sheet-${printed}.svg`), 'utf8');
  expect(svg).toContain('Warung &#38; Kopi');
  expect(svg).not.toContain('rahasia');
  const none = await runKios('relay', '-c', relayYaml(), 'setup-sheet', 'settings', '-k', 'ksk01');
  expect(none).toMatchObject({ code: 1 });
  expect(existsSync('kios-settings-ksk01.svg')).toBe(false);
});

function identity(): Record<string, unknown> {
  const text = readFileSync(join(world.folder, 'kiosk', 'identity.json'), 'utf8');
  return JSON.parse(text) as Record<string, unknown>;
}

async function typedCode(): Promise<{ code: string; pin: string }> {
  const made = await runKios('relay', '-c', relayYaml(), 'enrolment', '-k', 'ksk01', '--json');
  return JSON.parse(made.output) as { code: string; pin: string };
}

async function enrol(code: string, pin: string, ...more: string[]): ReturnType<typeof runKios> {
  const state = join(world.folder, 'kiosk');
  const flags = ['--relay', world.relayUrl, '--code', code, '--pin', pin, '--state', state];
  return runKios('enrol', ...flags, ...more);
}
