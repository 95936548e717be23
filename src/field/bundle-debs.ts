// The Debian packages that a kiosk needs and a minimal system lacks, fetched for each release of Debian, so that a
// kiosk is set up without internet. apt checks them by Debian's own signatures, in folders of its own.
import { existsSync } from 'node:fs';
import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Arch } from './native-rules.ts';
import { runTool, ToolError } from './run-tool.ts';

const keyring = '/usr/share/keyrings/debian-archive-keyring.gpg';

/** Groups as scripts/provision.sh installs them: `base` on every kiosk, `overlay` for a root that is only read. */
type Groups = Readonly<Record<'base' | 'overlay', readonly string[]>>;

const base = ['libusb-1.0-0', 'gpiod'];
const overlay = [
  'overlayroot',
  // It depends on these, though nothing here is encrypted; and on initramfs-tools, which comes with the kernel's package.
  'cryptsetup',
  'cryptsetup-bin',
  'libcryptsetup12',
  'libpopt0',
  'dmsetup',
  'libdevmapper1.02.1',
  'libjson-c5',
  'libargon2-1',
];
/** By Debian's version: the library of gpiod has another name in each. */
const releases: Readonly<Record<string, { suite: string; groups: Groups }>> = {
  12: { suite: 'bookworm', groups: { base: [...base, 'libgpiod2'], overlay } },
  13: { suite: 'trixie', groups: { base: [...base, 'libgpiod3'], overlay } },
};

/** Why packages cannot be fetched on this machine; undefined: they can. */
export function debsFault(): string | undefined {
  if (!existsSync('/usr/bin/apt-get')) return 'this machine has no apt-get';
  return existsSync(keyring) ? undefined : `this machine lacks ${keyring}`;
}

/**
 * Fetches the packages for `arch` into `folder`/<version>/<group>, and answers those folders relative to it. What is
 * there already is not fetched again, so that two bundles from one folder are the same.
 * @throws ToolError without network, or when a package is not to be had.
 */
export async function fetchDebs(arch: Arch, folder: string): Promise<string[]> {
  const places: string[] = [];
  const mirror = await mirrorOfThisMachine();
  for (const [version, { suite, groups }] of Object.entries(releases)) {
    for (const [group, packages] of Object.entries(groups)) {
      const place = join(version, group);
      await mkdir(join(folder, place), { recursive: true });
      const there = (await readdir(join(folder, place))).map((file) => file.split('_')[0]);
      const missing = packages.filter((name) => !there.includes(name));
      if (missing.length > 0) {
        await download(arch, `${mirror} ${suite} main`, missing, join(folder, place));
      }
      places.push(place);
    }
  }
  return places;
}

/** Where this machine itself gets Debian from. */
async function mirrorOfThisMachine(): Promise<string> {
  const wanted = ['Origin: Debian', 'Label: Debian', 'Component: main', 'Identifier: Packages'];
  const format = ['--format', '$(REPO_URI)'];
  const [mirror] = (await runTool('apt-get', ['indextargets', ...format, ...wanted])).split('\n');
  if (mirror === undefined || mirror === '') {
    throw new ToolError('apt-get knows no mirror of Debian: apt-get update, on Debian, finds it');
  }
  return mirror;
}

async function download(
  arch: Arch,
  archive: string,
  packages: readonly string[],
  place: string,
): Promise<void> {
  const state = join(place, '../apt');
  await mkdir(join(state, 'lists/partial'), { recursive: true });
  await mkdir(join(state, 'cache/archives/partial'), { recursive: true });
  await writeFile(join(state, 'status'), '');
  await writeFile(join(state, 'sources.list'), `deb [signed-by=${keyring}] ${archive}\n`);
  const debian = arch === 'x64' ? 'amd64' : arch;
  const settings = {
    'Dir::State': state,
    'Dir::State::status': join(state, 'status'),
    'Dir::Cache': join(state, 'cache'),
    'Dir::Etc::sourcelist': join(state, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'APT::Architecture': debian,
    'APT::Architectures': debian,
    'APT::Sandbox::User': '',
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ['-o', `${name}=${value}`]);
  // Without a place to get lists from, `update` says so only by warnings.
  await runTool('apt-get', [...options, '-qq', '-o', 'APT::Update::Error-Mode=any', 'update']);
  await runTool('apt-get', [...options, '-qq', 'download', ...packages], { cwd: place });
}
