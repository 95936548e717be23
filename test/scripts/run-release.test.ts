// /opt/kios/run, which all units call: whose program it starts when releases, links or the data partition are missing.
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { run } from './sandbox.ts';

let root: string;
let script: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kios-run-'));
  const source = join(import.meta.dirname, '../../scripts/run-release');
  script = join(root, 'run');
  // The same script, in a tree of its own.
  const text = readFileSync(source, 'utf8').replaceAll(
    /(?<=[ (])\/(srv|opt|var)\//g,
    `${root}/$1/`,
  );
  writeFileSync(script, text);
  chmodSync(script, 0o755);
  for (const folder of ['opt/kios', 'srv/kios', 'var/lib/kios-root']) {
    mkdirSync(join(root, folder), { recursive: true });
  }
});

afterEach(() => {
  rmSync(root, { recursive: true });
});

/** A release whose Node says its own name and what it was to run. */
function release(place: string, name: string): void {
  const folder = join(root, place, 'releases', name);
  mkdirSync(join(folder, 'node_modules/.bin'), { recursive: true });
  mkdirSync(join(folder, 'src/cli'), { recursive: true });
  writeFileSync(join(folder, 'src/cli/kios.ts'), '//\n');
  const node = join(folder, 'node_modules/.bin/node');
  writeFileSync(node, `#!/bin/bash\nshift\necho ${name} "$@"\n`);
  chmodSync(node, 0o755);
}
function link(place: string, name: string, target: string): void {
  rmSync(join(root, place, name), { force: true });
  symlinkSync(`releases/${target}`, join(root, place, name));
}
const said = async (...args: string[]): Promise<string> => {
  const { status, stdout, stderr } = await run(script, args);
  return status === 0 ? stdout.trim() : stderr.trim();
};

test('what provisioning has installed, until there is an update', async () => {
  release('opt/kios', 'base');
  link('opt/kios', 'current', 'base');
  expect(await said('kiosk', '--config', 'a b')).toBe('base kiosk --config a b');
  expect(await said('--good', 'root', 'clock')).toBe('base root clock');
});

test('what runs is what is tried, and what judges it has proved itself', async () => {
  for (const name of ['old', 'new']) release('opt/kios', name);
  link('opt/kios', 'current', 'new');
  link('opt/kios', 'good', 'old');
  expect(await said('kiosk')).toBe('new kiosk');
  expect(await said('--good', 'root', 'update')).toBe('old root update');
});

test('on the data partition before what provisioning has installed; without that partition, this one', async () => {
  release('opt/kios', 'base');
  link('opt/kios', 'current', 'base');
  release('srv/kios', 'newer');
  link('srv/kios', 'current', 'newer');
  link('srv/kios', 'good', 'newer');
  expect(await said('kiosk')).toBe('newer kiosk');
  rmSync(join(root, 'srv/kios'), { recursive: true });
  expect(await said('kiosk')).toBe('base kiosk');
});

test.each(['node_modules/.bin/node', 'src/cli/kios.ts'])(
  'a release without %s is passed over',
  async (part) => {
    for (const name of ['old', 'new']) release('srv/kios', name);
    link('srv/kios', 'current', 'new');
    link('srv/kios', 'good', 'old');
    rmSync(join(root, 'srv/kios/releases/new', part));
    expect(await said('kiosk')).toBe('old kiosk');
  },
);

test('starts are counted only while a release is on trial, by the one before', async () => {
  for (const name of ['old', 'new']) release('opt/kios', name);
  link('opt/kios', 'current', 'new');
  link('opt/kios', 'good', 'old');
  expect(await said('--trial', 'root', 'start')).toBe('');
  writeFileSync(join(root, 'var/lib/kios-root/trial.json'), '{}');
  expect(await said('--trial', 'root', 'start')).toBe('old root start');
});

test('and what a start has to do once: the keys of an identity that root has not pinned', async () => {
  release('opt/kios', 'base');
  link('opt/kios', 'current', 'base');
  mkdirSync(join(root, 'var/lib/kios'));
  expect(await said('--trial', 'root', 'start')).toBe('');
  writeFileSync(join(root, 'var/lib/kios/identity.json'), '{}');
  expect(await said('--trial', 'root', 'start')).toBe('base root start');
  writeFileSync(join(root, 'var/lib/kios-root/relay-keys.json'), '{}');
  expect(await said('--trial', 'root', 'start')).toBe('');
});

test('without any release it says what to do', async () => {
  expect(await said('kiosk')).toBe(
    'kios: there is no release that is whole; run provision.sh again',
  );
});
