// No line of a kiosk is open to those on the way: an address without TLS is refused at enrolment and at every start.
import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { enrol } from '../../src/kiosk/enrol.ts';
import { plainLine, readIdentity, writeIdentity } from '../../src/kiosk/identity.ts';
import { isSafeAddress } from '../../src/protocol/safe-address.ts';
import { identityFor } from './signer.ts';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kios-plain-'));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

const relay = 'https://relay.example.id';
const broker = 'mqtts://relay.example.id:8883';

test('encrypted lines are taken, and open ones on this machine alone', () => {
  for (const url of ['http://127.0.0.1:8080', 'http://[::1]:8080', 'http://localhost', relay]) {
    expect(plainLine(identityFor(url, broker))).toBeUndefined();
  }
  expect(plainLine(identityFor(relay, 'mqtt://127.0.0.1:1883'))).toBeUndefined();
});

test.each([
  ['http://relay.example.id', broker, 'not https'],
  ['http://10.0.0.7:8080', broker, 'not https'],
  // What only looks like this machine.
  ['http://127.0.0.1.example.id', broker, 'not https'],
  ['http://localhost@relay.example.id', broker, 'not https'],
  [relay, 'mqtt://relay.example.id', 'not mqtts'],
  [relay, 'ws://relay.example.id', 'not mqtts'],
])('an identity of %s and %s is not started with, and says how to mend it', (url, at, says) => {
  writeIdentity(folder, identityFor(url, at));
  expect(() => readIdentity(folder)).toThrow(says);
  expect(() => readIdentity(folder)).toThrow(/mend that at the relay and enrol again, --force/);
});

test.each(['http://relay.example.id', 'ftp://relay.example.id', 'relay.example.id'])(
  'enrolment at %s is refused before a key is made or a code is sent',
  async (relayUrl) => {
    const stateDir = join(folder, 'state');
    const asked = enrol({ relayUrl, code: 'AAAA-BBBB-CCCC', stateDir, force: false });
    await expect(asked).rejects.toThrow(`${relayUrl} is not https; nothing was sent there`);
    expect(readdirSync(folder)).toEqual([]);
  },
);

test('what is no address is not safe', () => {
  expect(isSafeAddress('', 'https:')).toBe(false);
  expect(isSafeAddress('relay', 'mqtts:')).toBe(false);
});
