// scripts/provision/boot.sh: what it sets and says of the time before the system runs, where a tree alone does not show it:
// GRUB's menu, the initramfs's shell, the boot loader in a Pi's board, the watchdog in effect.
import { copyFileSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { makeSandbox, run, treeHash, type Result, type Sandbox } from './sandbox.ts';
import { makeDebianTree, makeSmallBundle, type SmallBundle } from './small-bundle.ts';

const isRoot = process.getuid?.() === 0;
const piWords = 'boot/firmware/cmdline.txt';
const grubPart = 'etc/default/grub.d/kios.cfg';
let box: Sandbox;
let bundle: SmallBundle;
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

const read = (path: string): string => readFileSync(join(tree, path), 'utf8');
const write = (path: string, text: string): void => {
  mkdirSync(dirname(join(tree, path)), { recursive: true });
  writeFileSync(join(tree, path), text);
};
const provision = async (...more: string[]): Promise<Result> =>
  run(script, ['--bundle', bundle.archive, '--key', bundle.publicKey, '--root', tree, ...more]);
const unprovision = async (): Promise<Result> =>
  run(join(tree, 'opt/kios/current/scripts/unprovision.sh'), ['--root', tree]);

describe('a machine with GRUB', () => {
  beforeEach(() => {
    rmSync(join(tree, 'boot/firmware'), { recursive: true });
    write(
      'etc/default/grub',
      'GRUB_TIMEOUT=5\n#GRUB_CMDLINE_LINUX="panic=30"\nGRUB_CMDLINE_LINUX=""\n',
    );
  });
  /** As grub-mkconfig reads it. */
  const setting = async (name: string): Promise<string> => {
    const sourced = `for file in "$1/etc/default/grub" "$1"/etc/default/grub.d/*.cfg; do . "$file"; done`;
    const { stdout } = await run('sh', ['-euc', `${sourced}; echo "$${name}"`, 'sh', tree]);
    return stdout.trim();
  };

  test('its menu does not wait for a keyboard, also after a boot that failed, and has no recovery', async () => {
    await provision();
    expect(await setting('GRUB_TIMEOUT')).toBe('0');
    // `hidden` would look for Esc.
    expect(await setting('GRUB_TIMEOUT_STYLE')).toBe('menu');
    expect(await setting('GRUB_RECORDFAIL_TIMEOUT')).toBe('0');
    expect(await setting('GRUB_DISABLE_RECOVERY')).toBe('true');
  });

  test('the words are added to those that are there, and stay over a run without --panel', async () => {
    write('etc/default/grub.d/20-own.cfg', 'GRUB_CMDLINE_LINUX="quiet"\n');
    await provision('--panel', 'Virtual-1:1024x768');
    const before = treeHash(tree);
    expect((await provision()).stdout).toMatch(/^provision: 0 changed/m);
    expect(treeHash(tree)).toBe(before);
    expect(await setting('GRUB_CMDLINE_LINUX')).toBe(
      'quiet sysctl.kernel.sysrq=0 panic=10 video=Virtual-1:1024x768M@60D',
    );
  });

  test.each([
    ['etc/default/grub', 'GRUB_CMDLINE_LINUX="panic=30"\n'],
    ['etc/default/grub.d/20-own.cfg', 'GRUB_CMDLINE_LINUX=panic=30\n'],
  ])("somebody's own panic= in %s is left", async (file, text) => {
    write(file, text);
    await provision();
    await provision();
    expect(await setting('GRUB_CMDLINE_LINUX')).toBe('panic=30 sysctl.kernel.sysrq=0');
  });

  test.runIf(isRoot)('unprovision.sh takes it back', async () => {
    const before = read('etc/default/grub');
    await provision();
    expect(existsSync(join(tree, grubPart))).toBe(true);
    expect((await unprovision()).status).toBe(0);
    expect(existsSync(join(tree, dirname(grubPart)))).toBe(false);
    expect(read('etc/default/grub')).toBe(before);
  });
});

describe('the initramfs of a Pi gives nobody a shell', () => {
  test('panic= is added once', async () => {
    await provision();
    await provision();
    expect(read(piWords).match(/panic=\S*/g)).toEqual(['panic=10']);
  });

  test.runIf(isRoot).each(['panic=30', 'panic=10'])(
    "somebody's own %s is left, also by unprovision.sh",
    async (word) => {
      const own = `root=PARTUUID=1-02 ${word} rootwait\n`;
      write(piWords, own);
      await provision();
      expect(read(piWords)).toBe(own.replace('\n', ' sysctl.kernel.sysrq=0\n'));
      await unprovision();
      expect(read(piWords)).toBe(own);
    },
  );

  test('hung_task_panic= and sysctl.kernel.panic= are other words', async () => {
    write(piWords, 'hung_task_panic=1 sysctl.kernel.panic=5\n');
    await provision();
    expect(read(piWords)).toMatch(/ panic=10\n$/);
  });
});

/** Functions of boot.sh as on a machine that runs, which is the tree; `standIns` are in place of its programs. */
const onMachine = async (call: string, standIns: string): Promise<string[]> => {
  const text = `root=$1 dry_run=0
    source scripts/provision/changes.sh
    source scripts/provision/boot.sh
    booted() { :; }
    ${standIns}
    ${call}`;
  const { status, stdout, stderr } = await run(
    'bash',
    ['-euo', 'pipefail', '-c', text, 'bash', tree],
    {
      cwd: box.project,
    },
  );
  expect([status, stderr]).toEqual([0, '']);
  return stdout.split('\n').slice(0, -1);
};

describe('the boot loader in the board of a Pi', () => {
  const off = '= the boot loader installs nothing from the network';
  const on =
    "  the boot loader lets a keyboard replace the card's system: sudo -E rpi-eeprom-config --edit, " +
    'NET_INSTALL_ENABLED=0, no line NET_INSTALL_AT_POWER_ON=1, reboot';

  test.each([
    ['Raspberry Pi 4 Model B Rev 1.5', ['BOOT_ORDER=0xf41'], on],
    ['Raspberry Pi 4 Model B Rev 1.5', ['NET_INSTALL_ENABLED=1'], on],
    ['Raspberry Pi 4 Model B Rev 1.5', ['NET_INSTALL_ENABLED=0'], off],
    ['Raspberry Pi 400 Rev 1.1', ['NET_INSTALL_AT_POWER_ON=1', 'NET_INSTALL_ENABLED=0'], on],
    ['Raspberry Pi 5 Model B Rev 1.0', ['NET_INSTALL_AT_POWER_ON=0', 'NET_INSTALL_ENABLED=0'], off],
    ['Raspberry Pi Compute Module 4 Rev 1.1', ['BOOT_UART=0'], off],
    ['Raspberry Pi Compute Module 4 Rev 1.1', ['NET_INSTALL_ENABLED=1'], on],
  ])('%s with %j', async (model, settings, expected) => {
    write('proc/device-tree/model', `${model}\0`);
    const standIn = `rpi-eeprom-config() { printf '%s\\n' '[all]' ${settings.join(' ')}; }`;
    expect(await onMachine('tell_network_install', standIn)).toEqual([expected]);
  });

  test.each([
    ['without one', 'rpi-eeprom-config() { return 1; }'],
    [
      'that is a folder tree',
      'booted() { false; }; rpi-eeprom-config() { echo BOOT_ORDER=0xf41; }',
    ],
  ])('a machine %s: not a word', async (_what, standIns) => {
    expect(await onMachine('tell_network_install', standIns)).toEqual([]);
  });

  test('it is said with what else leads from a keyboard to a shell', async () => {
    const standIns = `put() { :; }; mask() { :; }; rpi-eeprom-config() { echo BOOT_ORDER=0xf41; }`;
    expect(await onMachine('close_console', standIns)).toContain(on);
  });
});

describe('the watchdog in effect', () => {
  /** What systemd says of itself, and the device of itself. */
  const said = async (
    effective: string,
    device?: { state: string; timeout: string },
  ): Promise<string[]> => {
    for (const [name, value] of Object.entries(device ?? {})) {
      write(`sys/class/watchdog/watchdog0/${name}`, `${value}\n`);
    }
    const systemctl = `systemctl() { case $* in
      daemon-reexec) echo "systemctl $*" ;;
      'show --property=RuntimeWatchdogUSec --value') echo ${effective} ;;
      esac; }`;
    return onMachine('set_watchdog', `put() { :; }; ${systemctl}`);
  };
  const reexec = 'systemctl daemon-reexec';

  test.each([
    ['14s', 'active', '14', '  the watchdog is armed: 14s, the device says 14 s'],
    ['1min 40s', 'active', '4', '  the watchdog is armed: 1min 40s, the device says 4 s'],
    [
      '14s',
      'inactive',
      '15',
      '  the watchdog is NOT armed (inactive, 14s): look at journalctl -b _PID=1',
    ],
    ['0', 'active', '15', '  the watchdog is NOT armed (active, 0): look at journalctl -b _PID=1'],
  ])('systemd says %s, the device %s and %s', async (effective, state, timeout, words) => {
    expect(await said(`'${effective}'`, { state, timeout })).toEqual([reexec, words]);
  });

  test('a machine without one', async () => {
    expect(await said('0')).toEqual([
      '  this machine has no hardware watchdog: a kernel that hangs stays so',
    ]);
  });

  test('a dry run does not start systemd anew', async () => {
    write('sys/class/watchdog/watchdog0/state', 'active\n');
    write('sys/class/watchdog/watchdog0/timeout', '14\n');
    const standIns = 'put() { :; }; systemctl() { echo "$1"; }; dry_run=1';
    expect(await onMachine('set_watchdog', standIns)).toEqual([
      '  the watchdog is armed: show, the device says 14 s',
    ]);
  });
});
