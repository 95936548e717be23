// The bundle itself, built as it is for the field: the same bytes each time, nothing for another machine in it, and a
// whole kiosk that runs from it with nothing else beside.
import { execFileSync } from 'node:child_process';
import { generateKeyPairSync } from 'node:crypto';
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  BundleError,
  buildBundle,
  nativeFaults,
  refuseUnloadable,
} from '../../src/field/bundle.ts';
import { filesOf } from '../../src/field/bundle-archive.ts';
import { isElf } from '../../src/field/elf.ts';
import { kioskFile } from '../../src/field/release-files.ts';
import type { Arch } from '../../src/field/native-rules.ts';
import { makeSandbox, run, type Result, type Sandbox } from '../scripts/sandbox.ts';
import { makeKey, ownArch } from '../scripts/small-bundle.ts';

const otherArch: Arch = ownArch === 'x64' ? 'arm64' : 'x64';
const packages = join(import.meta.dirname, '../../node_modules');
/** A build installs packages; a machine under load takes its time for it. */
const buildLimitMs = 300_000;

let box: Sandbox;
let own: string;
let other: string;
/** `own`, unpacked. */
let release: string;
let keys: { key: string; publicKey: string };

async function build(arch: Arch, out: string): Promise<string> {
  const source = box.project;
  const say = (): void => undefined;
  return buildBundle({ source, arch, out: join(box.path, out), keyFile: keys.key, say });
}

function unpack(archive: string, place: string): string {
  const folder = join(box.path, place);
  mkdirSync(folder);
  execFileSync('tar', ['-xzf', archive, '-C', folder, '--strip-components=1']);
  return folder;
}

beforeAll(async () => {
  box = makeSandbox([
    ...['scripts', 'src', 'drivers', 'config', 'systemd'],
    ...['package.json', 'package-lock.json', '.npmrc'],
  ]);
  keys = makeKey(box.path, 'release');
  own = await build(ownArch, 'first');
  other = await build(otherArch, 'other');
  release = unpack(own, 'release');
}, buildLimitMs);

afterAll(() => {
  box.remove();
}, buildLimitMs);

describe('the archive', () => {
  test(
    'built twice it has the same bytes, and so has its signature',
    async () => {
      const again = await build(ownArch, 'second');
      expect(readFileSync(again).equals(readFileSync(own))).toBe(true);
      expect(readFileSync(`${again}.sig`).equals(readFileSync(`${own}.sig`))).toBe(true);
    },
    buildLimitMs,
  );

  test('openssl verifies it with the public key', async () => {
    const check = ['pkeyutl', '-verify', '-rawin', '-pubin', '-inkey', keys.publicKey];
    const result = await run('openssl', [...check, '-sigfile', `${own}.sig`, '-in', own]);
    expect(result.stdout).toContain('Signature Verified Successfully');
  });

  test('it is named by version and machine', () => {
    const { version } = JSON.parse(readFileSync(join(box.project, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect(other.endsWith(`/kios-${version}-linux-${otherArch}.tar.gz`)).toBe(true);
  });
});

describe('what is in it', () => {
  test(
    'native parts of the other machine alone, the runtime with them',
    { timeout: 120_000 },
    async () => {
      const folder = unpack(other, 'other-release');
      const natives: string[] = [];
      for (const file of await filesOf(folder)) {
        if (isElf(readFileSync(join(folder, file)))) natives.push(file);
      }
      const named = (part: string): boolean => natives.some((file) => file.includes(part));
      for (const part of [
        `node-linux-${otherArch}/bin/node`,
        'node-hid',
        'bindings-cpp',
        'sharp',
      ]) {
        expect(named(part)).toBe(true);
      }
      expect(named('libvips')).toBe(true);
      expect(named('musl')).toBe(false);
      expect(await nativeFaults(otherArch, folder)).toEqual([]);
      expect(await nativeFaults(ownArch, folder)).toHaveLength(natives.length);
    },
  );

  test('its sums fit every file, and a changed one is seen', async () => {
    const check = async (): Promise<number> =>
      (await run('sha256sum', ['--check', '--strict', '--status', 'SHA256SUMS'], { cwd: release }))
        .status;
    const file = join(release, 'package.json');
    const whole = readFileSync(file, 'utf8');
    const listed = readFileSync(join(release, 'SHA256SUMS'), 'utf8').trim().split('\n').length;
    expect((await filesOf(release)).length).toBe(listed + 1);
    expect(await check()).toBe(0);
    writeFileSync(file, `${whole} `);
    expect(await check()).toBe(1);
    writeFileSync(file, whole);
  });

  test('the bill of materials, as `kios sbom` writes it of the same lock', async () => {
    const lock = join(release, 'package-lock.json');
    const { stdout } = await run(join(release, 'scripts/kios'), ['sbom', '--lock', lock]);
    expect(stdout).toContain('CycloneDX');
    expect(readFileSync(join(release, 'sbom.cdx.json'), 'utf8')).toBe(stdout);
  });

  test('no sources of the program, no development packages, no place of the build machine', () => {
    expect(readdirSync(join(release, 'src'))).toEqual(['bench', 'cli']);
    expect(readdirSync(join(release, 'node_modules'))).not.toContain('typescript');
    for (const file of readdirSync(release).filter((name) => /^kios.*js$/.test(name))) {
      const program = readFileSync(join(release, file), 'utf8');
      expect(program.includes(box.path)).toBe(false);
      expect(/kios-bundle-\w{6}/.test(program)).toBe(false);
    }
  });
});

test('a key that signs nothing is told before anything is built', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kios-key-'));
  try {
    const build = async (keyFile: string): Promise<string> =>
      buildBundle({
        ...{ source: folder, arch: ownArch, out: folder, keyFile },
        say: () => undefined,
      });
    const key = join(folder, 'key.pem');
    await expect(build(key)).rejects.toThrow(`the key ${key} is not there`);
    writeFileSync(key, 'no key');
    await expect(build(key)).rejects.toThrow('holds no private key');
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    writeFileSync(key, privateKey.export({ format: 'pem', type: 'pkcs8' }));
    await expect(build(key)).rejects.toThrow('it must be Ed25519');
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('a part that a Pi could not load is named, and there is no bundle', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'kios-natives-'));
  try {
    const part = 'node-hid/prebuilds/HID_hidraw-linux-arm64/node-napi-v4.node';
    copyFileSync(join(packages, part), join(folder, 'good.node'));
    const bytes = readFileSync(join(packages, part));
    const name = bytes.indexOf('GLIBC_2.17');
    bytes.write('GLIBC_2.38', name, 'latin1');
    writeFileSync(join(folder, 'too-new.node'), bytes);
    const refused = await refuseUnloadable('arm64', folder).catch((error: unknown) => error);
    expect(refused).toBeInstanceOf(BundleError);
    expect(String(refused)).toContain('too-new.node asks for GLIBC 2.38: Debian 12 has 2.36');
    rmSync(join(folder, 'too-new.node'));
    await refuseUnloadable('arm64', folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

describe('unpacked, with no packages beside it and no Node but its own', () => {
  const kios = async (...args: string[]): Promise<Result> =>
    run('/usr/bin/env', ['-i', 'PATH=/usr/bin:/bin', `HOME=${box.path}`, 'scripts/kios', ...args], {
      cwd: release,
    });

  test('it says its version and its commands', async () => {
    const { version } = JSON.parse(readFileSync(join(release, 'package.json'), 'utf8')) as {
      version: string;
    };
    expect((await kios('--version')).stdout.trim()).toBe(version);
    expect((await kios('--help')).stdout).toMatch(/^ +kiosk .*[^]*^ +relay /m);
  });

  test('before an update it checks itself: its native parts load, and it reads a configuration', async () => {
    const check = ['update', 'self-check', '--config', 'config/kiosk.example.yaml'];
    expect(await kios(...check)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test("the kiosk's own file counts: one that does not load, or a native part that it needs here", async () => {
    const config = join(box.path, 'kiosk.yaml');
    const devices = 'keypad: { at: "hid:/dev/hidraw0" }\ndisplay: { at: terminal }\n';
    writeFileSync(config, `stateDir: ${join(box.path, 'no-state')}\n${devices}`);
    const check = async (): Promise<Result> => kios('update', 'self-check', '--config', config);
    expect(await check()).toEqual({ status: 0, stdout: '', stderr: '' });
    const program = join(release, kioskFile);
    const native = join(release, 'node_modules/node-hid/prebuilds');
    for (const [path, words] of [
      [program, /does not load: [^]*no such file/],
      [native, /does not load: [^]*node-hid/],
    ] as const) {
      renameSync(path, `${path}.away`);
      const { status, stderr } = await check();
      renameSync(`${path}.away`, path);
      expect(stderr).toMatch(words);
      expect(status).toBe(1);
    }
  });

  test('a whole house sells: kiosk, relay and twin from the one file', async () => {
    const result = await kios('demo', '--check', '--state', join(box.path, 'house'));
    expect(result.stderr + result.stdout).toContain('PASSED');
    expect(result.status).toBe(0);
  }, 120_000);
});
