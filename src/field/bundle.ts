// Builds the bundle: everything that a kiosk without internet needs, in one signed archive. A bundle that a Pi could
// not run is never written.
import { createPrivateKey } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { z } from 'zod';
import { filesOf, packRelease, signArchive, writeSums } from './bundle-archive.ts';
import { debsFault, fetchDebs } from './bundle-debs.ts';
import { copyPackages, installFor } from './bundle-packages.ts';
import { bundleProgram } from './bundle-program.ts';
import { nativeFault, type Arch } from './native-rules.ts';
import { ToolError } from './run-tool.ts';
import { sbomOf } from './sbom.ts';

export interface BundleOptions {
  /** The checkout. */
  source: string;
  arch: Arch;
  /** Where the archive and its signature are written. */
  out: string;
  /** PEM file of an Ed25519 private key; without it the archive is not signed. */
  keyFile?: string;
  /** Where fetched Debian packages are kept; without it none are packed. */
  debs?: string;
  /** Told what happens, a line each. */
  say: (line: string) => void;
}

/** What the program is made of; the bundle holds it as one file. */
const sources = ['src', 'drivers', 'package.json', 'package-lock.json', '.npmrc'];
/** What a release holds as it lies in the checkout. Of the page, Node serves the sources themselves. */
const kept = [
  'config',
  'drivers/display/font',
  'package.json',
  'package-lock.json',
  'scripts',
  'src/bench/page',
  'systemd',
];

/** A part of the bundle that must not go into the field. */
export class BundleError extends Error {
  readonly faults: readonly string[];

  constructor(faults: readonly string[]) {
    super(`there is no bundle:\n${faults.map((fault) => `  - ${fault}`).join('\n')}`);
    this.name = 'BundleError';
    this.faults = faults;
  }
}

/**
 * Builds `kios-<version>-linux-<arch>.tar.gz` and answers its path.
 * @throws BundleError when a native part would not load in the field; ToolError when a tool failed.
 */
export async function buildBundle(options: BundleOptions): Promise<string> {
  const { source, arch, out, keyFile, say } = options;
  if (keyFile !== undefined) refuseKey(keyFile);
  const name = `kios-${await versionOf(source)}-linux-${arch}`;
  const work = await mkdtemp(join(tmpdir(), 'kios-bundle-'));
  try {
    const tree = join(work, 'source');
    const release = join(work, name);
    for (const part of sources) await copy(part, source, tree);
    say(`installing the locked packages for ${arch}`);
    await installFor(arch, tree);
    say('making the program of one file, with its compiled code');
    await bundleProgram(tree, release);
    await copyPackages(arch, tree, release);
    for (const part of kept) await copy(part, source, release);
    say('fetching the Debian packages');
    await addDebs(options, release);
    await refuseUnloadable(arch, release);
    await addSbom(release);
    await writeSums(release);
    say('packing');
    await mkdir(out, { recursive: true });
    const archive = join(out, `${name}.tar.gz`);
    await packRelease(release, archive);
    if (keyFile === undefined) say('not signed: no kiosk takes it without --key');
    else say(`signature: ${await signArchive(archive, keyFile)}`);
    return archive;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

/** Before the work of minutes. @throws BundleError where nothing can be signed with this file */
function refuseKey(keyFile: string): void {
  const help = 'kios bundle --help says how one is made';
  let kind: string | undefined;
  try {
    kind = createPrivateKey(readFileSync(keyFile)).asymmetricKeyType;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    const why = code === 'ENOENT' ? 'is not there' : `holds no private key (${code ?? 'unknown'})`;
    // What OpenSSL says of a file may quote it.
    throw new BundleError([`the key ${keyFile} ${why}; ${help}`]);
  }
  if (kind !== 'ed25519') {
    throw new BundleError([
      `the key ${keyFile} is ${kind ?? 'no'} key: it must be Ed25519; ${help}`,
    ]);
  }
}

/** @throws BundleError with every native part of a release that would not load in the field */
export async function refuseUnloadable(arch: Arch, release: string): Promise<void> {
  const faults = await nativeFaults(arch, release);
  if (faults.length > 0) throw new BundleError(faults);
}

/** What the release is made of, for whoever has only the bundle. Debian packages are the files under debs/. */
async function addSbom(release: string): Promise<void> {
  const sbom = sbomOf(await readFile(join(release, 'package-lock.json'), 'utf8'), 'kios');
  await writeFile(join(release, 'sbom.cdx.json'), `${JSON.stringify(sbom, undefined, 2)}\n`);
}

async function addDebs({ arch, debs, say }: BundleOptions, release: string): Promise<void> {
  if (debs === undefined) {
    say('no Debian packages: a kiosk needs internet for what its system lacks');
    return;
  }
  const folder = resolve(debs, arch);
  const fault = debsFault();
  if (fault !== undefined) throw new BundleError([`Debian packages: ${fault}; or --no-debs`]);
  try {
    for (const place of await fetchDebs(arch, folder)) {
      await cp(join(folder, place), join(release, 'debs', place), { recursive: true });
    }
  } catch (error) {
    if (!(error instanceof ToolError)) throw error;
    throw new BundleError([`Debian packages: ${error.message}; or --no-debs`]);
  }
}

/** What of a release would not load on a machine of this architecture, each with its file. */
export async function nativeFaults(arch: Arch, release: string): Promise<string[]> {
  const faults: string[] = [];
  for (const file of await filesOf(release)) {
    const fault = nativeFault(await readFile(join(release, file)), arch);
    if (fault !== undefined) faults.push(`${file} ${fault}`);
  }
  return faults;
}

async function versionOf(source: string): Promise<string> {
  const manifest: unknown = JSON.parse(await readFile(join(source, 'package.json'), 'utf8'));
  return z.object({ version: z.string() }).parse(manifest).version;
}

async function copy(part: string, from: string, to: string): Promise<void> {
  await cp(join(from, part), join(to, part), { recursive: true });
}
