// scripts/provision.sh from a bundle, and scripts/unprovision.sh after it: whom it believes, what it closes, and that
// nothing of it stays.
import {
  appendFileSync,
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readFileSync,
  readdirSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeSandbox, run, treeHash, type Result, type Sandbox } from './sandbox.ts';
import { makeDebianTree, makeKey, makeSmallBundle, type SmallBundle } from './small-bundle.ts';

const isRoot = process.getuid?.() === 0;
let box: Sandbox;
let bundle: SmallBundle;
/** As the technician has it: beside the bundle, not out of it. */
let script: string;
let tree: string;

beforeAll(async () => {
  box = makeSandbox(['scripts', 'systemd', 'config', 'package.json']);
  bundle = await makeSmallBundle(box.project, box.path);
  script = join(box.path, 'provision.sh');
  copyFileSync(join(box.project, 'scripts/provision.sh'), script);
});

afterAll(() => {
  box.remove();
});

beforeEach(() => {
  tree = join(box.path, 'tree');
  makeDebianTree(tree);
});

afterEach(() => {
  rmSync(tree, { recursive: true });
});

const inTree = (path: string): string => join(tree, path);
const read = (path: string): string => readFileSync(inTree(path), 'utf8');
const provision = async (...more: string[]): Promise<Result> =>
  run(script, ['--bundle', bundle.archive, '--key', bundle.publicKey, '--root', tree, ...more]);
const unprovision = async (...more: string[]): Promise<Result> =>
  run(inTree('opt/kios/current/scripts/unprovision.sh'), ['--root', tree, ...more]);
const lastLine = ({ stdout }: Result): string => stdout.trim().split('\n').at(-1) ?? '';
const sentence = ({ status, stdout, stderr }: Result): string =>
  status === 1 && stdout === '' ? stderr.trim() : `status ${status}: ${stdout} ${stderr}`;

test('the script alone, without a bundle, says what it needs', async () => {
  expect(sentence(await run(script, ['--root', tree]))).toBe(
    'provision: this file alone is no checkout: name a bundle with --bundle FILE --key FILE (--help says more).',
  );
});

describe('only a bundle that the right key has signed is taken', () => {
  const untouched = async (attempt: () => Promise<Result>): Promise<string> => {
    const before = treeHash(tree);
    const result = await attempt();
    expect(treeHash(tree)).toBe(before);
    return sentence(result);
  };
  const attempt =
    (...args: string[]) =>
    async (): Promise<Result> =>
      run(script, [...args, '--root', tree]);

  test('one changed byte', async () => {
    const forged = join(box.path, 'forged.tar.gz');
    const bytes = readFileSync(bundle.archive);
    bytes[bytes.length - 9] = (bytes.at(-9) ?? 0) ^ 1;
    writeFileSync(forged, bytes);
    copyFileSync(`${bundle.archive}.sig`, `${forged}.sig`);
    const said = await untouched(attempt('--bundle', forged, '--key', bundle.publicKey));
    expect(said).toMatch(/the signature of .*forged.* is not by .*: do not use it\.$/);
  });

  test("somebody else's key", async () => {
    const { publicKey } = makeKey(box.path, 'other');
    const said = await untouched(attempt('--bundle', bundle.archive, '--key', publicKey));
    expect(said).toContain('is not by');
  });

  test('a key of another kind, a private key, a text', async () => {
    const rsa = join(box.path, 'rsa');
    await run('openssl', ['genrsa', '-out', `${rsa}.pem`, '2048']);
    await run('openssl', ['pkey', '-in', `${rsa}.pem`, '-pubout', '-out', `${rsa}.pub`]);
    for (const key of [`${rsa}.pub`, join(box.path, 'release.pem'), bundle.archive]) {
      const said = await untouched(attempt('--bundle', bundle.archive, '--key', key));
      expect(said).toBe(`provision: ${key} is no public Ed25519 key.`);
    }
  });

  test('no signature, no key', async () => {
    const bare = join(box.path, 'bare.tar.gz');
    copyFileSync(bundle.archive, bare);
    const unsigned = await untouched(attempt('--bundle', bare, '--key', bundle.publicKey));
    expect(unsigned).toBe(`provision: there is no signature ${bare}.sig.`);
    const keyless = await untouched(attempt('--bundle', bundle.archive));
    expect(keyless).toMatch(/--bundle needs --key FILE: the public key/);
  });

  test('a machine without openssl', async () => {
    const said = await untouched(async () =>
      run(script, ['--bundle', bundle.archive, '--key', bundle.publicKey, '--root', tree], {
        path: `${box.bin}:/nowhere`,
      }),
    );
    expect(said).toMatch(/there is no openssl, so the bundle cannot be checked/);
  });

  test('an unpacked bundle that nobody verified', async () => {
    const own = join(box.path, 'kios-0.1.0-linux-x64/scripts/provision.sh');
    if (!existsSync(own)) return;
    expect(await untouched(async () => run(own, ['--root', tree]))).toMatch(
      /an unpacked bundle that nobody has verified/,
    );
  });

  test('one for another machine', async () => {
    const folder = join(box.path, 'foreign');
    mkdirSync(folder);
    const arch = process.arch === 'arm64' ? 'x64' : 'arm64';
    const foreign = await makeSmallBundle(box.project, folder, { arch });
    const said = await untouched(attempt('--bundle', foreign.archive, '--key', foreign.publicKey));
    expect(said).toMatch(/this bundle is for another machine/);
  });

  test('the key of the first time checks the second, and the folder of the check is gone', async () => {
    await provision();
    const left = (await run('ls', ['/var/tmp'])).stdout;
    const again = await run(script, ['--bundle', bundle.archive, '--root', tree]);
    expect(lastLine(again)).toMatch(/^provision: 0 changed/);
    expect((await run('ls', ['/var/tmp'])).stdout).toBe(left);
  });
});

describe('what it installs', () => {
  test('a dry run says all and touches nothing', async () => {
    const before = treeHash(tree);
    const dry = await provision('--dry-run');
    expect(dry.stdout).toMatch(/^would install the program to \/opt\/kios\/releases\/0\.1\.0-/m);
    expect(lastLine(dry)).toMatch(/nothing was touched/);
    expect(treeHash(tree)).toBe(before);
  });

  test('a second run changes nothing', async () => {
    const first = await provision('--panel', 'HDMI-A-1:1024x600');
    expect(first.status).toBe(0);
    const before = treeHash(tree);
    const second = await provision('--panel', 'HDMI-A-1:1024x600');
    expect(lastLine(second)).toMatch(/^provision: 0 changed, \d+ in place\.$/);
    expect(treeHash(tree)).toBe(before);
  });

  test('another bundle is another release; the link leads to it, the old one stays', async () => {
    await provision();
    const old = readlinkSync(inTree('opt/kios/current'));
    const folder = join(box.path, 'newer');
    mkdirSync(folder);
    const newer = await makeSmallBundle(box.project, folder, { program: 'another' });
    const args = ['--bundle', newer.archive, '--key', newer.publicKey, '--root', tree];
    const result = await run(script, args);
    expect(result.status).toBe(0);
    expect(readlinkSync(inTree('opt/kios/current'))).not.toBe(old);
    expect(readdirSync(inTree('opt/kios/releases'))).toHaveLength(2);
  });

  test('a newer bundle runs: no update of before leads past it', async () => {
    await provision('--operator-key', bundle.publicKey);
    expect(read('etc/kios/operator.pub')).toBe(readFileSync(bundle.publicKey, 'utf8'));
    const [release = ''] = readdirSync(inTree('opt/kios/releases'));
    symlinkSync(`releases/${release}`, inTree('opt/kios/good'));
    mkdirSync(inTree('var/lib/kios-root'), { recursive: true });
    writeFileSync(inTree('var/lib/kios-root/trial.json'), '{}');
    expect((await provision()).stdout).not.toContain('forget');
    const folder = join(box.path, 'newest');
    mkdirSync(folder);
    const newer = await makeSmallBundle(box.project, folder, { program: 'the newest' });
    await run(script, ['--bundle', newer.archive, '--key', newer.publicKey, '--root', tree]);
    expect(existsSync(inTree('opt/kios/good'))).toBe(false);
    expect(existsSync(inTree('var/lib/kios-root/trial.json'))).toBe(false);
    // As on a card with a data partition: the link leads to the folder of the machine at work, whose trial is its own.
    const machine = join(box.path, 'machine');
    mkdirSync(machine);
    writeFileSync(join(machine, 'trial.json'), '{}');
    rmSync(inTree('var/lib/kios-root'), { recursive: true });
    symlinkSync(machine, inTree('var/lib/kios-root'));
    await provision();
    expect(readlinkSync(inTree('opt/kios/current'))).toBe(`releases/${release}`);
    expect(existsSync(join(machine, 'trial.json'))).toBe(true);
    rmSync(inTree('var/lib/kios-root'));
  });

  test('no key leads from a keyboard to a shell', async () => {
    await provision();
    for (const unit of ['getty@tty1.service', 'autovt@.service', 'ctrl-alt-del.target']) {
      expect(readlinkSync(inTree(`etc/systemd/system/${unit}`))).toBe('/dev/null');
    }
    const show = async (file: string): Promise<string> =>
      (await run('systemd-analyze', [`--root=${tree}`, 'cat-config', file])).stdout;
    expect(await show('systemd/logind.conf')).toMatch(/^NAutoVTs=0\nReserveVT=0$/m);
    expect(await show('systemd/system.conf')).toMatch(/^CtrlAltDelBurstAction=none$/m);
    expect(read('etc/sysctl.d/90-kios.conf')).toMatch(/^kernel\.sysrq=0$/m);
    expect(read('boot/firmware/cmdline.txt')).toMatch(
      / rootwait sysctl\.kernel\.sysrq=0 panic=10\n$/,
    );
  });

  test.each([
    ['root:*:1::::::\n', '= root is locked'],
    ['root:!$y$abc:1::::::\n', '= root is locked'],
    ['root:$y$abc:1::::::\n', '  root is not locked: sudo passwd --lock root'],
    ['root::1::::::\n', '  root is not locked: sudo passwd --lock root'],
  ])('a root like %j is told: %s', async (shadow, expected) => {
    writeFileSync(inTree('etc/shadow'), shadow);
    expect((await provision('--dry-run')).stdout.split('\n')).toContain(expected);
  });

  test('the panel stands on the command line once, also when it is another one later', async () => {
    await provision('--panel', 'HDMI-A-1:800x480');
    await provision('--panel', 'HDMI-A-1:1024x600');
    await provision();
    const words = read('boot/firmware/cmdline.txt').trim().split(' ');
    expect(words.filter((word) => word.startsWith('video='))).toEqual([
      'video=HDMI-A-1:1024x600M@60D',
    ]);
    expect(read('boot/firmware/cmdline.txt').split('\n')).toHaveLength(2);
  });

  test.each(['1024x600', 'HDMI-A-1:1024x600 init=/bin/sh', 'HDMI-A-1:99999x1'])(
    'the panel %j is refused',
    async (panel) => {
      expect(sentence(await provision('--panel', panel))).toMatch(/--panel needs something like/);
    },
  );

  const watchdog = 'etc/systemd/system.conf.d/60-kios-watchdog.conf';
  test.each([
    ['', true],
    ['RuntimeWatchdogSec=0\n', true],
    ['RuntimeWatchdogSec=off\n', true],
    ['RuntimeWatchdogSec=1m\n', false],
  ])('a system with %j gets our watchdog: %s', async (line, ours) => {
    appendFileSync(inTree('etc/systemd/system.conf'), line);
    await provision();
    expect(existsSync(inTree(watchdog))).toBe(ours);
    if (ours) expect(read(watchdog)).toMatch(/^RuntimeWatchdogSec=14s$/m);
  });
});

describe.runIf(isRoot)('unprovision.sh takes all of it back', () => {
  /** shadow's tools keep what a file was before their last change; nothing reads those. */
  const backups = ['passwd-', 'group-', 'shadow-', 'gshadow-', '.pwd.lock', 'subuid-', 'subgid-'];
  const allFiles = (): Record<string, string> => {
    const names = readdirSync(tree, { recursive: true, encoding: 'utf8' }).sort();
    return Object.fromEntries(
      names.flatMap((name) => {
        if (backups.some((backup) => name === join('etc', backup))) return [];
        const path = inTree(name);
        const stat = lstatSync(path);
        if (stat.isSymbolicLink()) return [[name, `-> ${readlinkSync(path)}`]];
        return [[name, stat.isFile() ? readFileSync(path, 'utf8') : 'folder']];
      }),
    );
  };

  test.each([
    ['plain', []],
    ['with a panel', ['--panel', 'HDMI-A-1:1024x600']],
    ['on a data partition, with a root that is only read', ['--data', '--read-only-root']],
  ])('%s: the tree is as it was', async (_how, options) => {
    const before = allFiles();
    expect((await provision(...options)).stderr).not.toContain('provision:');
    expect(Object.keys(allFiles()).length).toBeGreaterThan(Object.keys(before).length + 20);
    const result = await unprovision();
    expect(result.stderr).toBe('');
    expect(result.status).toBe(0);
    expect(allFiles()).toEqual(before);
  });

  test('what was there before is not taken along', async () => {
    const mask = inTree('etc/systemd/system/ctrl-alt-del.target');
    symlinkSync('/dev/null', mask);
    const words = inTree('boot/firmware/cmdline.txt');
    writeFileSync(words, 'root=PARTUUID=1-02 sysctl.kernel.sysrq=0 quiet\n');
    appendFileSync(inTree('etc/group'), 'gpio:x:993:\n');
    const before = allFiles();
    await provision();
    await unprovision();
    expect(allFiles()).toEqual(before);
  });

  test("somebody else's file keeps its folder, and is named", async () => {
    await provision();
    writeFileSync(inTree('etc/kios/own.txt'), 'mine\n');
    const result = await unprovision();
    expect(result.stdout).toContain('/etc/kios stays: it holds own.txt');
    expect(read('etc/kios/own.txt')).toBe('mine\n');
    expect(existsSync(inTree('opt/kios'))).toBe(false);
  });

  describe('the journal', () => {
    beforeEach(async () => {
      await provision();
      writeFileSync(inTree('var/lib/kios/journal.sqlite'), 'money\n');
    });

    test('without a word about it nothing is taken', async () => {
      const before = treeHash(tree);
      expect(sentence(await unprovision())).toBe(
        'unprovision: there is a journal in /var/lib/kios: say --keep-journal or --delete-journal.',
      );
      expect(treeHash(tree)).toBe(before);
    });

    test('--keep-journal leaves it and its owner', async () => {
      const { status } = await unprovision('--keep-journal');
      expect(status).toBe(0);
      expect(read('var/lib/kios/journal.sqlite')).toBe('money\n');
      expect(read('etc/passwd')).toMatch(/^kios:/m);
      expect(existsSync(inTree('opt/kios'))).toBe(false);
    });

    test('--delete-journal takes both', async () => {
      await unprovision('--delete-journal');
      expect(existsSync(inTree('var/lib/kios'))).toBe(false);
      expect(read('etc/passwd')).not.toMatch(/^kios:/m);
    });
  });

  test('a dry run says all and takes nothing', async () => {
    await provision();
    const before = treeHash(tree);
    const dry = await unprovision('--dry-run');
    expect(dry.stdout).toMatch(/^would remove \/opt\/kios\/releases and all in it$/m);
    expect(treeHash(tree)).toBe(before);
  });

  test('a system that was never provisioned', async () => {
    const own = join(box.project, 'scripts/unprovision.sh');
    expect(sentence(await run(own, ['--root', tree]))).toMatch(/nothing was provisioned here/);
  });
});

describe('the data partition', () => {
  test('the journal is a link to it, mounted without keeping the kiosk from starting', async () => {
    expect((await provision('--data')).status).toBe(0);
    expect(readlinkSync(inTree('var/lib/kios'))).toBe('/srv/kios/state');
    const fstab = read('etc/fstab').split('\n');
    expect(fstab).toContain(
      'LABEL=kios-data /srv/kios ext4 noatime,nofail,x-systemd.device-timeout=10s 0 2',
    );
    expect(fstab.filter((line) => line.includes('bind,nofail,'))).toHaveLength(2);
    const unit = read('etc/systemd/system/kios.service.d/data.conf');
    expect(unit).toMatch(/^StateDirectory=$/m);
    expect(existsSync(inTree('etc/tmpfiles.d/kios-state.conf'))).toBe(false);
  });

  test('a later run without --data stays with it', async () => {
    await provision('--data');
    const before = treeHash(tree);
    expect(lastLine(await provision())).toMatch(/^provision: 0 changed/);
    expect(treeHash(tree)).toBe(before);
  });

  test('a journal that is elsewhere is not left behind', async () => {
    await provision();
    writeFileSync(inTree('var/lib/kios/journal.sqlite'), 'money\n');
    expect(sentence(await provision('--data'))).toMatch(/\/var\/lib\/kios holds a journal: move/);
  });

  test('a root that is only read needs it', async () => {
    expect(sentence(await provision('--read-only-root'))).toMatch(/--read-only-root needs --data/);
  });

  test('a root that is only read: overlayroot is told, other partitions are left alone', async () => {
    await provision('--data', '--read-only-root');
    expect(read('etc/overlayroot.local.conf')).toMatch(/^overlayroot="tmpfs:recurse=0"$/m);
    const remount = read('etc/systemd/system/systemd-remount-fs.service.d/kios.conf');
    expect(remount).toMatch(/^ExecStart=.*mount -o remount,rw overlayroot \//m);
  });
});
