// Which release a kiosk is told to run: by its channel, its place among a hundred and its machine; set at a terminal.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { isAmong, releaseAnswer, type Release } from '../../src/protocol/release.ts';
import { openStore } from '../../src/relay/store/open.ts';
import { databases, type Room } from './databases.ts';
import { storeFile } from './restored.ts';
import { startSetting, type Setting, type TestKiosk } from './setting.ts';

const entry = fileURLToPath(new URL('../../src/cli/kios.ts', import.meta.url));
const arm64 = 'a'.repeat(64);
const url = 'https://files.example/kios/';

describe.each(databases())('%s', (_name, newRoom) => {
  let room: Room;
  beforeEach(async () => {
    room = await newRoom();
    return () => room.leave();
  });

  test('a channel has one release, and a kiosk is in one channel', async () => {
    const store = await openStore(await room.connect(), 'ledger');
    await store.addEnrolment('hash', 'ksk01', 60_000);
    const key = { kty: 'OKP', crv: 'Ed25519', x: 'A'.repeat(43) } as const;
    await store.enrol('hash', key, { serial: null, claimSecret: 's', brokerPassword: null });
    const stable = { channel: 'stable', version: '1.4.0', url, percent: 10, arm64, x64: null };
    await store.setRelease(stable);
    await store.setRelease({ ...stable, percent: 20 });
    await store.setRelease({ ...stable, channel: 'canary', version: '1.5.0' });
    expect(await store.releases()).toMatchObject([{ channel: 'canary' }, { percent: 20 }]);
    expect(await store.releaseOf('ksk01')).toMatchObject({ version: '1.4.0' });
    expect(await store.setChannel('ksk09', 'canary')).toBe(false);
    expect(await store.setChannel('ksk01', 'canary')).toBe(true);
    expect(await store.releaseOf('ksk01')).toMatchObject({ version: '1.5.0' });
    expect(await store.dropRelease('canary')).toBe(true);
    expect(await store.dropRelease('canary')).toBe(false);
    expect(await store.releaseOf('ksk01')).toBeUndefined();
    await store.close();
  });
});

describe('at the relay', () => {
  let setting: Setting;
  let kiosk: TestKiosk;
  let file: string;
  beforeAll(async () => {
    setting = await startSetting();
    kiosk = await setting.kiosk('ksk01');
    file = join(setting.dir, 'relay.yaml');
    const store = { sqlite: storeFile(setting) };
    writeFileSync(file, JSON.stringify({ ...setting.config, store }));
  });
  afterAll(() => setting.stop());

  /** What the command printed, with its exit code where it is not 0. */
  function kios(...args: string[]): Promise<string> {
    const line = [entry, 'relay', '-c', file, 'release', ...args];
    return new Promise((resolve) => {
      execFile(process.execPath, line, (error, out, err) => {
        resolve(error === null ? out : `${String(error.code)}: ${out}${err}`);
      });
    });
  }

  async function told(arch = 'arm64'): Promise<Release | undefined> {
    const { json } = await kiosk.call('GET', `/v1/release?arch=${arch}`);
    return releaseAnswer.parse(json).release;
  }

  test('a kiosk is told of a release once its share has come, and for its machine alone', async () => {
    expect(isAmong('ksk01', 0)).toBe(false);
    expect(await told()).toBeUndefined();
    const given = ['--release', '1.4.0', '--url', url, '--sha256', `arm64=${arm64}`];
    expect(await kios('set', ...given, '--percent', '0')).toBe(
      `stable: 1.4.0 for 0 % (arm64) from ${url}\n`,
    );
    expect(await told()).toBeUndefined();
    expect(await kios('set', '--percent', '100')).toContain('1.4.0 for 100 %');
    expect(await told()).toEqual({ version: '1.4.0', url, sha256: arm64 });
    expect(await told('x64')).toBeUndefined();
    expect(await kios('channel', 'ksk01', 'canary')).toBe('ksk01 is in canary.\n');
    expect(await told()).toBeUndefined();
    const answer = await kiosk.call('GET', '/v1/release?arch=riscv');
    expect(answer.status).toBe(400);
  });

  test('what cannot be a release is refused in words', async () => {
    const wrong: [string[], string][] = [
      [['set', '--channel', 'beta', '--percent', '10'], 'name --release'],
      [['set', '--release', '9.0.0', '--percent', '10'], 'needs --url, --percent and --sha256'],
      [['set', '--url', 'http://files.example/kios/'], 'https://'],
      [['set', '--sha256', 'arm64=abc'], '64 hexadecimal digits'],
      [['set', '--percent', '101'], '0 to 100'],
      [['set', '--release', '1.4'], 'three numbers'],
      [['channel', 'ksk09', 'canary'], 'ever enrolled'],
      [['drop', '--channel', 'beta'], 'no release'],
    ];
    const said = await Promise.all(wrong.map(([args]) => kios(...args)));
    for (const [at, [, words]] of wrong.entries()) {
      expect(said[at]).toMatch(/^1: /);
      expect(said[at]).toContain(words);
    }
  });
});
