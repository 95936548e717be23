// The data partition of a kiosk in the field, and whether each link on it leads to a whole release: by its sums, which the
// start of a kiosk has no time for.
import { execFileSync, spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readlinkSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const withSbin = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };
/** Two releases, one that is unpacked, a bundle, and what must be left. */
const diskBytes = 1536 * 1024 * 1024;

/** As scripts/card makes it. */
export function makeStateDisk(file: string): void {
  writeFileSync(file, '');
  truncateSync(file, diskBytes);
  const now = ['-E', 'lazy_itable_init=0,lazy_journal_init=0'];
  execFileSync('mke2fs', ['-q', '-t', 'ext4', '-L', 'kios-data', ...now, file], { env: withSbin });
}

/** What of its releases is not whole; undefined: nothing. The disk is of a guest that is off; its files come into `folder`. */
export function diskFault(image: string, folder: string): string | undefined {
  // e2fsck(8): 1 says that errors were corrected, which replaying the journal is; 4 and above that some were not.
  const { status, stdout } = spawnSync('e2fsck', ['-p', image], { env: withSbin });
  if (status === null || status > 1) return `e2fsck ${String(status)}: ${String(stdout)}`;
  const out = join(folder, 'files');
  rmSync(out, { recursive: true, force: true });
  mkdirSync(out);
  execFileSync('debugfs', ['-R', `rdump / ${out}`, image], { env: withSbin, stdio: 'pipe' });
  for (const link of ['current', 'good']) {
    const fault = releaseFault(out, link);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

/** Where a link leads on this disk; undefined: nowhere on it, and the machine runs what was provisioned. */
function releaseLed(folder: string, link: string): string | undefined {
  try {
    return readlinkSync(join(folder, 'files', link));
  } catch {
    return undefined;
  }
}

function releaseFault(out: string, link: string): string | undefined {
  const target = releaseLed(join(out, '..'), link);
  // What was provisioned lies on the other disk.
  if (target?.startsWith('releases/') !== true) return undefined;
  const release = join(out, target);
  if (!existsSync(release)) return `${link} leads to ${target}, which is not there`;
  const sums = ['--check', '--strict', '--quiet', 'SHA256SUMS'];
  const { status, stdout, stderr } = spawnSync('sha256sum', sums, { cwd: release });
  return status === 0 ? undefined : `${target} is damaged: ${String(stdout)}${String(stderr)}`;
}
