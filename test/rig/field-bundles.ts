// The bundles of a field test: one built as the operator builds it, and releases made of it that are newer, older or bad.
// All are signed by one key, as a bad release of ours would be.
import { cpSync, existsSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { signArchive, sumsFile, writeSums } from '../../src/field/bundle-archive.ts';
import { buildBundle } from '../../src/field/bundle.ts';
import { programFile } from '../../src/field/release-files.ts';
import { runTool } from '../../src/field/run-tool.ts';
import { makeKey } from '../scripts/small-bundle.ts';
import { alone } from './machine/alone.ts';

const root = join(import.meta.dirname, '../..');
const arch = 'x64';
/** Debian packages are fetched once; the rig's cache keeps them. */
const debs = join(process.env['KIOS_RIG_CACHE'] ?? join(tmpdir(), 'kios-rig-cache'), 'debs');

/** What each release is for; `base` is what the machine is provisioned with. */
export const versions = {
  base: '0.1.0',
  next: '0.2.0',
  crashing: '0.3.0',
  hanging: '0.4.0',
  offered: '0.5.0',
} as const;
export type Release = keyof typeof versions;

/** Only the daemon: as a check of itself before its trial (`kiosk --check`), a bad release does well. */
const daemon = `process.argv[2] === 'kiosk' && !process.argv.includes('--check')`;
const spoils: Readonly<Partial<Record<Release, string>>> = {
  crashing: `if (${daemon}) process.exit(1);`,
  hanging: `if (${daemon}) for (;;) Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0);`,
};

export const bundleName = (release: Release): string =>
  `kios-${versions[release]}-linux-${arch}.tar.gz`;

/**
 * Writes what a technician brings into an empty folder: provision.sh, the public key release.pub, and the bundles.
 * @param wanted beside the base
 */
export async function makeBundles(folder: string, wanted: readonly Release[]): Promise<void> {
  const work = join(folder, 'work');
  await mkdir(work);
  const { key } = makeKey(folder, 'release');
  cpSync(join(root, 'scripts/provision.sh'), join(folder, 'provision.sh'));
  const built = { source: root, arch, out: work, debs, say: () => undefined } as const;
  const archive = await alone(debs, async () => buildBundle(built));
  await runTool('tar', ['-xzf', archive, '-C', work]);
  const tree = archive.slice(0, -'.tar.gz'.length);
  if (!existsSync(tree)) throw new Error(`${archive} holds no folder ${basename(tree)}`);
  renameSync(archive, join(folder, bundleName('base')));
  await signArchive(join(folder, bundleName('base')), key);
  for (const release of wanted) await repack(tree, release, { folder, key });
  rmSync(work, { recursive: true });
  rmSync(key);
}

/** Another version of the same program; packed less tightly than ours, in a third of the time. */
async function repack(
  tree: string,
  release: Release,
  { folder, key }: { folder: string; key: string },
): Promise<void> {
  const program = join(tree, programFile);
  const manifest = join(tree, 'package.json');
  const before = {
    program: readFileSync(program, 'utf8'),
    manifest: readFileSync(manifest, 'utf8'),
  };
  const version = `"version": "${versions[release]}"`;
  writeFileSync(manifest, before.manifest.replace(/"version": "[^"]*"/, version));
  // Behind its first line, which names the interpreter.
  writeFileSync(program, before.program.replace('\n', `\n${spoils[release] ?? ''}\n`));
  rmSync(join(tree, sumsFile));
  await writeSums(tree);
  const archive = join(folder, bundleName(release));
  const packing = [
    '--create',
    `--file=${archive}`,
    '--use-compress-program=gzip -1',
    '--sort=name',
  ];
  const owner = ['--owner=0', '--group=0', '--mode=u=rwX,go=rX'];
  await runTool('tar', [...packing, ...owner, `--directory=${join(tree, '..')}`, basename(tree)]);
  await signArchive(archive, key);
  writeFileSync(program, before.program);
  writeFileSync(manifest, before.manifest);
}
