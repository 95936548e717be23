// A Wi-Fi that a scanner has read, as root sees it: root believes the sheet's own signature and nothing that the kiosk says.
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { readAnswers } from '../../src/field/requests.ts';
import { obeyNet } from '../../src/field/set-net.ts';
import type { Clock } from '../../src/lib/clock.ts';
import { publicJwk, type ChainKey } from '../../src/protocol/api.ts';
import { signLink } from '../../src/protocol/key-chain.ts';
import { signSheet, type Sheet, type WifiSheet } from '../../src/protocol/sheet.ts';
import { makeRootTree, type RootTree } from './root-tree.ts';

const nowMs = Date.parse('2026-09-20T00:00:00.000Z');
const clock: Clock = {
  ...{ nowMs: () => nowMs, monotonicMs: () => 0 },
  after: () => {
    throw new Error('nothing waits here');
  },
};
const times = { issuedS: nowMs / 1000, deadlineS: nowMs / 1000 + 3600 };
const relay = makeKey('first');
let tree: RootTree;
let named = 0;

interface Key {
  privateKey: KeyObject;
  link: ChainKey;
}

function makeKey(kid: string): Key {
  const { publicKey, privateKey } = generateKeyPairSync('ed25519');
  return {
    privateKey,
    link: { kid, publicKey: publicJwk.parse(publicKey.export({ format: 'jwk' })) },
  };
}

function identity(enrolment: object | undefined, site?: string): void {
  const text = enrolment === undefined ? '' : JSON.stringify({ enrolment, site });
  writeFileSync(tree.places.identity, text);
}

async function ask(sheet: Sheet, key = relay.privateKey, links: ChainKey[] = []): Promise<string> {
  const id = `request-${++named}`;
  tree.request('net', { id, token: signSheet(sheet, key), links }, `${id}.json`);
  await obeyNet(tree.places, clock);
  const answer = readAnswers(tree.places, 'net').find((one) => one.id === id);
  return `${answer?.outcome}: ${answer?.why}`;
}

const wifi = (more: Partial<WifiSheet> = {}): WifiSheet => ({
  ...{ kind: 'wifi', ...times, to: { kioskId: 'kuta01' }, ssid: 'Warung', psk: 'rahasia123' },
  ...{ security: 'wpa-psk', hidden: false, ...more },
});
const later = (more: Partial<WifiSheet> = {}): WifiSheet =>
  wifi({ issuedS: times.issuedS + 1, ...more });
const file = (): string => join(tree.places.connections, 'kios-wifi.nmconnection');

/** A network's name as it stands in the file. */
const bytesOf = (ssid: string): string => `ssid=${[...Buffer.from(ssid)].join(';')};`;

beforeEach(() => {
  tree = makeRootTree();
  vi.stubEnv('PATH', tree.tools);
  identity({ kioskId: 'kuta01', keys: [relay.link] }, 'kuta-square');
});
afterEach(() => {
  vi.unstubAllEnvs();
  tree.remove();
});

test('for this kiosk, or for its site: joined, and the password is in no argument', async () => {
  const more = { ssid: 'Warung 2', security: 'sae', hidden: true } as const;
  expect(await ask(wifi())).toBe('done: the Wi-Fi is connected');
  expect(await ask(later({ to: { site: 'kuta-square' }, ...more }))).toContain('done');
  const text = readFileSync(file(), 'utf8');
  expect(text).toContain('\nkey-mgmt=sae\npsk=rahasia123\n');
  expect(text).toContain('hidden=true');
  expect(tree.calls().join()).not.toContain('rahasia');
});

test('for another kiosk or site, and for a site where this kiosk has none', async () => {
  expect(await ask(wifi({ to: { kioskId: 'ubud02' } }))).toContain('for another kiosk');
  expect(await ask(wifi({ to: { site: 'ubud' } }))).toContain('for another kiosk');
  identity({ kioskId: 'kuta01', keys: [relay.link] });
  expect(await ask(wifi({ to: { site: 'kuta-square' } }))).toContain('for another kiosk');
  expect(existsSync(file())).toBe(false);
});

test('in time, and by nobody else', async () => {
  expect(await ask(wifi({ deadlineS: nowMs / 1000 - 1 }))).toContain('is over');
  expect(await ask(wifi(), makeKey('first').privateKey)).toContain('not signed');
  expect(existsSync(file())).toBe(false);
});

describe('an older sheet, which somebody has kept', () => {
  const old = wifi({ ssid: 'Old' });
  const right = later({ ssid: 'Right' });
  const isRight = (): boolean => readFileSync(file(), 'utf8').includes(bytesOf('Right'));

  test('does not take the place of a newer one, and the one that stands may come again', async () => {
    expect(await ask(old)).toContain('done');
    expect(await ask(right)).toContain('done');
    for (const sheet of [old, later({ ssid: 'Other' })]) {
      expect(await ask(sheet)).toBe('refused: one as new or newer was taken before: print it anew');
    }
    expect(isRight()).toBe(true);
    expect(await ask(right)).toBe('done: the Wi-Fi is connected');
  });

  test('nor that of one which could not be joined yet: that is shown again', async () => {
    await ask(old);
    tree.tool('nmcli', '[[ $* != *up* ]] || { echo "no network with SSID" >&2; exit 4; }');
    expect(await ask(right)).toContain('failed: the Wi-Fi is set, and not connected');
    expect(await ask(old)).toContain('refused');
    tree.tool('nmcli', '');
    expect(await ask(right)).toContain('done');
    expect(isRight()).toBe(true);
  });
});

test('a sheet of another kind is no Wi-Fi', async () => {
  const settings: Sheet = {
    ...{ kind: 'settings', ...times, to: { kioskId: 'kuta01' }, settings: { language: 'en' } },
  };
  const enrolment: Sheet = {
    ...{ kind: 'enrol', ...times, relayUrl: 'https://relay.example.id', code: '7K3MQ9TX2B4C' },
    pin: relay.link.publicKey.x,
  };
  for (const sheet of [settings, enrolment]) expect(await ask(sheet)).toContain('not signed');
  expect(existsSync(file())).toBe(false);
});

test("by the relay's next key, when a link shows whose it is", async () => {
  const next = makeKey('next');
  expect(await ask(wifi(), next.privateKey)).toContain('not signed');
  const link = await signLink(next.link, { kid: 'first', privateKey: relay.privateKey });
  expect(await ask(wifi(), next.privateKey, [link])).toContain('done');
});

test('before it is enrolled: by the key that provisioning brought, and by no other', async () => {
  identity(undefined);
  expect(await ask(wifi())).toContain('not signed');
  const operator = makeKey('operator');
  const pem = createPublicKey(operator.privateKey).export({ type: 'spki', format: 'pem' });
  writeFileSync(tree.places.operatorKey, pem);
  expect(await ask(wifi(), operator.privateKey)).toContain('done');
  expect(await ask(later({ ssid: 'other' }))).toContain('not signed');
});
