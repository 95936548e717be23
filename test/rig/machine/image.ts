// Where guests come from: built once from Debian's packages, booted once and frozen, kept by the hash of the recipe.
import { execFile, spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { transform } from 'esbuild';
import { alone } from './alone.ts';
import { Guest } from './guest.ts';
import type { GuestImage } from './launch.ts';
import { extractKernel } from './kernel-file.ts';
import { kvmUsable, qemuLine } from './qemu-line.ts';

/** Debian's releases, by what they are called in the archive. */
export const suites = { 12: 'bookworm', 13: 'trixie' } as const;
export type DebianRelease = keyof typeof suites;

const here = import.meta.dirname;
const recipe = join(here, 'image');
/** What is asked for, and which package brings it. */
const tools: Readonly<Record<string, string>> = {
  'qemu-system-x86_64': 'qemu-system-x86',
  'qemu-img': 'qemu-utils',
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  modprobe: 'kmod',
  cpio: 'cpio',
  xz: 'xz-utils',
  zstd: 'zstd',
  socat: 'socat',
};
/** Loaded before the freeze, so that a plugged device finds its driver at once. */
const modules =
  '9p 9pnet_virtio uhid hid_generic usbhid usblp cdc_acm evdev uinput ftdi_sio i6300esb';

/** Why no guest can be made here, and what to install; undefined when one can. */
export function whyNoGuest(): string | undefined {
  if (process.arch !== 'x64') return 'guests are made on x64 only';
  const search = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
  const missing = Object.entries(tools).filter(
    ([tool]) => spawnSync('sh', ['-c', `command -v ${tool}`], { env: search }).status !== 0,
  );
  if (missing.length > 0) {
    return `apt-get install --no-install-recommends ${missing.map(([, name]) => name).join(' ')}`;
  }
  return process.getuid?.() === 0 ? undefined : 'run as root: a guest is made of root’s files';
}

/** The guest of a release of Debian: from the cache, or built (two minutes). @param say hears each step */
export async function guestImage(
  release: DebianRelease,
  say: (step: string) => void = () => undefined,
): Promise<GuestImage> {
  const cache = process.env['KIOS_RIG_CACHE'] ?? join(tmpdir(), 'kios-rig-cache');
  const name = `debian-${release}-`;
  const folder = join(cache, name + recipeHash(release));
  const warm = { state: join(folder, 'state'), disk: join(folder, 'warm.qcow2') };
  if (existsSync(folder)) return { folder, warm };
  await mkdir(cache, { recursive: true });
  await alone(join(cache, name), async () => {
    if (!existsSync(folder)) await makeImage(release, folder, say);
  });
  return { folder, warm };
}

async function makeImage(
  release: DebianRelease,
  folder: string,
  say: (step: string) => void,
): Promise<void> {
  const cache = dirname(folder);
  const name = `debian-${release}-`;
  // Of an older recipe, or of a build that was killed: nobody asks for it again, and each is a gigabyte.
  for (const old of await readdir(cache)) {
    if (old.startsWith(name)) await rm(join(cache, old), { recursive: true, force: true });
  }
  const fresh = await mkdtemp(join(cache, `${name}building-`));
  try {
    await build(release, fresh, say);
    await freeze(fresh, say);
    await rename(fresh, folder);
  } catch (error) {
    await rm(fresh, { recursive: true, force: true });
    throw error;
  }
}

/** Everything that a guest is made of, and the hardware that its saved state was frozen on. */
function recipeHash(release: DebianRelease): string {
  const hash = createHash('sha256');
  const files = readdirSync(recipe).map((name) => join(recipe, name));
  for (const file of [...files, join(here, 'agent.ts')].sort()) hash.update(readFileSync(file));
  const shares = { host: '', run: '' };
  const hardware = { image: '', folder: '', disk: '', dataDisk: { file: '' }, reachable: [] };
  hash.update(qemuLine({ ...hardware, shares }).join());
  const { stdout } = spawnSync('qemu-system-x86_64', ['--version'], { encoding: 'utf8' });
  hash.update([release, process.version, kvmUsable(), modules, stdout].join());
  return hash.digest('hex').slice(0, 12);
}

async function build(
  release: DebianRelease,
  folder: string,
  say: (step: string) => void,
): Promise<void> {
  say(`building Debian ${release}`);
  const agent = join(folder, 'agent.mjs');
  const { code: plain } = await transform(readFileSync(join(here, 'agent.ts')), { loader: 'ts' });
  await writeFile(agent, plain);
  const line = [folder, suites[release], process.execPath, agent];
  const builder = spawn(join(recipe, 'build.sh'), line, { stdio: ['ignore', 'pipe', 'pipe'] });
  let said = '';
  for (const stream of [builder.stdout, builder.stderr]) {
    stream.on('data', (bytes: Buffer) => (said += bytes.toString()));
  }
  const [code] = (await once(builder, 'close')) as [number | null];
  if (code !== 0) throw new Error(`no guest was built:\n${said}`);
  extractKernel(join(folder, 'vmlinuz'), join(folder, 'vmlinux'));
}

async function freeze(folder: string, say: (step: string) => void): Promise<void> {
  say('booting it once');
  const guest = await Guest.start({ folder });
  try {
    const settled = 'systemctl is-system-running --wait >/dev/null || systemctl --failed >&2';
    await guest.sh(`${settled}; modprobe -a ${modules}; udevadm settle`, 180_000);
    await guest.sh('sync; echo 3 >/proc/sys/vm/drop_caches');
    const disk = join(folder, 'warm.qcow2');
    await guest.freeze(join(folder, 'state'), disk);
    // By its name alone: the folder is about to be renamed.
    const beside = ['rebase', '-u', '-F', 'raw', '-b', 'base.ext4', disk];
    await promisify(execFile)('qemu-img', beside);
  } finally {
    await guest.end();
  }
}
