// The packages of a bundle: installed by the lock file for another machine than this one, and of those only what has
// native parts, without what a kiosk never reads. No package's own script is run.
import { copyFile, mkdir, readdir, readFile, symlink } from 'node:fs/promises';
import { basename, dirname, join, relative } from 'node:path';
import { existsSync } from 'node:fs';
import { z } from 'zod';
import type { Arch } from './native-rules.ts';
import { runTool } from './run-tool.ts';

/** What is loaded from node_modules at run time; `qr` is served to the bench's page as it is. */
const loaded = ['node-hid', 'usb', 'sharp', '@serialport/bindings-cpp', 'qr'];
const neededFile = /\.(js|cjs|mjs|json|node)$|\.so(\.\d+)*$|^(licen[cs]e|copying|notice)/i;
/** Headers, manuals and another library's sources: some hold .json or .js files that nobody loads. */
const unneededFolder = /^(include|share|hidapi|\.bin)$/;

const manifestSchema = z.object({
  dependencies: z.record(z.string(), z.string()).default({}),
  optionalDependencies: z.record(z.string(), z.string()).default({}),
});

/** npm leaves out an optional package that it could not fetch, and ends well. */
const maxTries = 3;

/**
 * Installs the locked packages for `arch` into `source`/node_modules; npm checks each by the lock's integrity.
 * @throws Error when npm fails, or the runtime cannot be fetched
 */
export async function installFor(arch: Arch, source: string): Promise<void> {
  const runtime = runtimeOf(arch);
  for (let tries = 1; tries <= maxTries; tries++) {
    await installOnce(arch, source);
    if (existsSync(join(source, 'node_modules', runtime))) return;
  }
  throw new Error(`npm left out ${runtime}, ${maxTries} times: look at the network, and try again`);
}

/** The package that Node itself comes in. */
function runtimeOf(arch: Arch): string {
  return `node-linux-${arch}`;
}

async function installOnce(arch: Arch, source: string): Promise<void> {
  const target = ['--os=linux', `--cpu=${arch}`, '--libc=glibc'];
  const quiet = ['--ignore-scripts', '--loglevel=error', '--prefer-offline'];
  await runTool('npm', ['ci', '--omit=dev', '--include=optional', ...target, ...quiet], {
    cwd: source,
  });
}

/** Copies runtime and native packages of `source` into `release`. */
export async function copyPackages(arch: Arch, source: string, release: string): Promise<void> {
  const runtime = runtimeOf(arch);
  const folders = [
    join(source, 'node_modules', runtime),
    ...(await Promise.all(loaded.map(async (name) => withDependencies(name, source)))).flat(),
  ];
  for (const folder of new Set(folders)) {
    await copyNeeded(arch, folder, join(release, relative(source, folder)));
  }
  await mkdir(join(release, 'node_modules/.bin'), { recursive: true });
  await symlink(`../${runtime}/bin/node`, join(release, 'node_modules/.bin/node'));
}

/** The package's folder, and those of all that it needs and that is installed, as Node would find them. */
async function withDependencies(
  name: string,
  from: string,
  seen = new Set<string>(),
): Promise<string[]> {
  const folder = findPackage(name, from);
  if (folder === undefined || seen.has(folder)) return [];
  seen.add(folder);
  const manifest = manifestSchema.parse(
    JSON.parse(await readFile(join(folder, 'package.json'), 'utf8')),
  );
  const names = Object.keys({ ...manifest.dependencies, ...manifest.optionalDependencies });
  for (const one of names) await withDependencies(one, folder, seen);
  return [...seen];
}

function findPackage(name: string, from: string): string | undefined {
  for (let at = from; at !== dirname(at); at = dirname(at)) {
    const folder = join(at, 'node_modules', name);
    if (existsSync(join(folder, 'package.json'))) return folder;
  }
  return undefined;
}

async function copyNeeded(arch: Arch, from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    if (entry.isDirectory()) {
      // Packages inside of a package are packages of their own: they were found if they are needed.
      if (entry.name === 'node_modules' || unneededFolder.test(entry.name)) continue;
      if (basename(from) === 'prebuilds' && !isFor(arch, entry.name)) continue;
      await copyNeeded(arch, source, join(to, entry.name));
    } else if (isNeeded(source)) {
      await mkdir(to, { recursive: true });
      await copyFile(source, join(to, entry.name));
    }
  }
}

function isNeeded(file: string): boolean {
  const name = basename(file);
  if (name.includes('.musl.')) return false;
  return neededFile.test(name) || basename(dirname(file)) === 'bin';
}

/** `linux-arm64`, `HID_hidraw-linux-arm64`: the folder of prebuilt parts for this machine, with glibc. */
function isFor(arch: Arch, folder: string): boolean {
  return folder === `linux-${arch}` || folder.endsWith(`-linux-${arch}`);
}
