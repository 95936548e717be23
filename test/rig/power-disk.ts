// The second disk of a guest, on which a kiosk keeps its journal while its power is cut.
import { execFileSync } from 'node:child_process';
import { truncateSync, writeFileSync } from 'node:fs';
import type { Guest } from './machine/guest.ts';
import { stateDir } from './guest-kiosk.ts';

/** The kiosk sells nothing on a disk with less than 32 MB to spare. */
const diskBytes = 64 * 1024 * 1024;
export const withSbin = { ...process.env, PATH: `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin` };

/** An empty ext4 in this file. */
export function makeJournalDisk(file: string): void {
  writeFileSync(file, '');
  truncateSync(file, diskBytes);
  const now = ['-E', 'lazy_itable_init=0,lazy_journal_init=0'];
  execFileSync('mke2fs', ['-q', '-t', 'ext4', ...now, file], { env: withSbin });
}

/** Before the kiosk is installed. */
export async function mountState(guest: Guest): Promise<void> {
  await guest.sh(`mkdir -p ${stateDir} && mount /dev/disk/by-id/virtio-data ${stateDir}`);
}
