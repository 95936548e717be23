// Starts qemu on a layer over a built guest, which is thrown away: the image itself is never written.
import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { closeSync, existsSync, openSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { qemuLine, type OwnStart, type SecondDisk } from './qemu-line.ts';

/** A built guest, in a folder: kernel, initrd, disk and, once it was booted, a saved state. */
export interface GuestImage {
  folder: string;
  /** Of a booted guest; resuming it takes seconds instead of tens of them. */
  warm?: { state: string; disk: string };
  /** In place of its own disk, one that a guest of it has used (qcow2): it boots from that, and does not change it. */
  used?: string;
  /** As the system itself would have it started: not by the small initrd of the image. */
  start?: OwnStart;
}

export interface GuestOptions {
  /** Ports of this machine that the guest may reach, at `hostSeenFromGuest`. */
  reachable?: readonly number[];
  /** A folder that the guest sees, read-only, as /mnt/run; the checkout is /mnt/host. */
  share?: string;
  dataDisk?: SecondDisk;
}

const dataDiskBytes = 64 * 1024 * 1024;
const root = join(import.meta.dirname, '../../..');

export const rootDisk = (folder: string): string => join(folder, 'disk.qcow2');

/** Its sockets, disks and `qemu.log` lie in `folder`, an empty one. */
export async function launch(
  folder: string,
  image: GuestImage,
  options: GuestOptions,
): Promise<ChildProcess> {
  const { warm, used = warm?.disk } = image;
  const disk = rootDisk(folder);
  const [base, format] =
    used === undefined ? [join(image.folder, 'base.ext4'), 'raw'] : [used, 'qcow2'];
  const layer = ['create', '-q', '-f', 'qcow2', '-F', format, '-b', base, disk];
  await promisify(execFile)('qemu-img', layer);
  const dataDisk = options.dataDisk ?? { file: join(folder, 'data.raw') };
  if (!existsSync(dataDisk.file)) makeEmpty(dataDisk.file, dataDiskBytes);
  if (dataDisk.log !== undefined) makeEmpty(dataDisk.log, 0);
  const line = qemuLine({
    ...{ image: image.folder, folder, disk, dataDisk, reachable: options.reachable ?? [] },
    shares: { host: root, run: options.share ?? folder },
    ...(warm === undefined ? {} : { state: warm.state }),
    ...(image.start === undefined ? {} : { start: image.start }),
  });
  const log = openSync(join(folder, 'qemu.log'), 'w');
  const child = spawn('qemu-system-x86_64', line, { stdio: ['ignore', log, log] });
  closeSync(log);
  return child;
}

function makeEmpty(file: string, bytes: number): void {
  writeFileSync(file, '');
  truncateSync(file, bytes);
}
