// A finished release as one signed archive, the same bytes each time. The private key is read from its file by openssl
// alone: it never stands in arguments, environment or memory of ours.
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { lstat, readdir, rename, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { runTool } from './run-tool.ts';

/** Sums of every file of a release, in its folder; scripts/provision.sh and an update check by it. */
export const sumsFile = 'SHA256SUMS';
/** Every file of an archive carries this time: when it was built must not change its bytes. */
const fileTime = '2026-01-01 00:00:00Z';

/** Every file of a folder by its relative path, in an order that does not depend on the machine. */
export async function filesOf(folder: string): Promise<string[]> {
  const names = await readdir(folder, { recursive: true });
  const files: string[] = [];
  for (const name of names.sort()) {
    if ((await lstat(join(folder, name))).isFile()) files.push(name);
  }
  return files;
}

export async function writeSums(release: string): Promise<void> {
  const lines: string[] = [];
  for (const file of await filesOf(release)) {
    const hash = createHash('sha256');
    await pipeline(createReadStream(join(release, file)), hash);
    lines.push(`${hash.digest('hex')}  ./${file}\n`);
  }
  await writeFile(join(release, sumsFile), lines.join(''));
}

/** Packs the folder `release`, with its name, into `archive` (.tar.gz), which is there when it is whole. */
export async function packRelease(release: string, archive: string): Promise<void> {
  const beside = `${archive}.new`;
  await runTool('tar', [
    '--create',
    `--file=${beside}`,
    '--use-compress-program=gzip -9 -n',
    '--format=gnu',
    '--sort=name',
    `--mtime=${fileTime}`,
    '--owner=0',
    '--group=0',
    '--numeric-owner',
    '--mode=u=rwX,go=rX',
    `--directory=${dirname(release)}`,
    basename(release),
  ]);
  await rename(beside, archive);
}

/**
 * Signs the archive with Ed25519 into `<archive>.sig`: 64 bytes, as `openssl pkeyutl -verify -rawin` reads them.
 * @throws ToolError when the key cannot be read or is of another kind.
 */
export async function signArchive(archive: string, keyFile: string): Promise<string> {
  const signature = `${archive}.sig`;
  await runTool('openssl', [
    ...['pkeyutl', '-sign', '-rawin', '-inkey', keyFile],
    ...['-in', archive, '-out', signature],
  ]);
  return signature;
}
