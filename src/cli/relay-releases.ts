// `kios relay release`: which release kiosks get, by channel and share. Safe while the relay runs. The relay only says so;
// each kiosk fetches the bundle, and its root takes none that the release key has not signed.
import { InvalidArgumentError, type Command } from 'commander';
import type { z } from 'zod';
import { KiosError } from '../protocol/errors.ts';
import {
  arches,
  channel,
  defaultChannel,
  releaseUrl,
  sha256,
  version,
} from '../protocol/release.ts';
import { type ReleaseRow } from '../relay/store/schema.ts';
import { parseKioskId } from './relay-fleet.ts';
import { withStore } from './relay-store.ts';

interface SetFlags {
  channel: string;
  /** Its version. `--version` is the program's own. */
  release?: string;
  url?: string;
  percent?: number;
  sha256?: Record<string, string>;
}

/** Adds them to `kios relay`. */
export function addReleaseCommands(relay: Command): void {
  const configOf = (): string => relay.opts<{ config: string }>().config;
  const release = relay
    .command('release')
    .description('Says which release the kiosks get; safe while the relay runs.');
  addSet(release, configOf);
  release
    .command('list')
    .description('Each channel with its release and share.')
    .action(() => list(configOf()));
  release
    .command('drop')
    .description('A channel gets no release any more; what runs stays.')
    .option('--channel <name>', 'of which kiosks', parsed(channel), defaultChannel)
    .action((flags: { channel: string }) => drop(configOf(), flags.channel));
  release
    .command('channel')
    .description('Puts a kiosk into a channel.')
    .argument('<kiosk>', 'such as ksk01', parseKioskId)
    .argument('<channel>', 'such as stable or canary', parsed(channel))
    .action((kiosk: string, name: string) => putInto(configOf(), kiosk, name));
}

function addSet(release: Command, configOf: () => string): void {
  release
    .command('set')
    .description('Gives a channel a release, or changes the share of the one that it has.')
    .option('--channel <name>', 'of which kiosks', parsed(channel), defaultChannel)
    .option('--release <version>', 'such as 1.4.0', parsed(version))
    .option('--url <folder>', 'https://…/ in which bundles and .sig files lie', parsed(releaseUrl))
    .option('--sha256 <arch=sum>', 'of the bundle, once for each arch', parseSums)
    .option('--percent <n>', 'how many of a hundred kiosks', parsePercent)
    .addHelpText(
      'after',
      `
  kios relay --config FILE release set --release 1.4.0 --url https://files.example/kios/ \\
    --sha256 arm64=$(sha256sum kios-1.4.0-linux-arm64.tar.gz | cut -d' ' -f1) --percent 10
  kios relay --config FILE release set --percent 100

The same kiosks come first each time, and a larger share holds the smaller ones. A share of 0 stops further kiosks; those
that have the release keep it.`,
    )
    .action((flags: SetFlags) => set(configOf(), flags));
}

async function set(file: string, flags: SetFlags): Promise<void> {
  await withStore(file, 'change', async (store) => {
    const standing = (await store.releases()).find((row) => row.channel === flags.channel);
    const next = nextOf(standing, flags);
    await store.setRelease(next);
    process.stdout.write(`${textOf(next)}\n`);
  });
}

/** @throws KiosError `bad-request`: a new release is named as a whole, so that no sum of the one before stays with it */
function nextOf(
  standing: ReleaseRow | undefined,
  { channel: name, release: wanted, url, percent, sha256: sums }: SetFlags,
): Omit<ReleaseRow, 'setAtMs'> {
  if (wanted === undefined || wanted === standing?.version) {
    if (standing === undefined) {
      throw new KiosError('bad-request', `${name} has no release yet: name --release`);
    }
    const { setAtMs: _then, ...row } = standing;
    return {
      ...row,
      url: url ?? row.url,
      percent: percent ?? row.percent,
      arm64: sums?.['arm64'] ?? row.arm64,
      x64: sums?.['x64'] ?? row.x64,
    };
  }
  if (url === undefined || percent === undefined || sums === undefined) {
    throw new KiosError('bad-request', 'a new release needs --url, --percent and --sha256');
  }
  const { arm64 = null, x64 = null } = sums;
  return { channel: name, version: wanted, url, percent, arm64, x64 };
}

async function list(file: string): Promise<void> {
  const rows = await withStore(file, 'read', (store) => store.releases());
  if (rows.length === 0) process.stdout.write('no channel has a release\n');
  for (const row of rows) process.stdout.write(`${textOf(row)}\n`);
}

async function drop(file: string, name: string): Promise<void> {
  const had = await withStore(file, 'change', (store) => store.dropRelease(name));
  if (!had) throw new KiosError('not-found', `${name} has no release`);
  process.stdout.write(`${name} gets no release any more.\n`);
}

async function putInto(file: string, kiosk: string, name: string): Promise<void> {
  const known = await withStore(file, 'change', (store) => store.setChannel(kiosk, name));
  if (!known) throw new KiosError('not-found', `no kiosk ${kiosk} was ever enrolled here`);
  process.stdout.write(`${kiosk} is in ${name}.\n`);
}

function textOf({ channel: name, version: given, percent, url, arm64, x64 }: ShownRelease): string {
  const sums = { arm64, x64 };
  const made = arches.filter((arch) => sums[arch] !== null).join(', ');
  return `${name}: ${given} for ${percent} % (${made}) from ${url}`;
}

type ShownRelease = Omit<ReleaseRow, 'setAtMs'>;

function parsed<T>(shape: z.ZodType<T>): (text: string) => T {
  return (text) => {
    const read = shape.safeParse(text);
    if (read.success) return read.data;
    throw new InvalidArgumentError(read.error.issues[0]?.message ?? 'not understood');
  };
}

function parseSums(text: string, before: Record<string, string> = {}): Record<string, string> {
  const [arch = '', sum = ''] = text.split('=');
  const read = sha256.safeParse(sum);
  if (arches.some((one) => one === arch) && read.success) return { ...before, [arch]: read.data };
  throw new InvalidArgumentError(`${arches.join(' or ')}, then = and 64 hexadecimal digits`);
}

function parsePercent(text: string): number {
  const percent = Number(text);
  if (/^\d{1,3}$/.test(text) && percent <= 100) return percent;
  throw new InvalidArgumentError('a whole number, 0 to 100');
}
