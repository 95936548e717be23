// A bundle that has everything but the program, packed and signed by the product's own code: made in no time.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { packRelease, signArchive, writeSums } from '../../src/field/bundle-archive.ts';
import type { Arch } from '../../src/field/native-rules.ts';

export const ownArch: Arch = process.arch === 'arm64' ? 'arm64' : 'x64';

export interface SmallBundle {
  archive: string;
  /** The public key, as it would come by another way. */
  publicKey: string;
}

export function makeKey(folder: string, name: string): { key: string; publicKey: string } {
  const key = join(folder, `${name}.pem`);
  const publicKey = join(folder, `${name}.pub`);
  execFileSync('openssl', ['genpkey', '-algorithm', 'ed25519', '-out', key]);
  execFileSync('openssl', ['pkey', '-in', key, '-pubout', '-out', publicKey]);
  return { key, publicKey };
}

/**
 * @param project a checkout (or a copy of its parts)
 * @param folder where archive, signature and key are written
 */
export async function makeSmallBundle(
  project: string,
  folder: string,
  { arch = ownArch, program = 'made for a test' } = {},
): Promise<SmallBundle> {
  const name = `kios-0.1.0-linux-${arch}`;
  const release = join(folder, name);
  for (const part of ['config', 'scripts', 'systemd', 'package.json']) {
    cpSync(join(project, part), join(release, part), { recursive: true });
  }
  mkdirSync(join(release, `node_modules/node-linux-${arch}/bin`), { recursive: true });
  writeFileSync(join(release, 'kios.mjs'), `// ${program}\n`);
  await writeSums(release);
  const archive = join(folder, `${name}.tar.gz`);
  await packRelease(release, archive);
  const { key, publicKey } = makeKey(folder, 'release');
  await signArchive(archive, key);
  return { archive, publicKey };
}

/** What a Debian system has before kios comes: as much of it as provisioning touches. */
export function makeDebianTree(folder: string): void {
  const files = {
    'etc/os-release': 'ID=debian\nVERSION_ID="12"\n',
    'etc/passwd': 'root:x:0:0:root:/root:/bin/bash\n',
    'etc/group': 'root:x:0:\n',
    'etc/shadow': 'root:*:19000:0:99999:7:::\n',
    'etc/gshadow': 'root:*::\n',
    'etc/fstab': 'PARTUUID=1-02 / ext4 defaults,noatime 0 1\n',
    'boot/firmware/cmdline.txt':
      'console=serial0,115200 console=tty1 root=PARTUUID=1-02 rootfstype=ext4 rootwait\n',
    'etc/systemd/system.conf': '[Manager]\n',
  };
  for (const [file, text] of Object.entries(files)) {
    mkdirSync(join(folder, file, '..'), { recursive: true });
    writeFileSync(join(folder, file), text);
  }
  for (const place of [
    'opt',
    'srv',
    'usr/local/bin',
    'etc/systemd/system',
    'var/lib',
    'var/cache',
  ]) {
    mkdirSync(join(folder, place), { recursive: true });
  }
}
